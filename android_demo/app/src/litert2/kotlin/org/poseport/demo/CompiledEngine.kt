package org.poseport.demo

import com.google.ai.edge.litert.CompiledModel
import com.google.ai.edge.litert.Environment
import com.google.ai.edge.litert.LiteRtException
import com.google.ai.edge.litert.TensorBuffer
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.poseport.demo.core.Engine
import org.poseport.demo.core.TensorInfo
import org.poseport.demo.core.tflite.GraphTensors

/**
 * A network that LiteRT 2 compiled for one accelerator. Its public interface tells neither names nor quantization of
 * tensors, nor what runs where: [tensors] are those of the file, and the steps are not known.
 */
internal class CompiledEngine(
    private val environment: Environment,
    private val model: CompiledModel,
    private val tensors: GraphTensors,
) : Engine {
    override val inputs get() = tensors.inputs
    override val outputs get() = tensors.outputs
    override val steps: Int? = null

    // in the order of the graph, which LiteRT gives the names of signatures, too (litert/core/model/model_load.cc)
    private val from = model.createInputBuffers()
    private val to = model.createOutputBuffers()

    init {
        val (wanted, found) = "${inputs.size} -> ${outputs.size}" to "${from.size} -> ${to.size}"
        check(wanted == found) { "LiteRT has $found tensors, the file $wanted" }
        val other = (inputs + outputs).firstOrNull { it.type !in TYPES }
        check(other == null) { "LiteRT's Kotlin interface does not carry ${other?.type}" }
    }

    override fun signatureOutput(name: String): Int? = tensors.signatureOutputs[name]

    override fun invoke(input: ByteBuffer, outputs: Map<Int, ByteBuffer>) = translated {
        write(input.duplicate().order(ByteOrder.nativeOrder()), inputs.single(), from.single())
        model.run(from, to)
        for ((place, buffer) in outputs) read(to[place], tensors.outputs[place], buffer)
    }

    private fun write(input: ByteBuffer, tensor: TensorInfo, buffer: TensorBuffer) {
        if (tensor.type == "FLOAT32") {
            buffer.writeFloat(FloatArray(tensor.size).also { input.asFloatBuffer().get(it) })
        } else {
            buffer.writeInt8(ByteArray(tensor.size).also(input::get))
        }
    }

    private fun read(buffer: TensorBuffer, tensor: TensorInfo, output: ByteBuffer) {
        val into = output.duplicate().order(ByteOrder.nativeOrder())
        if (tensor.type == "FLOAT32") into.asFloatBuffer().put(buffer.readFloat()) else into.put(buffer.readInt8())
    }

    override fun close() {
        (from + to).forEach(TensorBuffer::close)
        model.close()
        environment.close()
    }

    companion object {
        /** Those that a buffer of its Kotlin interface reads and writes; bytes are copied, signed or not. */
        private val TYPES = setOf("FLOAT32", "INT8", "UINT8")

        /** LiteRT's own exception is a checked one; to the app it is an engine that gave up. */
        inline fun <T> translated(ask: () -> T): T = try {
            ask()
        } catch (error: LiteRtException) {
            throw IllegalStateException(error.message ?: "LiteRT does not say why", error)
        }
    }
}
