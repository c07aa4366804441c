package org.poseport.demo

import android.content.ContentProvider
import android.content.ContentValues
import android.content.Context
import android.content.Intent
import android.database.Cursor
import android.database.MatrixCursor
import android.graphics.Bitmap
import android.net.Uri
import android.os.ParcelFileDescriptor
import android.provider.OpenableColumns
import java.io.File
import java.io.FileNotFoundException
import java.util.UUID

/**
 * Hands the one picture that is being shared to the app that the person chose, and to no other: the provider is not
 * exported, and the intent grants reading that one address. Every picture has an address of its own, which nobody can
 * guess; the next one, or the end of the app, takes back the grant and removes the picture.
 */
class SharedPictures : ContentProvider() {
    override fun onCreate() = true

    override fun getType(uri: Uri) = "image/png"

    override fun openFile(uri: Uri, mode: String): ParcelFileDescriptor {
        val file = shared(context!!).firstOrNull { uri.path == "/${it.name}" }
        if (mode != "r" || file == null) throw FileNotFoundException("$uri")
        return ParcelFileDescriptor.open(file, ParcelFileDescriptor.MODE_READ_ONLY)
    }

    override fun query(
        uri: Uri,
        projection: Array<String>?,
        selection: String?,
        arguments: Array<String>?,
        order: String?,
    ): Cursor {
        val columns = projection ?: arrayOf(OpenableColumns.DISPLAY_NAME, OpenableColumns.SIZE)
        val row = columns.map {
            when (it) {
                OpenableColumns.DISPLAY_NAME -> NAME
                OpenableColumns.SIZE -> shared(context!!).firstOrNull { uri.path == "/${it.name}" }?.length()
                else -> null
            }
        }
        return MatrixCursor(columns).apply { addRow(row) }
    }

    override fun insert(uri: Uri, values: ContentValues?): Uri? = null

    override fun update(uri: Uri, values: ContentValues?, selection: String?, arguments: Array<String>?) = 0

    override fun delete(uri: Uri, selection: String?, arguments: Array<String>?) = 0

    companion object {
        private const val NAME = "pose.png"

        private fun folder(context: Context) = File(context.cacheDir, "shared")

        private fun shared(context: Context): List<File> = folder(context).listFiles().orEmpty().toList()

        private fun address(context: Context, file: File) =
            Uri.parse("content://${context.packageName}.pictures/${file.name}")

        /** Take back what was shared: nobody can read it any more. */
        fun end(context: Context) {
            for (file in shared(context)) {
                context.revokeUriPermission(address(context, file), Intent.FLAG_GRANT_READ_URI_PERMISSION)
                file.delete()
            }
        }

        /** What asks the person with whom to share a picture. */
        fun intent(context: Context, picture: Bitmap): Intent {
            end(context)
            val file = File(folder(context).apply { mkdirs() }, "${UUID.randomUUID()}.png")
            file.outputStream().use { picture.compress(Bitmap.CompressFormat.PNG, 100, it) }
            val uri = address(context, file)
            val send = Intent(Intent.ACTION_SEND).setType("image/png").putExtra(Intent.EXTRA_STREAM, uri)
            send.clipData = android.content.ClipData.newRawUri(null, uri)
            send.addFlags(Intent.FLAG_GRANT_READ_URI_PERMISSION)
            return Intent.createChooser(send, null)
        }
    }
}
