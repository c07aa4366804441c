package org.poseport.demo

import android.content.Context
import android.os.Build
import java.io.File
import java.io.FileInputStream
import java.io.IOException
import java.nio.channels.FileChannel
import org.poseport.demo.core.ModelFile
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Stage

/**
 * The models of this phone: those packed into the app, and those in its folder `models`, where adb and file managers
 * may put them. A file in the folder hides one of the same name in the app where only the person's own tools can write
 * there: before Android 11, other apps reach that folder, and the app's own model is taken.
 */
class ModelStore(private val context: Context) {
    private val memory = context.getSharedPreferences("models", Context.MODE_PRIVATE)

    /** Where files are put; null while the phone's storage is not there. */
    val folder: File? get() = context.getExternalFilesDir("models")

    /** The model that ran last; null at first. */
    var last: String?
        get() = memory.getString("last", null)
        set(name) = memory.edit().putString("last", name).apply()

    /** All models in the order in which they are tried: where other apps reach the folder, the packed ones first. */
    fun names(): List<String> {
        val packed = packed().filter { it.endsWith(SUFFIX) }.sorted()
        val all = packed + folder?.list().orEmpty().filter { it.endsWith(SUFFIX) }.sorted()
        return if (reached) all.distinct() else all.distinct().sorted()
    }

    /** The stages of a model. Throws [Refused] with a sentence for one that cannot be used. */
    fun read(name: String): List<Stage> {
        if (!NAME.matches(name)) throw Refused("\"$name\" is no name of a model; expected letters, digits and . _ -")
        val file = folder?.let { File(it, name) }
        if (file != null && file.isFile && !(reached && name in packed())) return ModelFile.read(file)
        if (name !in packed()) throw Refused("$name: there is no such model on this phone")
        try {
            context.assets.openFd(name).use { asset ->
                FileInputStream(asset.fileDescriptor).channel.use {
                    val mapped = it.map(FileChannel.MapMode.READ_ONLY, asset.startOffset, asset.length)
                    return ModelFile.stages(mapped, name)
                }
            }
        } catch (error: IOException) {
            throw Refused("$name: cannot be read (${error.message}); install the app again")
        }
    }

    /** Whether other apps can write into the folder. */
    private val reached get() = Build.VERSION.SDK_INT < Build.VERSION_CODES.R

    private fun packed(): Array<String> = context.assets.list("") ?: emptyArray()

    private companion object {
        const val SUFFIX = ".tflite"
        val NAME = Regex("[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\\.tflite")
    }
}
