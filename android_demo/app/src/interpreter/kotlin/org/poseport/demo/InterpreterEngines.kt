package org.poseport.demo

import android.os.Build
import java.nio.ByteBuffer
import org.poseport.demo.core.Engine
import org.poseport.demo.core.Engines
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.Obstacle
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.TensorFlowLite
import org.tensorflow.lite.gpu.GpuDelegate
import org.tensorflow.lite.nnapi.NnApiDelegate

/** The interpreter on this phone's processors. What one of them cannot do, the interpreter does on the CPU. */
class InterpreterEngines(override val name: String) : Engines {
    override val version: String get() = TensorFlowLite.runtimeVersion()

    /** NNAPI is deprecated since Android 15. */
    override val hardware: List<Hardware>
        get() {
            val old = Build.VERSION.SDK_INT < ANDROID_15
            return if (old) listOf(Hardware.CPU, Hardware.GPU, Hardware.NNAPI) else listOf(Hardware.CPU, Hardware.GPU)
        }

    override fun open(model: ByteBuffer, setting: Setting): Engine {
        val options = Interpreter.Options().setNumThreads(setting.threads)
        val delegate = try {
            when (setting.hardware) {
                Hardware.CPU -> null
                Hardware.GPU -> GpuDelegate()
                Hardware.NNAPI -> nnapi()
                Hardware.NPU -> throw Refused("$name reaches an NPU through NNAPI only", Obstacle.NO_DELEGATE)
            }
        } catch (error: RuntimeException) {
            throw unusable(setting, error)
        } catch (error: LinkageError) {
            throw unusable(setting, error)
        }
        if (delegate == null) return InterpreterEngine(model, options.setUseXNNPACK(true))
        return InterpreterEngine(model, options.addDelegate(delegate), delegate)
    }

    private fun unusable(setting: Setting, error: Throwable) =
        Refused("${setting.hardware.label} cannot be used on this phone (${error.message})", Obstacle.NO_DELEGATE)

    private fun nnapi(): NnApiDelegate {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O_MR1) {
            throw Refused("NNAPI needs Android 8.1", Obstacle.NO_DELEGATE)
        }
        return NnApiDelegate()
    }

    private companion object {
        const val ANDROID_15 = 35
    }
}
