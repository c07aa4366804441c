package org.poseport.demo.core

import kotlin.math.ceil
import kotlin.math.exp
import kotlin.math.sqrt

/** What OKS forgives around each keypoint, as the toolkit's `expected_oks` says it. */
object ExpectedOks {
    /** The share of the crop that a person is taken to cover. */
    private const val PERSON = 0.25

    /** Standard deviations beyond which OKS counts as 0. */
    private const val REACH = 3.0

    /** OKS at whole distances in cells, for maps of [height] x [width] and each of the OKS constants [sigmas]. */
    fun kernels(height: Int, width: Int, sigmas: DoubleArray): List<FloatArray> = sigmas.map {
        val forgiven = 2 * it * sqrt(PERSON * height * width)
        val reach = ceil(REACH * forgiven).toInt()
        FloatArray(2 * reach + 1) { i -> exp(-(i - reach) * (i - reach) / (2 * forgiven * forgiven)).toFloat() }
    }
}
