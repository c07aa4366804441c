package org.poseport.demo.core

import kotlin.math.hypot

/** What a later stage of a cascade looks at, and what its answer means (Toshev and Szegedy 2014, section 3.2). */
object Cascade {
    // A torso seen end on has no length, and a wild estimate may give it none: never less than this share of the box.
    private const val LEAST_DIAMETER = 0.1

    /** The square around every estimate (3 x K, image pixels); one that was not found gets the middle of the box. */
    fun windows(spec: Spec, box: Box, estimates: DoubleArray): List<Box> {
        val side = spec.refineBox!! * diameter(spec.skeleton, box, estimates)
        return List(spec.skeleton.size) { k ->
            val (x, y) = estimates[3 * k] to estimates[3 * k + 1]
            Box.around(if (x.isFinite()) x else box.centreX, if (y.isFinite()) y else box.centreY, side)
        }
    }

    private fun diameter(skeleton: Skeleton, box: Box, estimates: DoubleArray): Double {
        val least = LEAST_DIAMETER * maxOf(box.width, box.height)
        val (a, b) = skeleton.torso!!
        val torso = hypot(estimates[3 * a] - estimates[3 * b], estimates[3 * a + 1] - estimates[3 * b + 1])
        val seen = estimates[3 * a + 2] > 0 && estimates[3 * b + 2] > 0 && torso > 0
        return if (seen) maxOf(torso, least) else least
    }

    /** Keypoint k of the crop around estimate k, in image pixels; score and absence are the estimate's. */
    fun refine(estimates: DoubleArray, k: Int, decoded: DoubleArray, toImage: Affine, into: DoubleArray) {
        val (x, y) = decoded[3 * k] to decoded[3 * k + 1]
        into[3 * k] = if (estimates[3 * k].isFinite()) toImage.x(x, y) else Double.NaN
        into[3 * k + 1] = if (estimates[3 * k + 1].isFinite()) toImage.y(x, y) else Double.NaN
        into[3 * k + 2] = estimates[3 * k + 2]
    }
}
