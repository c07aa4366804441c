package org.poseport.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import java.io.IOException
import org.poseport.demo.core.Affine
import org.poseport.demo.core.Picture
import org.poseport.demo.core.Refused
import org.poseport.demo.core.RgbImage
import org.poseport.demo.core.people.Found
import org.poseport.demo.core.words

/** Photos from the gallery, and pictures to share. */
object Photos {
    private const val MOST_PIXELS = 4_000_000

    /** A photo as it is to be looked at, of at most some four million pixels. Throws [Refused]. */
    fun read(context: Context, uri: Uri): Bitmap {
        val resolver = context.contentResolver
        try {
            val size = BitmapFactory.Options().apply { inJustDecodeBounds = true }
            resolver.openInputStream(uri)?.use { BitmapFactory.decodeStream(it, null, size) }
            if (size.outWidth <= 0) throw Refused("this is no picture that the phone can read")
            val options = BitmapFactory.Options().apply { inSampleSize = sample(size.outWidth, size.outHeight) }
            val bitmap = resolver.openInputStream(uri)?.use { BitmapFactory.decodeStream(it, null, options) }
                ?: throw Refused("this picture cannot be read")
            val turn = resolver.openInputStream(uri)?.use(::upright) ?: Matrix()
            if (turn.isIdentity) return bitmap
            return Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, turn, true)
        } catch (error: IOException) {
            throw Refused("this picture cannot be read (${error.words()})")
        } catch (error: SecurityException) {
            throw Refused("the app that has this picture does not hand it out")
        } catch (error: OutOfMemoryError) {
            throw Refused("this picture is too large for the phone's memory")
        }
    }

    private fun sample(width: Int, height: Int): Int {
        var found = 1
        while (width.toLong() * height / (found * found) > MOST_PIXELS) found *= 2
        return found
    }

    /** What the photo's EXIF record says about how to hold it. */
    private fun upright(stream: java.io.InputStream): Matrix {
        val matrix = Matrix()
        when (ExifInterface(stream).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)) {
            ExifInterface.ORIENTATION_FLIP_HORIZONTAL -> matrix.postScale(-1f, 1f)
            ExifInterface.ORIENTATION_ROTATE_180 -> matrix.postRotate(180f)
            ExifInterface.ORIENTATION_FLIP_VERTICAL -> matrix.postScale(1f, -1f)
            ExifInterface.ORIENTATION_TRANSPOSE -> { matrix.postRotate(90f); matrix.postScale(-1f, 1f) }
            ExifInterface.ORIENTATION_ROTATE_90 -> matrix.postRotate(90f)
            ExifInterface.ORIENTATION_TRANSVERSE -> { matrix.postRotate(-90f); matrix.postScale(-1f, 1f) }
            ExifInterface.ORIENTATION_ROTATE_270 -> matrix.postRotate(-90f)
        }
        return matrix
    }

    fun rgb(bitmap: Bitmap): Picture {
        val pixels = IntArray(bitmap.width * bitmap.height)
        bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
        return RgbImage(pixels, bitmap.width, bitmap.height)
    }

    /** A frame as the preview shows it. */
    fun bitmap(frame: Picture, mirrored: Boolean): Bitmap {
        val pixels = IntArray(frame.width * frame.height)
        val shown = Affine.upright(frame.width, frame.height, 0, mirrored)
        frame.crop(shown, frame.width, frame.height) { i, red, green, blue -> pixels[i] = Color.rgb(red, green, blue) }
        return Bitmap.createBitmap(pixels, frame.width, frame.height, Bitmap.Config.ARGB_8888)
    }

    /** A copy of a picture with the skeletons over it. found: in the picture, or in its mirror image. */
    fun painted(picture: Bitmap, painter: SkeletonPainter, found: Found, mirrored: Boolean): Bitmap {
        val copy = picture.copy(Bitmap.Config.ARGB_8888, true)
        val place = PoseView.placed(copy.width, copy.height, copy.width, copy.height, mirrored)
        painter.draw(Canvas(copy), found, place, maxOf(2f, maxOf(copy.width, copy.height) / 160f))
        return copy
    }
}
