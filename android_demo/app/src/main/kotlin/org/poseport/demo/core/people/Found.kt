package org.poseport.demo.core.people

import org.poseport.demo.core.Box

/**
 * The pose of one person in a picture.
 *
 * keypoints: 3 x K, x and y in the picture's pixels and a score in [0, 1]. box: where the person was looked for.
 * score: the score of the box times the mean score of the keypoints. boxScore: of the box alone. number: the same for
 * the same person in the pictures of a film, from 1; 0 in single pictures.
 */
class Pose(
    val keypoints: DoubleArray, val box: Box, val score: Double, val boxScore: Double = 1.0, val number: Int = 0,
) {
    fun numbered(number: Int) = Pose(keypoints, box, score, boxScore, number)

    /** How many keypoints score at least [threshold]. */
    fun sure(threshold: Double) = (2 until keypoints.size step 3).count { keypoints[it] >= threshold }

    companion object {
        /** The mean score of the keypoints; 0 where it is no number. */
        fun mean(keypoints: DoubleArray): Double {
            val mean = (2 until keypoints.size step 3).sumOf { keypoints[it] } / (keypoints.size / 3)
            return if (mean.isFinite()) mean else 0.0
        }
    }
}

/**
 * Who was found in a picture of this size, best first. leftOut: people beyond the largest number of them. everyone:
 * whether everyone was looked for, or one person alone.
 */
class Found(
    val poses: List<Pose>, val width: Int, val height: Int, val leftOut: Int = 0, val everyone: Boolean = true,
)
