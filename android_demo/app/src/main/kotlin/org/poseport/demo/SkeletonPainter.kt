package org.poseport.demo

import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Matrix
import android.graphics.Paint
import org.poseport.demo.core.Follower
import org.poseport.demo.core.Skeleton
import org.poseport.demo.core.people.Found

/** Draws poses in the toolkit's colours: left, right and middle, which the colour-blind can tell apart too. */
class SkeletonPainter(private val skeleton: Skeleton) {
    private val rim = Paint(Paint.ANTI_ALIAS_FLAG).apply { color = Color.rgb(20, 20, 20); strokeCap = Paint.Cap.ROUND }
    private val ink = Paint(Paint.ANTI_ALIAS_FLAG).apply { strokeCap = Paint.Cap.ROUND }

    /** Everyone in a picture, the surest one on top. */
    fun draw(canvas: Canvas, found: Found, toCanvas: Matrix, width: Float) {
        for (pose in found.poses.asReversed()) draw(canvas, pose.keypoints, toCanvas, width)
    }

    /** keypoints: 3 x K; toCanvas: from their pixels to those of the canvas. width: of a limb, in canvas pixels. */
    private fun draw(canvas: Canvas, keypoints: DoubleArray, toCanvas: Matrix, width: Float) {
        val points = FloatArray(2 * skeleton.size) { keypoints[it / 2 * 3 + it % 2].toFloat() }
        toCanvas.mapPoints(points)
        fun sure(k: Int): Boolean {
            val placed = points[2 * k].isFinite() && points[2 * k + 1].isFinite()
            return placed && keypoints[3 * k + 2] >= Follower.THRESHOLD
        }
        rim.strokeWidth = 1.6f * width
        ink.strokeWidth = width
        for (paint in listOf(rim, ink)) {
            for ((a, b) in skeleton.limbs) {
                if (!sure(a) || !sure(b)) continue
                if (paint === ink) paint.color = colour(a, b)
                canvas.drawLine(points[2 * a], points[2 * a + 1], points[2 * b], points[2 * b + 1], paint)
            }
        }
        for (k in 0 until skeleton.size) {
            if (!sure(k)) continue
            ink.color = colour(k, k)
            canvas.drawCircle(points[2 * k], points[2 * k + 1], 1.3f * width, rim)
            canvas.drawCircle(points[2 * k], points[2 * k + 1], width, ink)
        }
    }

    private fun colour(a: Int, b: Int): Int {
        val (first, second) = skeleton.names[a] to skeleton.names[b]
        return when {
            first.startsWith("left_") && second.startsWith("left_") -> LEFT
            first.startsWith("right_") && second.startsWith("right_") -> RIGHT
            else -> MIDDLE
        }
    }

    private companion object {
        val LEFT = Color.rgb(230, 110, 0)
        val RIGHT = Color.rgb(0, 130, 255)
        val MIDDLE = Color.rgb(245, 240, 80)
    }
}
