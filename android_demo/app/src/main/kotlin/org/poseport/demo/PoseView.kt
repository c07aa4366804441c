package org.poseport.demo

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Matrix
import android.util.AttributeSet
import android.view.View
import org.poseport.demo.core.Skeleton
import org.poseport.demo.core.people.Found

/**
 * The skeletons over the camera's preview, which covers the view, or over a photo, which is as large as fits inside the
 * view's padding.
 */
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
        contentDescription = found?.let(Words(context)::found)
        invalidate()
    }

    override fun onDraw(canvas: Canvas) {
        // a bitmap is drawn from its corner, which is half a pixel before its first centre
        photo?.let { canvas.drawBitmap(it, place(it.width, it.height).apply { preTranslate(-0.5f, -0.5f) }, null) }
        val seen = found ?: return
        painter?.draw(canvas, seen, place(seen.width, seen.height), 4 * resources.displayMetrics.density)
    }

    private fun place(pictureWidth: Int, pictureHeight: Int): Matrix {
        if (photo == null) return placed(pictureWidth, pictureHeight, width, height, mirrored, fill = true)
        val (w, h) = width - paddingLeft - paddingRight to height - paddingTop - paddingBottom
        val matrix = placed(pictureWidth, pictureHeight, w, h, mirrored)
        return matrix.apply { postTranslate(paddingLeft.toFloat(), paddingTop.toFloat()) }
    }

    companion object {
        /** From the pixel centres of a picture to the middle of a canvas: as large as fits, or filling all of it. */
        fun placed(
            width: Int, height: Int, canvasWidth: Int, canvasHeight: Int, mirrored: Boolean, fill: Boolean = false,
        ): Matrix {
            val (across, down) = canvasWidth / width.toFloat() to canvasHeight / height.toFloat()
            val scale = if (fill) maxOf(across, down) else minOf(across, down)
            return Matrix().apply {
                postTranslate(0.5f - width / 2f, 0.5f - height / 2f)
                postScale(if (mirrored) -scale else scale, scale)
                postTranslate(canvasWidth / 2f, canvasHeight / 2f)
            }
        }
    }
}
