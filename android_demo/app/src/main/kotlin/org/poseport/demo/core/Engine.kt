package org.poseport.demo.core

import java.nio.ByteBuffer

/** Which hardware runs the network. */
enum class Hardware(val label: String) { CPU("CPU"), GPU("GPU"), NNAPI("NNAPI"), NPU("NPU") }

/** How a network is run; threads count on the CPU only. */
data class Setting(val hardware: Hardware = Hardware.CPU, val threads: Int = 2)

/** An input or output of a network as its graph has it; [type] is TFLite's name of it, such as FLOAT32. */
class TensorInfo(val name: String, val shape: IntArray, val type: String, val quantization: Quantization) {
    /** How many values it holds. */
    val size get() = shape.fold(1, Int::times)
}

/** A runtime that has opened one network: what [Network] needs of it. Only the thread that opened it may use it. */
interface Engine : AutoCloseable {
    val inputs: List<TensorInfo>

    val outputs: List<TensorInfo>

    /**
     * Steps that it runs one after the other; null where it does not tell. Each part that a delegate took over is one
     * step, so that as many steps as the file has operations mean that no delegate took any.
     */
    val steps: Int?

    /** The place in [outputs] of what a signature of the file calls [name]; null where none does. */
    fun signatureOutput(name: String): Int?

    /**
     * Run the network once. Buffers are direct, in native byte order, at their beginning and as long as their tensor;
     * [outputs] holds those to fill, by place. Throws [RuntimeException] when the hardware gives up.
     */
    fun invoke(input: ByteBuffer, outputs: Map<Int, ByteBuffer>)
}

/** Opens networks with one runtime. */
interface Engines {
    /** The runtime's name and version, as a record of a measurement gives them. */
    val name: String

    val version: String

    /** What it can be asked to run on, on this phone. */
    val hardware: List<Hardware>

    /**
     * Open a .tflite file, whose [model] was found sound. Throws [Refused] where the phone lacks the hardware of
     * [setting], and [RuntimeException] or [LinkageError] for a file that the runtime cannot run.
     */
    fun open(model: ByteBuffer, setting: Setting): Engine
}
