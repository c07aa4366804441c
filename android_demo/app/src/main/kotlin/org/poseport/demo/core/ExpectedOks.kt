package org.poseport.demo.core

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min
import kotlin.math.sqrt

/**
 * Maps blurred by what OKS forgives each keypoint, as the toolkit's `expected_oks` does it.
 *
 * height, width: of a map in cells. sigmas: the OKS constant of every keypoint.
 */
class ExpectedOks(private val height: Int, private val width: Int, sigmas: DoubleArray) {
    private val taps = Array(sigmas.size) { kernel(2 * sigmas[it] * sqrt(PERSON * height * width)) }
    private val across = FloatArray(height * width)

    /** Writes the blurred [map] of keypoint [k] into [found]; outside of the map is nothing. */
    fun expected(map: FloatArray, k: Int, found: FloatArray) {
        found.fill(0f)
        across.fill(0f)
        for (y in 0 until height) {
            // most rows of a map hold nothing
            if (alongRow(map, y * width, taps[k])) downColumns(y, taps[k], found)
        }
    }

    /** Spreads the cells of a row to both sides; false if there is nothing in it. */
    private fun alongRow(map: FloatArray, row: Int, taps: FloatArray): Boolean {
        val reach = taps.size / 2
        var any = false
        for (x in 0 until width) {
            val value = map[row + x]
            if (abs(value) < NOTHING) continue
            any = true
            val shift = reach - x
            for (to in max(0, x - reach)..min(width - 1, x + reach)) across[row + to] += value * taps[to + shift]
        }
        return any
    }

    /** Spreads row [y] of [across] up and down. */
    private fun downColumns(y: Int, taps: FloatArray, found: FloatArray) {
        val reach = taps.size / 2
        for (to in max(0, y - reach)..min(height - 1, y + reach)) {
            val weight = taps[to - y + reach]
            val (from, into) = y * width to to * width
            for (x in 0 until width) found[into + x] += weight * across[from + x]
        }
    }

    private companion object {
        /** The share of the crop that a person is taken to cover. */
        const val PERSON = 0.25

        /** Standard deviations beyond which OKS counts as 0. */
        const val REACH = 3.0

        /** Cells below it move no keypoint: a map peaks at about 1. */
        const val NOTHING = 1e-8f

        fun kernel(width: Double): FloatArray {
            val reach = ceil(REACH * width).toInt()
            return FloatArray(2 * reach + 1) { exp(-(it - reach) * (it - reach) / (2 * width * width)).toFloat() }
        }
    }
}
