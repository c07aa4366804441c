package org.poseport.demo.core.bench

import java.io.File
import java.io.IOException
import org.poseport.demo.core.Engines
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.Json
import org.poseport.demo.core.ModelFile
import org.poseport.demo.core.Obstacle
import org.poseport.demo.core.PoseModel
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.people.Detector

/**
 * One measurement, described by `run.json` in a folder of its own (docs/android.md says what is in it).
 *
 * Mode "tensors" feeds input tensors that were made elsewhere, so that the network alone is measured and its outputs
 * can be compared bit for bit; mode "images" starts from whole images and boxes, so that the phone's own pre-processing
 * is part of what is measured. Mode "detector" measures a person detector alone on whole pictures, and mode "pictures"
 * all from whole pictures to everyone's keypoints. Results are written in parts: a run that was cut off goes on behind
 * its last whole part, and a part of another model or description is not taken for one of this.
 */
class Bench(folder: File, private val engines: Engines, private val state: () -> Map<String, Any?>) {
    private val run = RunFolder(folder)
    val modelName = run.name("model")
    private val identity = run.identity(modelName)
    private val mode = run.text("mode").also {
        if (it !in MODES) throw Refused("run.json: mode \"$it\" is not one of ${MODES.joinToString()}")
    }
    private val people =
        if (mode == "images") run.images.flatMap { image -> image.boxes.map { image to it } } else null
    private val count = when (mode) {
        "tensors" -> run.number("count")
        "images" -> people!!.size
        else -> run.images.size
    }.also {
        if (it < 1) throw Refused("run.json: nobody is in it")
    }
    private val hardware = Hardware.entries.firstOrNull { it.name == run.text("hardware") }
        ?: throw Refused("run.json: hardware is not one of ${Hardware.entries}")
    val setting = Setting(hardware, run.number("threads"))

    /**
     * Measure what is not measured yet; [progress] hears how many of how many are done. Returns `result.json`. Where
     * this phone cannot run the model, that is the result, and is thrown as well.
     */
    fun run(progress: (Int, Int) -> Unit): File {
        var subject: Subject? = null
        try {
            val begin = System.nanoTime()
            subject = open()
            return measure(subject, System.nanoTime() - begin, progress)
        } catch (refused: Refused) {
            // once the model is there, what is wrong with a file is no finding about the phone
            if (subject == null || refused.obstacle != Obstacle.MODEL) {
                writeResult(mapOf("refused" to refused.obstacle.name.lowercase(), "reason" to refused.message))
            }
            throw refused
        } finally {
            subject?.close()
        }
    }

    private fun open(): Subject {
        if (mode == "detector") return DetectorAlone(run, detector(modelName, setting))
        val model = PoseModel(run.model(modelName), modelName, setting, engines)
        if (mode != "pictures") return Persons(run, model, people)
        try {
            // as in the app, the detector stays on the CPU
            return Chain(run, model, detector(run.name("detector"), Setting(Hardware.CPU, setting.threads)))
        } catch (error: Throwable) {
            model.close()
            throw error
        }
    }

    private fun detector(name: String, setting: Setting): Detector {
        val data = run.data(name)
        return Detector(ModelFile.detector(data, name), data, name, setting, engines)
    }

    private fun measure(subject: Subject, load: Long, progress: (Int, Int) -> Unit): File {
        val first = subject.first()
        for (done in 0 until count step PART) {
            val size = minOf(PART, count - done)
            // where the JSON is, the part is whole
            if (run.result("$done.json")?.get("run") != identity) writePart(done, subject.look(done, size))
            progress(done + size, count)
        }
        val before = state()
        val times = subject.time(run.number("warm_up"), run.number("repeat"))
        val network = subject.network
        return writeResult(
            times + mapOf(
                "people" to count, "part" to PART, "load_ms" to load / 1e6, "first_ms" to first / 1e6,
                "runtime" to engines.name, "tflite_version" to engines.version,
                "xnnpack" to (if (hardware == Hardware.CPU) network.delegated else false),
                "operations" to network.operations, "steps" to network.steps, "peak_memory_kb" to peakMemory(),
                "before" to before, "after" to state(),
            ),
        )
    }

    /** The most that this process ever held, as the kernel counts; null where it does not say so. */
    private fun peakMemory(): Long? = try {
        File("/proc/self/status").useLines { lines -> lines.firstOrNull { it.startsWith("VmHWM:") } }
            ?.filter(Char::isDigit)?.toLongOrNull()
    } catch (error: IOException) {
        null
    }

    private fun writeResult(values: Map<String, Any?>): File {
        val described = mapOf(
            "schema" to 1, "run" to identity, "model" to modelName, "hardware" to hardware.name,
            "threads" to setting.threads,
        )
        return run.write("result.json", Json.text(described + values).toByteArray())
    }

    /** The outputs first: where the JSON is, the part is whole. */
    private fun writePart(first: Int, looked: Looked) {
        if (looked.outputs.isNotEmpty()) run.write("$first.bin", looked.outputs.reduce { a, b -> a + b })
        val all = mapOf("schema" to 1, "run" to identity, "state" to state()) + looked.values
        run.write("$first.json", Json.text(all).toByteArray())
    }

    private companion object {
        val MODES = listOf("tensors", "images", "detector", "pictures")

        /** People or pictures a part. */
        const val PART = 32
    }
}
