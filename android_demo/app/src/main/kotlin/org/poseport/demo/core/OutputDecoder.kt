package org.poseport.demo.core

/** What a spec's output means: the numbers of the output tensor to keypoints, as the toolkit's `pose.decode_input`. */
class OutputDecoder(private val spec: Spec) {
    private val heatmaps = (spec.output as? Heatmaps)?.let {
        HeatmapDecoder(it, spec.inputHeight / it.stride, spec.inputWidth / it.stride, spec.skeleton.size)
    }

    /** x, y in input pixels and a score in [0, 1] of every keypoint: 3 x K. */
    fun decode(values: FloatArray): DoubleArray = when (val output = spec.output) {
        is Heatmaps -> heatmaps!!.decode(values)
        is Coords -> {
            val each = if (output.scored) 3 else 2
            keypoints { k ->
                val score = if (output.scored) (values[each * k + 2] + 0.5f).toDouble() else 1.0
                Triple(values[each * k].toDouble(), values[each * k + 1].toDouble(), score)
            }
        }
        is Decoded -> keypoints { k ->
            val (a, b) = values[3 * k] - 0.5f to values[3 * k + 1] - 0.5f
            val (x, y) = if (output.yFirst) b to a else a to b
            Triple(x.toDouble(), y.toDouble(), values[3 * k + 2].toDouble())
        }
    }

    /** Keypoints whose places are given from the input's middle in sides of the input. */
    private inline fun keypoints(each: (Int) -> Triple<Double, Double, Double>): DoubleArray {
        val found = DoubleArray(3 * spec.skeleton.size)
        for (k in 0 until spec.skeleton.size) {
            val (x, y, score) = each(k)
            found[3 * k] = x * spec.inputWidth + (spec.inputWidth - 1) / 2.0
            found[3 * k + 1] = y * spec.inputHeight + (spec.inputHeight - 1) / 2.0
            found[3 * k + 2] = score.coerceIn(0.0, 1.0)
        }
        return found
    }
}
