package org.poseport.demo

import java.nio.ByteBuffer
import org.poseport.demo.core.Engine
import org.poseport.demo.core.Quantization
import org.poseport.demo.core.TensorInfo
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.Tensor

/** The interpreter of TFLite, and of LiteRT 1, whose classes have the same names. Closes its [delegate], too. */
class InterpreterEngine(model: ByteBuffer, options: Interpreter.Options, private val delegate: AutoCloseable? = null) :
    Engine {
    private val interpreter: Interpreter = closingOnFailure(delegate) { Interpreter(model, options) }
    override val inputs: List<TensorInfo>
    override val outputs: List<TensorInfo>
    override val steps: Int?

    init {
        val (from, to) = closingOnFailure(this) {
            List(interpreter.inputTensorCount) { info(interpreter.getInputTensor(it)) } to
                List(interpreter.outputTensorCount) { info(interpreter.getOutputTensor(it)) }
        }
        inputs = from
        outputs = to
        steps = planLength()
    }

    private fun info(tensor: Tensor): TensorInfo {
        val quantization = tensor.quantizationParams().let { Quantization(it.scale, it.zeroPoint) }
        return TensorInfo(tensor.name(), tensor.shape(), tensor.dataType().name, quantization)
    }

    override fun signatureOutput(name: String): Int? {
        for (key in interpreter.signatureKeys) {
            if (name !in interpreter.getSignatureOutputs(key)) continue
            val index = interpreter.getOutputTensorFromSignature(name, key).index()
            outputs.indices.firstOrNull { interpreter.getOutputTensor(it).index() == index }?.let { return it }
        }
        return null
    }

    override fun invoke(input: ByteBuffer, outputs: Map<Int, ByteBuffer>) =
        interpreter.runForMultipleInputsOutputs(arrayOf<Any>(input), outputs)

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

    override fun close() {
        interpreter.close()
        delegate?.close()
    }
}

private inline fun <T> closingOnFailure(what: AutoCloseable?, make: () -> T): T = try {
    make()
} catch (error: Throwable) {
    what?.close()
    throw error
}
