package org.poseport.demo.core.people

import kotlin.math.exp
import org.poseport.demo.core.Box

/** How alike two poses are: the OKS of two predictions; the toolkit's `people/similarity.py`. */
object Similarity {
    /** Keypoints with a lower score say nothing about who it is. */
    const val SURE = 0.2
    private const val FILLED = 0.53

    /**
     * The object keypoint similarity of two poses (3 x K), from 0 to 1: the mean over the keypoints that are sure in
     * both; where fewer than a third are, all count. area: of the second one in square pixels.
     */
    fun between(first: DoubleArray, second: DoubleArray, area: Double, sigmas: DoubleArray): Double {
        val both = sigmas.indices.filter { first[3 * it + 2] >= SURE && second[3 * it + 2] >= SURE }
        val counted = if (3 * both.size < sigmas.size) sigmas.indices.toList() else both
        var sum = 0.0
        for (k in counted) {
            val (x, y) = first[3 * k] - second[3 * k] to first[3 * k + 1] - second[3 * k + 1]
            val away = x * x + y * y
            // a keypoint that is no number is as far away as any
            if (away.isFinite()) sum += exp(-away / (8 * sigmas[k] * sigmas[k]) / (area + Math.ulp(1.0)))
        }
        return (sum / counted.size).let { if (it.isNaN()) 0.0 else it }
    }

    /** The area of a person in square pixels, by the share of a box that people fill in COCO. */
    fun area(box: Box) = FILLED * box.width * box.height

    /** Those that are not one of the better ones found again (OKS suppression). poses: best first. */
    fun distinct(poses: List<Pose>, sigmas: DoubleArray, mostAlike: Double): List<Pose> {
        val kept = ArrayList<Pose>()
        for (pose in poses) {
            if (kept.all { between(pose.keypoints, it.keypoints, area(it.box), sigmas) <= mostAlike }) kept.add(pose)
        }
        return kept
    }
}
