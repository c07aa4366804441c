package org.poseport.demo.core

import java.io.File
import java.nio.ByteBuffer
import java.util.Base64
import org.poseport.demo.InterpreterEngine
import org.tensorflow.lite.Delegate
import org.tensorflow.lite.Interpreter
import org.tensorflow.lite.TensorFlowLite

/** What tests/android/write_models.py wrote: converted models, a picture, and what Python finds in it with each. */
class Models(private val folder: File = File(System.getProperty("models"))) {
    private val size = Json.parse(File(folder, "picture.json").readText(), "picture") as Map<*, *>
    val height = (size["height"] as Long).toInt()
    val width = (size["width"] as Long).toInt()
    val picture = rgbImage(File(folder, "picture.rgb").readBytes(), height, width)
    val files = folder.listFiles()!!.filter { it.name.endsWith(".tflite") }.sorted()

    fun expected(model: File): Expected {
        val text = File(folder, model.nameWithoutExtension + ".json").readText()
        return Expected(Json.parse(text, model.name) as Map<*, *>)
    }

    class Expected(private val values: Map<*, *>) {
        val boxes = (values["boxes_xywh"] as List<*>).map(::numbers).map { (x, y, w, h) -> Box(x, y, w, h) }
        val keypoints = (values["keypoints"] as List<*>).map { person ->
            (person as List<*>).flatMap(::numbers).toDoubleArray()
        }
        val input: ByteArray = Base64.getDecoder().decode(values["input"] as String)
        val output: ByteArray = Base64.getDecoder().decode(values["output"] as String)
        val integer = values["type"] != "float32"

        private fun numbers(list: Any?) = (list as List<*>).map { (it as Number).toDouble() }
    }
}

/** The XNNPACK delegate of the library, as an explicit one: the kernels that Python runs by default. */
object Xnnpack : Delegate {
    init {
        TensorFlowLite.init() // the library in which the delegate is
        System.loadLibrary("poseport_xnnpack")
    }

    @JvmStatic external fun create(): Long

    private val handle = create()

    override fun getNativeHandle() = handle

    val engines = TestEngines { it.setUseXNNPACK(false).addDelegate(Xnnpack) }
}

/** The interpreter's own kernels. */
object Kernels {
    val engines = TestEngines { it }
}

/** The interpreter on the CPU, whatever is asked for, with options of a test's own. */
class TestEngines(private val more: (Interpreter.Options) -> Interpreter.Options) : Engines {
    override val name = "TensorFlow Lite"
    override val version: String get() = TensorFlowLite.runtimeVersion()
    override val hardware = listOf(Hardware.CPU)

    override fun open(model: ByteBuffer, setting: Setting): Engine =
        InterpreterEngine(model, more(Interpreter.Options().setNumThreads(setting.threads)))
}

/** The raw output of a model's first network for one input tensor. */
fun PoseModel.rawOutput(input: ByteArray): ByteArray {
    first.input.buffer.rewind()
    first.input.buffer.put(input)
    val output: ByteBuffer = first.invoke()
    return ByteArray(output.remaining()).also { output.get(it) }
}
