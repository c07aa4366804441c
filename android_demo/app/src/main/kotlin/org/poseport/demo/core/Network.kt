package org.poseport.demo.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor
import org.tensorflow.lite.planLength

/** Nanoseconds that one picture took: making the input, running the network, reading its output. */
class Times(var prepare: Long = 0, var invoke: Long = 0, var decode: Long = 0)

/** One network of a file: its spec, its interpreter and its tensors. Throws [Refused] for one that cannot run here. */
class Network(stage: Stage, private val name: String, options: Interpreter.Options) : AutoCloseable {
    val spec = stage.card.spec
    private val interpreter = load(stage.data, options)
    private val decoder = OutputDecoder(spec)
    val input: InputTensor
    private val output: ByteBuffer
    private val values = FloatArray(spec.outputSize)
    private val outputKind: Kind
    private val outputQuantization: Quantization
    private val bytes = ByteArray(spec.outputSize)

    init {
        try {
            val (from, to) = tensors()
            input = InputTensor(spec, kind(from), quantization(from))
            output = ByteBuffer.allocateDirect(to.numBytes()).order(ByteOrder.nativeOrder())
            outputKind = kind(to)
            outputQuantization = quantization(to)
        } catch (error: Throwable) {
            interpreter.close()
            throw error
        }
    }

    private fun load(data: ByteBuffer, options: Interpreter.Options): Interpreter = try {
        Interpreter(data, options)
    } catch (error: RuntimeException) {
        throw Refused("$name: cannot be run here (${reason(error)})", Obstacle.UNSUPPORTED)
    } catch (error: LinkageError) {
        throw Refused("$name: cannot be run here (${reason(error)})", Obstacle.UNSUPPORTED)
    }

    /** Whether a delegate runs any of the operations that the file lists; the library does not say so when it takes none. */
    val delegated = interpreter.planLength < operations(stage.data.duplicate().order(ByteOrder.LITTLE_ENDIAN))

    /** How many operations the flatbuffer lists: Model.subgraphs[0].operators of TFLite's schema. */
    private fun operations(model: ByteBuffer): Int {
        fun followed(at: Int) = at + model.getInt(at)
        fun field(table: Int, number: Int) = followed(table + model.getShort(table - model.getInt(table) + 4 + 2 * number))
        val subgraphs = field(followed(0), 2)
        return model.getInt(field(followed(subgraphs + 4), 3))
    }

    private fun reason(error: Throwable) = (error.message ?: error.javaClass.simpleName).lineSequence().first().take(160)

    /** The one input and the one output, which must be what the file's own card says. */
    private fun tensors(): Pair<Tensor, Tensor> {
        val found = "${interpreter.inputTensorCount} inputs and ${interpreter.outputTensorCount} outputs"
        if (interpreter.inputTensorCount != 1 || interpreter.outputTensorCount != 1) throw Refused("$name: has $found, expected one of each")
        val (from, to) = interpreter.getInputTensor(0) to interpreter.getOutputTensor(0)
        val wanted = intArrayOf(1, spec.inputHeight, spec.inputWidth, 3)
        if (!from.shape().contentEquals(wanted) || to.numElements() != spec.outputSize) {
            throw Refused(
                "$name: its tensors are ${from.shape().contentToString()} -> ${to.shape().contentToString()}, its card says " +
                    "${wanted.contentToString()} -> ${spec.outputSize} numbers; convert it again",
            )
        }
        return from to to
    }

    private fun kind(tensor: Tensor): Kind = when (tensor.dataType()) {
        DataType.FLOAT32 -> Kind.FLOAT32
        DataType.INT8 -> Kind.INT8
        DataType.UINT8 -> Kind.UINT8
        DataType.INT16 -> Kind.INT16
        else -> throw Refused("$name: its tensors are ${tensor.dataType()}, expected float32, int8, uint8 or int16")
    }

    private fun quantization(tensor: Tensor) = tensor.quantizationParams().let { Quantization(it.scale, it.zeroPoint) }

    /** Keypoints (3 x K) in input pixels of the crop that [matrix] makes of a picture. */
    fun run(picture: Picture, matrix: Affine, times: Times): DoubleArray {
        val begin = System.nanoTime()
        input.fill(picture, matrix)
        val filled = System.nanoTime()
        invoke()
        val invoked = System.nanoTime()
        val found = decoder.decode(numbers())
        times.prepare += filled - begin
        times.invoke += invoked - filled
        times.decode += System.nanoTime() - invoked
        return found
    }

    /** The raw bytes of the output for what [input] holds. Throws [Refused] when the hardware gives up. */
    fun invoke(): ByteBuffer {
        input.buffer.rewind()
        output.rewind()
        try {
            interpreter.run(input.buffer, output)
        } catch (error: RuntimeException) {
            throw Refused("$name: stopped (${reason(error)})", Obstacle.UNSUPPORTED)
        }
        output.rewind()
        return output
    }

    /** Keypoints (3 x K) in input pixels of the output that [invoke] made last. */
    fun decode(): DoubleArray = decoder.decode(numbers())

    private fun numbers(): FloatArray {
        output.rewind()
        if (outputKind == Kind.FLOAT32) {
            output.asFloatBuffer().get(values)
            return values
        }
        val zero = outputQuantization.zeroPoint
        val scale = if (outputQuantization.scale != 0f) outputQuantization.scale else 1f
        if (outputKind == Kind.INT16) {
            for (i in values.indices) values[i] = (output.getShort(2 * i) - zero) * scale
            return values
        }
        val mask = if (outputKind == Kind.UINT8) 255 else -1
        output.get(bytes) // at once: single bytes of a buffer take several times as long
        for (i in values.indices) values[i] = ((bytes[i].toInt() and mask) - zero) * scale
        return values
    }

    override fun close() = interpreter.close()
}
