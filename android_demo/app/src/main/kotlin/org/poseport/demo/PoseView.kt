package org.poseport.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Matrix
import android.util.AttributeSet
import android.view.View
import org.poseport.demo.core.Found
import org.poseport.demo.core.Skeleton

/** The skeleton over the camera's preview, or over a photo. A picture is as large as fits, in the view's middle. */
class PoseView(context: Context, attributes: AttributeSet) : View(context, attributes) {
    private var found: Found? = null
    private var photo: Bitmap? = null
    private var mirrored = false
    private var painter: SkeletonPainter? = null

    /** Show what was found. photo: the picture itself, where no preview is behind this view. */
    fun show(found: Found?, skeleton: Skeleton?, mirrored: Boolean = false, photo: Bitmap? = null) {
        this.found = found
        this.photo = photo
        this.mirrored = mirrored
        painter = skeleton?.let(::SkeletonPainter)
        contentDescription = found?.let { context.getString(R.string.found, it.sure, it.keypoints.size / 3) }
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        // a bitmap is drawn from its corner, which is half a pixel before its first centre
        photo?.let {
            val place = fitted(it.width, it.height, width, height, false).apply { preTranslate(-0.5f, -0.5f) }
            canvas.drawBitmap(it, place, null)
        }
        val seen = found ?: return
        val place = fitted(seen.width, seen.height, width, height, mirrored)
        painter?.draw(canvas, seen.keypoints, place, 4 * resources.displayMetrics.density)
    }

    companion object {
        /** From the pixel centres of a picture to a canvas in which it is as large as fits. */
        fun fitted(width: Int, height: Int, canvasWidth: Int, canvasHeight: Int, mirrored: Boolean): Matrix {
            val scale = minOf(canvasWidth / width.toFloat(), canvasHeight / height.toFloat())
            return Matrix().apply {
                postTranslate(0.5f - width / 2f, 0.5f - height / 2f)
                postScale(if (mirrored) -scale else scale, scale)
                postTranslate(canvasWidth / 2f, canvasHeight / 2f)
            }
        }
    }
}
