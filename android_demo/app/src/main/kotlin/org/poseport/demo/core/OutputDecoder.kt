package org.poseport.demo.core

import kotlin.math.PI
import kotlin.math.exp
import kotlin.math.sqrt
import kotlin.math.tanh

/** What a spec's output means: the numbers of the output tensors to keypoints, as the toolkit's `pose.decode_input`. */
class OutputDecoder(private val spec: Spec) {
    private val keypoints = spec.skeleton.size
    private val heatmaps = (spec.output as? Heatmaps)?.let {
        HeatmapDecoder(it, spec.inputHeight / it.stride, spec.inputWidth / it.stride, spec.skeleton.sigmas)
    }

    /**
     * x, y in input pixels and a score in [0, 1] of every keypoint: 3 x K; of a detector, the numbers of its cells.
     * tensors: as [Spec.tensors] lists them.
     */
    fun decode(tensors: List<FloatArray>): DoubleArray {
        val found = DoubleArray(3 * keypoints)
        when (val output = spec.output) {
            is Heatmaps -> return heatmaps!!.decode(tensors[0])
            is Offsets -> for (k in 0 until keypoints) offset(output, k, tensors[0], tensors[1], found)
            is Simcc -> for (k in 0 until keypoints) bins(output, k, tensors[0], tensors[1], found)
            is Landmarks -> for (k in 0 until keypoints) landmark(output, k, tensors[0], found)
            is Coords -> for (k in 0 until keypoints) coords(output, k, tensors[0], found)
            is Cells -> return DoubleArray(tensors[0].size) { tensors[0][it].toDouble() }
            is Decoded -> for (k in 0 until keypoints) decoded(output, k, tensors[0], found)
        }
        return found
    }

    private fun put(found: DoubleArray, k: Int, x: Double, y: Double, score: Double) {
        found[3 * k] = x
        found[3 * k + 1] = y
        found[3 * k + 2] = score.coerceIn(0.0, 1.0)
    }

    /** x and y from the input's middle, in sides of the input. */
    private fun putCentred(found: DoubleArray, k: Int, x: Double, y: Double, score: Double) {
        val (width, height) = spec.inputWidth to spec.inputHeight
        put(found, k, x * width + (width - 1) / 2.0, y * height + (height - 1) / 2.0, score)
    }

    private fun coords(output: Coords, k: Int, values: FloatArray, found: DoubleArray) {
        val at = k * if (output.scored) 3 else 2
        val score = if (output.scored) (values[at + 2] + 0.5f).toDouble() else 1.0
        putCentred(found, k, values[at].toDouble(), values[at + 1].toDouble(), score)
    }

    private fun decoded(output: Decoded, k: Int, values: FloatArray, found: DoubleArray) {
        val x = values[3 * k + if (output.yFirst) 1 else 0] - 0.5f
        val y = values[3 * k + if (output.yFirst) 0 else 1] - 0.5f
        putCentred(found, k, x.toDouble(), y.toDouble(), values[3 * k + 2].toDouble())
    }

    private fun landmark(output: Landmarks, k: Int, values: FloatArray, found: DoubleArray) {
        val at = k * output.each
        val score = if (output.score == null) 1.0 else sigmoid(values[at + output.score])
        put(found, k, values[at] - 0.5, values[at + 1] - 0.5, score)
    }

    private fun bins(output: Simcc, k: Int, columns: FloatArray, rows: FloatArray, found: DoubleArray) {
        val (width, height) = output.bins(spec.inputWidth) to output.bins(spec.inputHeight)
        val x = highest(columns, k * width, width)
        val y = highest(rows, k * height, height)
        val score = minOf(
            score(output, columns, k * width, width, columns[k * width + x]),
            score(output, rows, k * height, height, rows[k * height + y]),
        )
        put(found, k, x / output.ratio, y / output.ratio, score)
    }

    /** Score of the highest of some bins: their softmax, relative to the height of the Gaussian of the training. */
    private fun score(output: Simcc, values: FloatArray, from: Int, count: Int, highest: Float): Double {
        val sigma = output.sigma ?: return highest.toDouble()
        var total = 0.0
        for (i in from until from + count) total += exp((values[i] - highest).toDouble())
        return sqrt(2 * PI) * sigma / total
    }

    private fun offset(output: Offsets, k: Int, maps: FloatArray, moves: FloatArray, found: DoubleArray) {
        val (h, w) = output.grid.cells(spec.inputHeight) to output.grid.cells(spec.inputWidth)
        val cells = h * w
        fun place(channel: Int, channels: Int, cell: Int) =
            if (output.channelsFirst) channel * cells + cell else cell * channels + channel
        var best = 0
        for (cell in 1 until cells) if (maps[place(k, keypoints, cell)] > maps[place(k, keypoints, best)]) best = cell
        fun move(axis: Int): Double {
            val channel = if (output.pairs) 2 * k + axis else axis * keypoints + k
            return output.grid.origin + output.grid.offset * moves[place(channel, 2 * keypoints, best)]
        }
        val score = maps[place(k, keypoints, best)]
        val (y, x) = output.grid.stride * (best / w) + move(0) to output.grid.stride * (best % w) + move(1)
        put(found, k, x, y, if (output.logits) sigmoid(score) else score.toDouble())
    }

    private fun highest(values: FloatArray, from: Int, count: Int): Int {
        var best = 0
        for (i in 1 until count) if (values[from + i] > values[from + best]) best = i
        return best
    }

    private fun sigmoid(logit: Float) = 0.5 + 0.5 * tanh(0.5 * logit)
}
