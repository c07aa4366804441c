package org.poseport.demo.core

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.security.MessageDigest

/** An image of a run: where its RGB bytes lie in `images.bin`, and the boxes of its people. */
private class ImageEntry(val width: Int, val height: Int, val offset: Long, val boxes: List<Box>)

/**
 * One measurement, described by `run.json` in a folder of its own (docs/android.md says what is in it).
 *
 * Mode "tensors" feeds input tensors that were made elsewhere, so that the network alone is measured and its outputs
 * can be compared bit for bit; mode "images" starts from whole images and boxes, so that the phone's own pre-processing
 * is part of what is measured. Results are written in parts, each beside its place and then renamed: a run that was cut
 * off goes on behind its last whole part, and a part of another model or description is not taken for one of this.
 */
class Bench(private val folder: File, private val engines: Engines, private val state: () -> Map<String, Any?>) {
    private val text = bytes("run.json").toString(Charsets.UTF_8)
    private val run = Json.parse(text, "run.json") as? Map<*, *> ?: throw Refused("run.json: expected an object")
    val modelName = text("model").also {
        if (it.contains('/')) throw Refused("run.json: model \"$it\" is not a name")
    }
    private val identity = MessageDigest.getInstance("SHA-256").run {
        update(text.toByteArray())
        digest(bytes(modelName)).joinToString("") { "%02x".format(it) }
    }
    private val images: List<ImageEntry>? = when (val mode = text("mode")) {
        "tensors" -> null
        "images" -> (run["images"] as? List<*> ?: throw Refused("run.json: mode images needs images")).map(::image)
        else -> throw Refused("run.json: mode \"$mode\" is not one of tensors, images")
    }

    private val people = images?.flatMap { image -> image.boxes.map { image to it } }
    private val count = (people?.size ?: number("count")).also {
        if (it < 1) throw Refused("run.json: nobody is in it")
    }
    private val hardware = Hardware.entries.firstOrNull { it.name == text("hardware") }
        ?: throw Refused("run.json: hardware is not one of ${Hardware.entries}")
    val setting = Setting(hardware, number("threads"))

    /**
     * Measure what is not measured yet; [progress] hears how many of how many people are done. Returns `result.json`.
     * Where this phone cannot run the model, that is the result, and is thrown as well.
     */
    fun run(progress: (Int, Int) -> Unit): File {
        var model: PoseModel? = null
        try {
            val begin = System.nanoTime()
            model = PoseModel(ModelFile.read(File(folder, modelName)), modelName, setting, engines)
            return measure(model, System.nanoTime() - begin, progress)
        } catch (refused: Refused) {
            // once the model is there, what is wrong with a file is no finding about the phone
            if (model == null || refused.obstacle != Obstacle.MODEL) {
                writeResult("refused" to refused.obstacle.name.lowercase(), "reason" to refused.message)
            }
            throw refused
        } finally {
            model?.close()
        }
    }

    private fun measure(model: PoseModel, load: Long, progress: (Int, Int) -> Unit): File {
        show(model, 0)
        val first = invokeTime(model)
        for (done in 0 until count step PART) {
            val size = minOf(PART, count - done)
            when {
                isWhole(done, size) -> Unit
                people != null -> measureImages(model, done, size)
                else -> measureTensors(model, done, size)
            }
            progress(done + size, count)
        }
        show(model, 0)
        val before = state()
        repeat(number("warm_up")) { model.first.invoke() }
        val latency = List(number("repeat")) { invokeTime(model) }
        return writeResult(
            "recipe" to model.card.recipe, "people" to count, "part" to PART,
            "load_ms" to load / 1e6, "first_ms" to first / 1e6,
            "latency_ns" to latency, "runtime" to engines.name, "tflite_version" to engines.version,
            "xnnpack" to (if (hardware == Hardware.CPU) model.first.delegated else false),
            "operations" to model.first.operations, "steps" to model.first.steps,
            "peak_memory_kb" to peakMemory(),
            "before" to before, "after" to state(),
        )
    }

    /** Put a person's input into the network. */
    private fun show(model: PoseModel, person: Int) {
        if (people != null) return people[person].let { (image, box) -> model.show(picture(image), box) }
        val size = model.first.input.buffer.capacity()
        model.first.input.buffer.run { rewind(); put(map("tensors.bin", person * size.toLong(), size.toLong())) }
    }

    private fun invokeTime(model: PoseModel): Long {
        val begin = System.nanoTime()
        model.first.invoke()
        return System.nanoTime() - begin
    }

    /** The most that this process ever held, as the kernel counts; null where it does not say so. */
    private fun peakMemory(): Long? = try {
        File("/proc/self/status").useLines { lines -> lines.firstOrNull { it.startsWith("VmHWM:") } }
            ?.filter(Char::isDigit)?.toLongOrNull()
    } catch (error: IOException) {
        null
    }

