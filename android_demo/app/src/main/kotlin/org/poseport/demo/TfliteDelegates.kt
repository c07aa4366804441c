package org.poseport.demo

import android.os.Build
import org.poseport.demo.core.Delegates
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.Obstacle
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.gpu.GpuDelegate
import org.tensorflow.lite.nnapi.NnApiDelegate

/** The processors of this phone. What one of them cannot do, the interpreter does on the CPU. */
object TfliteDelegates : Delegates {
    override fun options(setting: Setting): Pair<Interpreter.Options, AutoCloseable?> {
        val options = Interpreter.Options().setNumThreads(setting.threads)
        val delegate = try {
            when (setting.hardware) {
                Hardware.CPU -> null
                Hardware.GPU -> GpuDelegate()
                Hardware.NNAPI -> nnapi()
            }
        } catch (error: RuntimeException) {
            throw unusable(setting, error)
        } catch (error: LinkageError) {
            throw unusable(setting, error)
        }
        if (delegate == null) return options.setUseXNNPACK(true) to null
        return options.addDelegate(delegate) to delegate
    }

    private fun unusable(setting: Setting, error: Throwable) =
        Refused("${setting.hardware.label} cannot be used on this phone (${error.message})", Obstacle.NO_DELEGATE)

    private fun nnapi(): NnApiDelegate {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O_MR1) {
            throw Refused("NNAPI needs Android 8.1", Obstacle.NO_DELEGATE)
        }
        return NnApiDelegate()
    }
}
