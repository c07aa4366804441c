package org.poseport.demo.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.poseport.demo.core.tflite.Memory

/** Nanoseconds that one picture took: making the input, running the network, reading its output. */
class Times(var prepare: Long = 0, var invoke: Long = 0, var decode: Long = 0)

/** One network of a file: its spec, its engine and its tensors. Throws [Refused] for one that cannot run here. */
class Network(stage: Stage, private val name: String, engines: Engines, setting: Setting) : AutoCloseable {
    val spec = stage.card.spec
    private val engine = load(stage.data, engines, setting)
    private val decoder = OutputDecoder(spec)
    val input: InputTensor
    private val outputs: List<OutputReader>
    private val output: ByteBuffer
    private val buffers = HashMap<Int, ByteBuffer>()

    init {
        try {
            val (from, places) = tensors()
            input = InputTensor(spec, kind(from), from.quantization)
            val to = places.map(engine.outputs::get)
            val sizes = to.map { it.size * kind(it).bytes }
            output = ByteBuffer.allocateDirect(sizes.sum()).order(ByteOrder.nativeOrder())
            outputs = to.mapIndexed { i, tensor ->
                output.limit(output.position() + sizes[i])
                val part = output.slice().order(ByteOrder.nativeOrder())
                output.position(output.limit())
                buffers[places[i]] = part
                OutputReader(part, tensor.size, kind(tensor), tensor.quantization)
            }
        } catch (error: Throwable) {
            engine.close()
            throw error
        }
    }

    private fun load(data: ByteBuffer, engines: Engines, setting: Setting): Engine = try {
        Memory.check(data, name) // the engine is native code, which a damaged file can crash
        engines.open(data, setting)
    } catch (error: RuntimeException) {
        throw Refused("$name: cannot be run here (${reason(error)})", Obstacle.UNSUPPORTED)
    } catch (error: LinkageError) {
        throw Refused("$name: cannot be run here (${reason(error)})", Obstacle.UNSUPPORTED)
    }

    /** How many operations the file lists. */
    val operations = operations(stage.data.duplicate().order(ByteOrder.LITTLE_ENDIAN))

    /** [Engine.steps]. */
    val steps: Int? = engine.steps

    /** Whether a delegate runs any of the operations; null where the library does not tell. */
    val delegated: Boolean? = steps?.let { it < operations }

    /** How many operations the flatbuffer lists: Model.subgraphs[0].operators of TFLite's schema. */
    private fun operations(model: ByteBuffer): Int {
        fun followed(at: Int) = at + model.getInt(at)
        fun field(table: Int, number: Int): Int {
            val layout = table - model.getInt(table)
            return followed(table + model.getShort(layout + 4 + 2 * number))
        }
        val subgraphs = field(followed(0), 2)
        return model.getInt(field(followed(subgraphs + 4), 3))
    }

    private fun reason(error: Throwable) =
        (error.message ?: error.javaClass.simpleName).lineSequence().first().take(160)

    /** The one input, and the places of the outputs that the spec names; all must be what the file's own card says. */
    private fun tensors(): Pair<TensorInfo, List<Int>> {
        val from = engine.inputs.singleOrNull()
            ?: throw Refused("$name: has ${engine.inputs.size} inputs, expected one")
        val wanted = intArrayOf(1, spec.inputHeight, spec.inputWidth, 3)
        val places = spec.tensors.map(::place)
        for ((tensor, place) in spec.tensors zip places) {
            val to = engine.outputs[place]
            if (from.shape.contentEquals(wanted) && to.size.toLong() == tensor.size) continue
            throw Refused(
                "$name: its tensors are ${from.shape.contentToString()} -> ${to.shape.contentToString()}, " +
                    "its card says ${wanted.contentToString()} -> $tensor; convert it again",
            )
        }
        return from to places
    }

    /** Where the output is that the graph or its signature calls by the tensor's name. */
    private fun place(tensor: OutputTensor): Int {
        val names = engine.outputs.map { it.name }
        if (tensor.name.isEmpty()) {
            if (names.size != 1) {
                throw Refused("$name: has ${names.size} outputs, and its card names none; convert it again")
            }
            return 0
        }
        return names.indexOf(tensor.name).takeIf { it >= 0 } ?: engine.signatureOutput(tensor.name)
            ?: throw Refused("$name: has no output called \"${tensor.name.take(60)}\"; convert it again")
    }

    private fun kind(tensor: TensorInfo): Kind = Kind.entries.firstOrNull { it.name == tensor.type }
        ?: throw Refused("$name: its tensors are ${tensor.type}, expected float32, int8, uint8 or int16")

    /** Keypoints (3 x K) in input pixels of the crop that [matrix] makes of a picture. */
    fun run(picture: Picture, matrix: Affine, times: Times): DoubleArray {
        val begin = System.nanoTime()
        input.fill(picture, matrix)
        val filled = System.nanoTime()
        invoke()
        val invoked = System.nanoTime()
        val found = decoder.decode(outputs.map(OutputReader::numbers))
        times.prepare += filled - begin
        times.invoke += invoked - filled
        times.decode += System.nanoTime() - invoked
        return found
    }

    /** The raw bytes of all outputs for what [input] holds. Throws [Refused] when the hardware gives up. */
    fun invoke(): ByteBuffer {
        input.buffer.rewind()
        buffers.values.forEach(ByteBuffer::rewind)
        try {
            engine.invoke(input.buffer, buffers)
        } catch (error: RuntimeException) {
            throw Refused("$name: stopped (${reason(error)})", Obstacle.UNSUPPORTED)
        }
        output.clear()
        return output
    }

    /** Keypoints (3 x K) in input pixels of the output that [invoke] made last. */
    fun decode(): DoubleArray = decoder.decode(outputs.map(OutputReader::numbers))

    override fun close() = engine.close()
}

/** One output tensor: its bytes as an invocation leaves them, read as numbers. */
private class OutputReader(
    private val buffer: ByteBuffer,
    count: Int,
    private val kind: Kind,
    private val quantization: Quantization,
) {
    private val values = FloatArray(count)
    private val bytes = ByteArray(if (kind.bytes == 1) count else 0)

    /** The values of the tensor; the same array every time. */
    fun numbers(): FloatArray {
        buffer.rewind()
        if (kind == Kind.FLOAT32) {
            buffer.asFloatBuffer().get(values)
            return values
        }
        val zero = quantization.zeroPoint
        val scale = if (quantization.scale != 0f) quantization.scale else 1f
        if (kind == Kind.INT16) {
            for (i in values.indices) values[i] = (buffer.getShort(2 * i) - zero) * scale
            return values
        }
        val mask = if (kind == Kind.UINT8) 255 else -1
        buffer.get(bytes) // at once: single bytes of a buffer take several times as long
        for (i in values.indices) values[i] = ((bytes[i].toInt() and mask) - zero) * scale
        return values
    }
}
