package org.poseport.demo.core

/** Where one person is looked for in the next picture of a film; the toolkit's `track`, whose words are there. */
object Tracker {
    private const val GROWTH = 1.25
    private const val LEAST_SIDE = 1.0 / 16

    /**
     * The box of the next picture, or null where the person is lost and the whole picture is the box.
     *
     * keypoints: 3 x K in pixels of a picture of the given size, with a score in [0, 1].
     */
    fun follow(keypoints: DoubleArray, width: Int, height: Int, threshold: Double): Box? {
        val all = keypoints.size / 3
        val sure = (0 until all).filter {
            keypoints[3 * it + 2] >= threshold && keypoints[3 * it].isFinite() && keypoints[3 * it + 1].isFinite()
        }
        if (3 * sure.size < all) return null
        val left = sure.minOf { keypoints[3 * it] }
        val top = sure.minOf { keypoints[3 * it + 1] }
        val right = sure.maxOf { keypoints[3 * it] }
        val bottom = sure.maxOf { keypoints[3 * it + 1] }
        val side = maxOf(right - left, bottom - top) + 1
        if (side < LEAST_SIDE * minOf(width, height) || side > 2 * maxOf(width, height)) return null
        val (x, y) = (left + right) / 2 to (top + bottom) / 2
        if (x < -0.5 || y < -0.5 || x > width - 0.5 || y > height - 0.5) return null
        val least = GROWTH * side / 2
        val (w, h) = maxOf(GROWTH * (right - left + 1), least) to maxOf(GROWTH * (bottom - top + 1), least)
        return Box(x - (w - 1) / 2, y - (h - 1) / 2, w, h)
    }
}