    private fun measureTensors(model: PoseModel, first: Int, count: Int) {
        val outputs = ArrayList<ByteArray>()
        val invoke = ArrayList<Long>()
        val keypoints = List(count) { i ->
            show(model, first + i)
            val begin = System.nanoTime()
            val output = model.first.invoke()
            invoke.add(System.nanoTime() - begin)
            outputs.add(ByteArray(output.remaining()).also { output.get(it) })
            model.first.decode()
        }
        writePart(first, mapOf("invoke_ns" to invoke, "input_px" to keypoints), outputs)
    }

    private fun measureImages(model: PoseModel, first: Int, count: Int) {
        val all = List(count) { Times() }
        val some = people!!.subList(first, first + count)
        val keypoints = some.mapIndexed { i, (image, box) -> model.predict(picture(image), box, all[i]) }
        val times = mapOf(
            "prepare_ns" to all.map { it.prepare }, "invoke_ns" to all.map { it.invoke },
            "decode_ns" to all.map { it.decode },
        )
        writePart(first, times + ("image_px" to keypoints), emptyList())
    }

    private fun writeResult(vararg values: Pair<String, Any?>): File {
        val run = mapOf(
            "schema" to 1, "run" to identity, "model" to modelName, "hardware" to hardware.name,
            "threads" to setting.threads,
        )
        return write("result.json", Json.text(run + values).toByteArray())
    }

    /** The outputs first: where the JSON is, the part is whole. */
    private fun writePart(first: Int, values: Map<String, Any?>, outputs: List<ByteArray>) {
        if (outputs.isNotEmpty()) write("$first.bin", outputs.reduce { a, b -> a + b })
        val all = mapOf("schema" to 1, "run" to identity, "state" to state()) + values
        write("$first.json", Json.text(all).toByteArray())
    }

    private fun isWhole(first: Int, count: Int): Boolean {
        val file = File(folder, "$first.json")
        if (!file.isFile) return false
        val part = Json.parse(file.readText(), file.name) as? Map<*, *>
        return part?.get("run") == identity && (part["invoke_ns"] as? List<*>)?.size == count
    }

    private fun picture(image: ImageEntry): RgbImage {
        val raw = map("images.bin", image.offset, 3L * image.width * image.height)
        val pixels = IntArray(image.width * image.height) {
            ((raw.get().toInt() and 255) shl 16) or ((raw.get().toInt() and 255) shl 8) or (raw.get().toInt() and 255)
        }
        return RgbImage(pixels, image.width, image.height)
    }

    private fun image(value: Any?): ImageEntry {
        val entry = value as? Map<*, *> ?: throw Refused("run.json: images holds what is no object")
        fun whole(key: String) = entry[key] as? Long ?: throw Refused("run.json: an image has no $key")
        val boxes = (entry["boxes_xywh"] as? List<*>).orEmpty().map { box ->
            val numbers = (box as? List<*>)?.takeIf { it.size == 4 }?.map { (it as? Number)?.toDouble() ?: Double.NaN }
            val (x, y, w, h) = numbers ?: listOf(0.0, 0.0, 0.0, 0.0)
            if (!(w > 0) || !(h > 0) || !x.isFinite() || !y.isFinite()) {
                throw Refused("run.json: a box is not x, y, width > 0, height > 0")
            }
            Box(x, y, w, h)
        }
        return ImageEntry(whole("width").toInt(), whole("height").toInt(), whole("offset"), boxes)
    }

    private fun text(key: String) = run[key] as? String ?: throw Refused("run.json: $key is missing or no text")

    private fun number(key: String): Int =
        (run[key] as? Long)?.takeIf { it in 0..10_000_000 }?.toInt()
            ?: throw Refused("run.json: $key is missing or no whole number")

    private fun bytes(name: String): ByteArray = try {
        File(folder, name).readBytes()
    } catch (error: IOException) {
        throw Refused("$name: cannot be read (${error.words()})")
    }

    private fun map(name: String, offset: Long, size: Long): ByteBuffer = try {
        RandomAccessFile(File(folder, name), "r").use {
            if (offset < 0 || offset + size > it.length()) throw Refused("$name: is shorter than run.json says")
            it.channel.map(FileChannel.MapMode.READ_ONLY, offset, size)
        }
    } catch (error: IOException) {
        throw Refused("$name: cannot be read (${error.words()})")
    }

    private fun write(name: String, data: ByteArray): File {
        val (beside, place) = File(folder, ".$name.part") to File(folder, name)
        try {
            FileOutputStream(beside).use { it.write(data); it.fd.sync() }
        } catch (error: IOException) {
            throw Refused("$name: cannot be written (${error.words()})")
        }
        if (!beside.renameTo(place)) throw Refused("$name: cannot be written")
        return place
    }

    private companion object {
        /** People a part. */
        const val PART = 32
    }
}
