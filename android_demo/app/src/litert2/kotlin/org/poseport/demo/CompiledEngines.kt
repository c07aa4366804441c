package org.poseport.demo

import android.content.Context
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.BuiltinNpuAcceleratorProvider
import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.security.MessageDigest
import org.poseport.demo.core.Engine
import org.poseport.demo.core.Engines
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.Obstacle
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.tflite.GraphTensors
import org.poseport.demo.core.words

/** LiteRT 2, which compiles a network for the CPU, the GPU or the NPU: for one alone, so that no other answers. */
internal class CompiledEngines(private val context: Context) : Engines {
    override val name = "LiteRT"

    /** Of the library that was built in: the interface has no way to ask. */
    override val version: String get() = context.getString(R.string.runtime_version)

    /** The vendor's libraries for its NPU, which LiteRT finds among the app's own. */
    private val npu = BuiltinNpuAcceleratorProvider(context)

    override val hardware: List<Hardware>
        get() {
            val npus = if (npu.isDeviceSupported()) listOf(Hardware.NPU) else emptyList()
            return listOf(Hardware.CPU, Hardware.GPU) + npus
        }

    override fun open(model: ByteBuffer, setting: Setting): Engine {
        val accelerator = when (setting.hardware) {
            Hardware.CPU -> Accelerator.CPU
            Hardware.GPU -> Accelerator.GPU
            Hardware.NPU -> Accelerator.NPU
            Hardware.NNAPI -> throw Refused("LiteRT 2 has no NNAPI; choose the NPU", Obstacle.NO_DELEGATE)
        }
        val opened = ArrayList<AutoCloseable>()
        try {
            return CompiledEngine.translated {
                val environment = environment(accelerator).also(opened::add)
                val options = CompiledModel.Options(accelerator)
                if (accelerator == Accelerator.CPU) {
                    options.cpuOptions = CompiledModel.CpuOptions(numThreads = setting.threads)
                }
                val compiled = CompiledModel.create(file(model).path, options, environment).also(opened::add)
                CompiledEngine(environment, compiled, GraphTensors(model, "the network"))
            }
        } catch (error: Throwable) {
            opened.asReversed().forEach(AutoCloseable::close)
            throw error
        }
    }

    private fun environment(accelerator: Accelerator): Environment {
        if (accelerator == Accelerator.NPU && !npu.isDeviceSupported()) {
            throw Refused("this phone has no NPU that LiteRT knows", Obstacle.NO_DELEGATE)
        }
        val made = try {
            if (accelerator == Accelerator.NPU) Environment.create(npu) else Environment.create()
        } catch (error: LiteRtException) {
            throw Refused("LiteRT does not start on this phone (${error.message})", Obstacle.NO_DELEGATE)
        }
        if (accelerator in made.getAvailableAccelerators()) return made
        made.close()
        throw Refused("${accelerator.name} cannot be used on this phone: LiteRT has none", Obstacle.NO_DELEGATE)
    }

    /** LiteRT reads networks from files alone: a copy in the app's cache, under its digest. */
    private fun file(model: ByteBuffer): File {
        val bytes = ByteArray(model.capacity()).also { model.duplicate().apply { clear() }.get(it) }
        val digest = MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }
        val place = File(context.cacheDir, "$digest.tflite")
        if (place.length() == bytes.size.toLong()) return place
        val beside = File(context.cacheDir, ".$digest.part")
        try {
            beside.writeBytes(bytes)
        } catch (error: IOException) {
            throw Refused("the phone has no room for a copy of the network (${error.words()})", Obstacle.MEMORY)
        }
        if (!beside.renameTo(place)) throw Refused("a copy of the network cannot be written", Obstacle.MEMORY)
        return place
    }
}
