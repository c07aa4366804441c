package org.poseport.demo.core

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.exp
import kotlin.math.floor
import kotlin.math.ln
import kotlin.math.max
import kotlin.math.sign

/**
 * Maps to points, as the toolkit's `heatmap` does it.
 *
 * maps: height x width x keypoints, row by row, or where [Heatmaps.channelsFirst] one map after the other. Cell (u, v)
 * of a map with stride s is the input point
 * (s u + (s-1)/2, s v + (s-1)/2). sigmas: the OKS constant of every keypoint, for the decoder "oks".
 */
class HeatmapDecoder(
    private val output: Heatmaps,
    private val height: Int,
    private val width: Int,
    sigmas: DoubleArray,
) {
    private val keypoints = sigmas.size
    private val decoder = output.decoder
    private val one = FloatArray(height * width)
    private val forgiven = if (decoder.method == Method.OKS) ExpectedOks.kernels(height, width, sigmas) else null

    /** x, y in input pixels and a score in [0, 1] of every keypoint: 3 x keypoints. */
    fun decode(maps: FloatArray): DoubleArray {
        val found = DoubleArray(3 * keypoints)
        for (k in 0 until keypoints) {
            if (output.channelsFirst) {
                maps.copyInto(one, 0, k * one.size, (k + 1) * one.size)
            } else {
                for (cell in one.indices) one[cell] = maps[cell * keypoints + k]
            }
            if (output.logits) fromLogits(one)
            val (x, y, score) = point(k)
            val middle = (output.stride - 1) / 2.0
            found[3 * k] = x * output.stride + middle
            found[3 * k + 1] = y * output.stride + middle
            found[3 * k + 2] = score.coerceIn(0.0, 1.0)
        }
        return found
    }

    /** Softmax over the cells, divided by the height of the target Gaussian: `heatmap.from_logits`. */
    private fun fromLogits(map: FloatArray) {
        val highest = map[argmax(map)]
        var sum = 0.0
        for (i in map.indices) {
            map[i] = expOfNegative(map[i] - highest)
            sum += map[i]
        }
        val scale = (2 * PI * output.sigma * output.sigma / sum).toFloat()
        for (i in map.indices) map[i] *= scale
    }

    /**
     * e^x for x <= 0, to the last bits of a float, in a fifth of the time of `exp`: 2^n of the next whole number n
     * below x / ln 2 + 1/2 and the series of what is left, which is at most (ln 2) / 2.
     */
    private fun expOfNegative(x: Float): Float {
        val t = if (x < -87f) -87f * LOG2_E else x * LOG2_E
        val n = (t - 0.5f).toInt()
        val r = (t - n) * LN_2
        val series = 1 + r * (1 + r * (1f / 2 + r * (1f / 6 + r * (1f / 24 + r * (1f / 120 + r * (1f / 720))))))
        return series * Float.fromBits((n + 127) shl 23)
    }

    private fun point(k: Int): Triple<Double, Double, Double> {
        if (decoder.method == Method.SEED) return seed()
        val map = when {
            forgiven != null -> blurred(one, height, width, forgiven[k], mirrored = false)
            decoder.method == Method.DARK && decoder.blurCells > 0 ->
                blurred(one, height, width, gaussian(decoder.blurCells), mirrored = true)
            else -> one
        }
        val best = argmax(map)
        val (x, y) = best % width to best / width
        val (dx, dy) = when (decoder.method) {
            Method.QUARTER -> quarter(map, x, y)
            Method.DARK, Method.OKS -> dark(map, x, y)
            Method.CENTROID -> centroid(map, x, y)
            else -> 0.0 to 0.0
        }
        val score = if (decoder.method == Method.OKS) one[argmax(one)] else map[best]
        return Triple(x + dx, y + dy, score.toDouble())
    }

    private fun argmax(map: FloatArray): Int {
        var best = 0
        var highest = map[0]
        for (i in 1 until map.size) {
            if (map[i] > highest) {
                highest = map[i]
                best = i
            }
        }
        return best
    }

    /** The value of a cell; NaN outside the map. */
    private fun at(map: FloatArray, x: Int, y: Int): Double =
        if (x in 0 until width && y in 0 until height) map[y * width + x].toDouble() else Double.NaN

    private fun quarter(map: FloatArray, x: Int, y: Int): Pair<Double, Double> {
        fun step(up: Double) = if (up.isNaN()) 0.0 else 0.25 * sign(up)
        return step(at(map, x + 1, y) - at(map, x - 1, y)) to step(at(map, x, y + 1) - at(map, x, y - 1))
    }

    /** Second-order Taylor step of the log map (Zhang et al. 2020, eq. 7). */
    private fun dark(map: FloatArray, x: Int, y: Int): Pair<Double, Double> {
        fun log(dx: Int, dy: Int) = at(map, x + dx, y + dy).let { if (it.isNaN()) it else ln(max(it, 1e-10)) }
        val c = log(0, 0)
        val (l, r, u, d) = doubleArrayOf(log(-1, 0), log(1, 0), log(0, -1), log(0, 1))
        val (gx, gy) = doubleArrayOf((r - l) / 2, (d - u) / 2)
        val (hxx, hyy) = doubleArrayOf(r - 2 * c + l, d - 2 * c + u)
        val hxy = ((log(1, 1) - log(1, -1) - log(-1, 1) + log(-1, -1)) / 4).let { if (it.isFinite()) it else 0.0 }
        val determinant = hxx * hyy - hxy * hxy
        // at the border, where a neighbour is missing, the axis keeps its cell; steps of more than a cell are not taken
        fun taken(step: Double) = if (abs(step) <= 1) step else 0.0
        if (determinant > 0 && hxx < 0 && hyy < 0) {
            return taken(-(hyy * gx - hxy * gy) / determinant) to taken(-(hxx * gy - hxy * gx) / determinant)
        }
        return taken(if (hxx < 0) -gx / hxx else 0.0) to taken(if (hyy < 0) -gy / hyy else 0.0)
    }

    /** Centre of mass of a window around the highest cell. */
    private fun centroid(map: FloatArray, x: Int, y: Int): Pair<Double, Double> {
        var (mass, across, down) = doubleArrayOf(0.0, 0.0, 0.0)
        for (dy in -decoder.radiusCells..decoder.radiusCells) {
            for (dx in -decoder.radiusCells..decoder.radiusCells) {
                val value = at(map, x + dx, y + dy)
                if (!(value > 0) || !value.isFinite()) continue
                mass += value
                across += value * dx
                down += value * dy
            }
        }
        return if (mass > 0) across / mass to down / mass else 0.0 to 0.0
    }

    /** Enlarged to input size, blurred by sigma 1; the highest pixel that reaches the threshold (Lee et al., 3.4.1). */
    private fun seed(): Triple<Double, Double, Double> {
        val (h, w) = height * output.stride to width * output.stride
        val large = blurred(enlarged(one, h, w), h, w, gaussian(1.0), mirrored = true)
        val best = argmax(large)
        val score = large[best].toDouble()
        val kept = score >= decoder.threshold
        val middle = (output.stride - 1) / 2.0
        val (x, y) = if (kept) best % w to best / w else 0 to 0
        return Triple((x - middle) / output.stride, (y - middle) / output.stride, if (kept) score else 0.0)
    }

    /** `cv2.resize` with INTER_LINEAR. */
    private fun enlarged(map: FloatArray, h: Int, w: Int): FloatArray {
        val across = LinearTaps(width, w)
        val down = LinearTaps(height, h)
        return FloatArray(h * w) { i ->
            val (x, y) = i % w to i / w
            val row = down.first[y] * width
            val next = down.second[y] * width
            val (p, q) = across.first[x] to across.second[x]
            val upper = map[row + p] * (1 - across.weight[x]) + map[row + q] * across.weight[x]
            val lower = map[next + p] * (1 - across.weight[x]) + map[next + q] * across.weight[x]
            upper * (1 - down.weight[y]) + lower * down.weight[y]
        }
    }

    /** Which two of [from] samples make each of [to], and the second one's weight. */
    private class LinearTaps(from: Int, to: Int) {
        private val places = DoubleArray(to) { ((it + 0.5) * from / to - 0.5).coerceIn(0.0, from - 1.0) }
        val first = IntArray(to) { floor(places[it]).toInt() }
        val second = IntArray(to) { minOf(first[it] + 1, from - 1) }
        val weight = FloatArray(to) { (places[it] - first[it]).toFloat() }
    }

    /** A Gaussian of 4 sigmas to each side that sums to 1, as of `cv2.GaussianBlur`. */
    private fun gaussian(sigma: Double): FloatArray {
        val reach = ceil(4 * sigma).toInt()
        val raw = DoubleArray(2 * reach + 1) { exp(-(it - reach) * (it - reach) / (2 * sigma * sigma)) }
        val sum = raw.sum()
        return FloatArray(raw.size) { (raw[it] / sum).toFloat() }
    }

    /** A map blurred along both axes. Beyond its edges it is mirrored (OpenCV's BORDER_REFLECT) or nothing. */
    private fun blurred(map: FloatArray, h: Int, w: Int, kernel: FloatArray, mirrored: Boolean): FloatArray {
        val between = FloatArray(h * w)
        val found = FloatArray(h * w)
        fold(map, between, h, w, w, 1, kernel, mirrored)
        fold(between, found, w, h, 1, w, kernel, mirrored)
        return found
    }

    /** One axis of the blur: [lines] lines of [length] samples. */
    private fun fold(
        from: FloatArray,
        into: FloatArray,
        lines: Int,
        length: Int,
        line: Int,
        step: Int,
        kernel: FloatArray,
        mirrored: Boolean,
    ) {
        val reach = kernel.size / 2
        val padded = FloatArray(length + 2 * reach)
        for (l in 0 until lines) {
            for (i in padded.indices) {
                val inside = i - reach in 0 until length
                padded[i] = if (inside || mirrored) from[l * line + reflected(i - reach, length) * step] else 0f
            }
            for (i in 0 until length) {
                // both sides at once: what is symmetric stays so to the last bit, and equal peaks stay equal
                var sum = kernel[reach] * padded[i + reach]
                for (j in 1..reach) sum += kernel[reach + j] * (padded[i + reach - j] + padded[i + reach + j])
                into[l * line + i * step] = sum
            }
        }
    }

    private fun reflected(index: Int, length: Int): Int {
        val around = index.mod(2 * length)
        return if (around < length) around else 2 * length - 1 - around
    }

    private companion object {
        const val LOG2_E = 1.442695f
        const val LN_2 = 0.6931472f
    }
}
