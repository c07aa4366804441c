package org.poseport.demo

import android.content.Context
import android.net.Uri
import android.os.Build
import android.provider.OpenableColumns
import java.io.File
import java.io.FileInputStream
import java.io.IOException
import java.io.InputStream
import java.io.OutputStream
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import org.poseport.demo.core.ModelFile
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Stage
import org.poseport.demo.core.people.DetectorSpec
import org.poseport.demo.core.words

/**
 * The models of this phone: those packed into the app, and those in its folder `models`, where adb and file managers
 * may put them. A file in the folder hides one of the same name in the app where only the person's own tools can write
 * there: before Android 11, other apps reach that folder, and the app's own model is taken.
 */
internal class ModelStore(private val context: Context) {
    private val memory = context.getSharedPreferences("models", Context.MODE_PRIVATE)

    /** Where files are put; null while the phone's storage is not there. */
    val folder: File? get() = context.getExternalFilesDir("models")

    /** The model that ran last; null at first. */
    var last: String?
        get() = memory.getString("last", null)
        set(name) = memory.edit().putString("last", name).apply()

    /** All models in the order in which they are tried: where other apps reach the folder, the packed ones first. */
    fun names(): List<String> {
        fun models(names: Array<String>?) = names.orEmpty().filter { it.endsWith(SUFFIX) && it != DETECTOR }.sorted()
        val all = models(packed()) + models(folder?.list())
        return if (reached) all.distinct() else all.distinct().sorted()
    }

    /** The stages of a model. Throws [Refused] with a sentence for one that cannot be used. */
    fun read(name: String): List<Stage> = ModelFile.stages(bytes(name), name)

    /** The person detector and its flatbuffer; null where the phone has none. Throws [Refused] for a damaged one. */
    fun detector(): Pair<DetectorSpec, ByteBuffer>? {
        if (DETECTOR !in packed() && folder?.let { File(it, DETECTOR).isFile } != true) return null
        val data = bytes(DETECTOR)
        return ModelFile.detector(data, DETECTOR) to data
    }

    private fun bytes(name: String): ByteBuffer {
        if (!NAME.matches(name)) throw Refused("\"$name\" is no name of a model; expected letters, digits and . _ -")
        val file = folder?.let { File(it, name) }
        if (file != null && file.isFile && !(reached && name in packed())) return ModelFile.map(file, name)
        if (name !in packed()) throw Refused("$name: there is no such model on this phone")
        try {
            context.assets.openFd(name).use { asset ->
                FileInputStream(asset.fileDescriptor).channel.use {
                    return it.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.length)
                }
            }
        } catch (error: IOException) {
            throw Refused("$name: cannot be read (${error.words()}); install the app again")
        }
    }

    /** A line about a model: what it is, or why it cannot be used. */
    fun about(name: String, words: Words): String = try {
        val stages = read(name)
        words.about(stages.first().data.capacity().toLong(), stages.first().card)
    } catch (refused: Refused) {
        refused.message!!.removePrefix("$name: ")
    }

    /** Copy a file that the person chose into the folder, under a new name, unless it is no model: [Refused]. */
    fun add(uri: Uri): String {
        val place = folder ?: throw Refused("the phone's storage is not there")
        val beside = File(place, ".added.part")
        try {
            val given = shown(uri)
            val input = context.contentResolver.openInputStream(uri) ?: throw Refused("$given: cannot be read")
            input.use { from -> beside.outputStream().use { copy(from, it, given) } }
            ModelFile.read(beside, given)
            val stem = given.removeSuffix(SUFFIX).replace(Regex("[^A-Za-z0-9._-]"), "_").trimStart('.', '-').take(100)
            val taken = names() + DETECTOR
            val numbered = sequenceOf(stem.ifEmpty { "model" }) + generateSequence(2) { it + 1 }.map { "$stem-$it" }
            val name = numbered.map { it + SUFFIX }.first { it !in taken }
            if (!beside.renameTo(File(place, name))) throw Refused("$given: cannot be stored")
            return name
        } catch (error: IOException) {
            throw Refused("this file cannot be added (${error.words()})")
        } catch (error: SecurityException) {
            throw Refused("the app that has this file does not hand it out")
        } finally {
            beside.delete()
        }
    }

    private fun shown(uri: Uri): String {
        val columns = arrayOf(OpenableColumns.DISPLAY_NAME)
        val name = context.contentResolver.query(uri, columns, null, null, null)
            ?.use { if (it.moveToFirst()) it.getString(0) else null }
        return name ?: "model$SUFFIX"
    }

    private fun copy(from: InputStream, to: OutputStream, name: String) {
        val buffer = ByteArray(1 shl 16)
        var left = MOST_BYTES
        while (true) {
            val count = from.read(buffer)
            if (count < 0) return
            left -= count
            if (left < 0) throw Refused("$name: is larger than any model that this app runs")
            to.write(buffer, 0, count)
        }
    }

    /** Whether other apps can write into the folder. */
    private val reached get() = Build.VERSION.SDK_INT < Build.VERSION_CODES.R

    private fun packed(): Array<String> = context.assets.list("") ?: emptyArray()

    companion object {
        /** The file that finds people, which is no model to choose. */
        const val DETECTOR = "person.int8.tflite"
        private const val SUFFIX = ".tflite"
        private const val MOST_BYTES = 512_000_000L
        private val NAME = Regex("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\\.tflite")
    }
}
