package org.poseport.demo.core.bench

import java.io.File
import java.io.FileOutputStream
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import java.security.MessageDigest
import org.poseport.demo.core.Box
import org.poseport.demo.core.Json
import org.poseport.demo.core.ModelFile
import org.poseport.demo.core.Refused
import org.poseport.demo.core.RgbImage
import org.poseport.demo.core.Stage
import org.poseport.demo.core.words

/** An image of a run: where its RGB bytes lie in `images.bin`, and the boxes of its people, if they were sent. */
internal class ImageEntry(val width: Int, val height: Int, val offset: Long, val boxes: List<Box>)

/**
 * The folder of a run: what `run.json` says, the files beside it, and results, each written beside its place and then
 * renamed. Throws [Refused] for what is missing or wrong.
 */
internal class RunFolder(private val folder: File) {
    private val text = bytes("run.json").toString(Charsets.UTF_8)
    private val run = Json.parse(text, "run.json") as? Map<*, *> ?: throw Refused("run.json: expected an object")
    val images: List<ImageEntry> by lazy {
        (run["images"] as? List<*> ?: throw Refused("run.json: this mode needs images")).map(::image)
    }

    fun text(key: String) = run[key] as? String ?: throw Refused("run.json: $key is missing or no text")

    fun number(key: String): Int =
        (run[key] as? Long)?.takeIf { it in 0..10_000_000 }?.toInt()
            ?: throw Refused("run.json: $key is missing or no whole number")

    /** The name of a file in this folder. */
    fun name(key: String) = text(key).also {
        if (it.contains('/')) throw Refused("run.json: $key \"$it\" is not a name")
    }

    /** Tells results of this description and this model from those of others. */
    fun identity(model: String) = MessageDigest.getInstance("SHA-256").run {
        update(text.toByteArray())
        digest(bytes(model)).joinToString("") { "%02x".format(it) }
    }

    fun model(name: String): List<Stage> = ModelFile.read(File(folder, name))

    /** All bytes of a file, as the interpreter wants them. */
    fun data(name: String): ByteBuffer = ModelFile.map(File(folder, name), name)

    fun picture(image: ImageEntry): RgbImage {
        val raw = map("images.bin", image.offset, 3L * image.width * image.height)
        val pixels = IntArray(image.width * image.height) {
            ((raw.get().toInt() and 255) shl 16) or ((raw.get().toInt() and 255) shl 8) or (raw.get().toInt() and 255)
        }
        return RgbImage(pixels, image.width, image.height)
    }

    fun map(name: String, offset: Long, size: Long): ByteBuffer = try {
        RandomAccessFile(File(folder, name), "r").use {
            if (offset < 0 || offset + size > it.length()) throw Refused("$name: is shorter than run.json says")
            it.channel.map(FileChannel.MapMode.READ_ONLY, offset, size)
        }
    } catch (error: IOException) {
        throw Refused("$name: cannot be read (${error.words()})")
    }

    /** What a result of the app says; null where there is none. */
    fun result(name: String): Map<*, *>? =
        File(folder, name).takeIf(File::isFile)?.let { Json.parse(it.readText(), name) as? Map<*, *> }

    fun write(name: String, data: ByteArray): File {
        val (beside, place) = File(folder, ".$name.part") to File(folder, name)
        try {
            FileOutputStream(beside).use { it.write(data); it.fd.sync() }
        } catch (error: IOException) {
            throw Refused("$name: cannot be written (${error.words()})")
        }
        if (!beside.renameTo(place)) throw Refused("$name: cannot be written")
        return place
    }

    private fun bytes(name: String): ByteArray = try {
        File(folder, name).readBytes()
    } catch (error: IOException) {
        throw Refused("$name: cannot be read (${error.words()})")
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
}
