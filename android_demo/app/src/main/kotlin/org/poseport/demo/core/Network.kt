package org.poseport.demo.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.poseport.demo.core.tflite.Memory
import org.tensorflow.lite.DataType
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/** Nanoseconds that one picture took: making the input, running the network, reading its output. */
class Times(var prepare: Long = 0, var invoke: Long = 0, var decode: Long = 0)

/** One network of a file: its spec, its interpreter and its tensors. Throws [Refused] for one that cannot run here. */
class Network(stage: Stage, private val name: String, options: Interpreter.Options) : AutoCloseable {
    val spec = stage.card.spec
    private val interpreter = load(stage.data, options)
    private val decoder = OutputDecoder(spec)
    val input: InputTensor
    private val outputs: List<OutputReader>
    private val output: ByteBuffer
    private val buffers = HashMap<Int, Any>()

    init {
        try {
            val (from, places) = tensors()
            input = InputTensor(spec, kind(from), quantization(from))
            val to = places.map(interpreter::getOutputTensor)
            output = ByteBuffer.allocateDirect(to.sumOf { it.numBytes() }).order(ByteOrder.nativeOrder())
            outputs = to.mapIndexed { i, tensor ->
                output.limit(output.position() + tensor.numBytes())
                val part = output.slice().order(ByteOrder.nativeOrder())
                output.position(output.limit())
                buffers[places[i]] = part
                OutputReader(part, tensor.numElements(), kind(tensor), quantization(tensor))
            }
        } catch (error: Throwable) {
            interpreter.close()
            throw error
        }
    }

    private fun load(data: ByteBuffer, options: Interpreter.Options): Interpreter = try {
        Memory.check(data, name) // the interpreter is native code, which a damaged file can crash
        Interpreter(data, options)
    } catch (error: RuntimeException) {
        throw Refused("$name: cannot be run here (${reason(error)})", Obstacle.UNSUPPORTED)
    } catch (error: LinkageError) {
        throw Refused("$name: cannot be run here (${reason(error)})", Obstacle.UNSUPPORTED)
    }

    /** How many operations the file lists. */
    val operations = operations(stage.data.duplicate().order(ByteOrder.LITTLE_ENDIAN))

    /**
     * Steps that the interpreter runs one after the other; null where the library does not tell. Each part that a
     * delegate took over is one step, so that as many steps as operations mean that no delegate took any.
     */
    val steps: Int? = planLength()

    /** Whether a delegate runs any of the operations; null where the library does not tell. */
    val delegated: Boolean? = steps?.let { it < operations }

    /** TFLite counts the steps of its plan, and has no public way to ask. */
    private fun planLength(): Int? = try {
        fun classes(of: Any) = generateSequence<Class<*>>(of.javaClass) { it.superclass }
        val field = classes(interpreter).flatMap { it.declaredFields.asSequence() }.first { it.name == "wrapper" }
        val wrapper = field.apply { isAccessible = true }.get(interpreter)!!
        val methods = classes(wrapper).flatMap { it.declaredMethods.asSequence() }
        val asked = methods.first { it.name == "getExecutionPlanLength" && it.parameterCount == 0 }
        asked.apply { isAccessible = true }.invoke(wrapper) as Int
    } catch (error: ReflectiveOperationException) {
        null
    } catch (error: NoSuchElementException) {
        null
    }

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
    private fun tensors(): Pair<Tensor, List<Int>> {
        if (interpreter.inputTensorCount != 1) {
            throw Refused("$name: has ${interpreter.inputTensorCount} inputs, expected one")
        }
        val from = interpreter.getInputTensor(0)
        val wanted = intArrayOf(1, spec.inputHeight, spec.inputWidth, 3)
        val places = spec.tensors.map(::place)
        for ((tensor, place) in spec.tensors zip places) {
            val to = interpreter.getOutputTensor(place)
            if (from.shape().contentEquals(wanted) && to.numElements().toLong() == tensor.size) continue
            throw Refused(
                "$name: its tensors are ${from.shape().contentToString()} -> ${to.shape().contentToString()}, " +
                    "its card says ${wanted.contentToString()} -> $tensor; convert it again",
            )
        }
        return from to places
    }

    /** Where the output is that the graph or its signature calls by the tensor's name. */
    private fun place(tensor: OutputTensor): Int {
        val count = interpreter.outputTensorCount
        if (tensor.name.isEmpty()) {
            if (count != 1) throw Refused("$name: has $count outputs, and its card names none; convert it again")
            return 0
        }
        (0 until count).firstOrNull { interpreter.getOutputTensor(it).name() == tensor.name }?.let { return it }
        for (key in interpreter.signatureKeys) {
            if (tensor.name !in interpreter.getSignatureOutputs(key)) continue
            val index = interpreter.getOutputTensorFromSignature(tensor.name, key).index()
            (0 until count).firstOrNull { interpreter.getOutputTensor(it).index() == index }?.let { return it }
        }
        throw Refused("$name: has no output called \"${tensor.name.take(60)}\"; convert it again")
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
        val found = decoder.decode(outputs.map(OutputReader::numbers))
        times.prepare += filled - begin
        times.invoke += invoked - filled
        times.decode += System.nanoTime() - invoked
        return found
    }

    /** The raw bytes of all outputs for what [input] holds. Throws [Refused] when the hardware gives up. */
    fun invoke(): ByteBuffer {
        input.buffer.rewind()
        buffers.values.forEach { (it as ByteBuffer).rewind() }
        try {
            interpreter.runForMultipleInputsOutputs(arrayOf<Any>(input.buffer), buffers)
        } catch (error: RuntimeException) {
            throw Refused("$name: stopped (${reason(error)})", Obstacle.UNSUPPORTED)
        }
        output.clear()
        return output
    }

    /** Keypoints (3 x K) in input pixels of the output that [invoke] made last. */
    fun decode(): DoubleArray = decoder.decode(outputs.map(OutputReader::numbers))

    override fun close() = interpreter.close()
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
