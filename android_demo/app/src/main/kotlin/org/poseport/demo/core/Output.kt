package org.poseport.demo.core

import kotlin.math.ceil
import kotlin.math.floor

/** One output tensor of a file: its name ("" for the only one of a file) and its shape for one crop. */
class OutputTensor(val name: String, vararg val shape: Int) {
    /** How many numbers it holds. */
    val size get() = shape.fold(1L) { product, length -> product * length }

    override fun toString() = name + (listOf(1) + shape.toList())
}

/** What the output tensors of a network mean: a kind of the toolkit's `outputs.kinds`. */
sealed class Output {
    /** The tensors that the app reads, in the order in which [OutputDecoder] takes them. */
    abstract fun tensors(height: Int, width: Int, keypoints: Int): List<OutputTensor>
}

private fun maps(name: String, height: Int, width: Int, channels: Int, channelsFirst: Boolean) =
    if (channelsFirst) OutputTensor(name, channels, height, width) else OutputTensor(name, height, width, channels)

/** One map per keypoint. logits: the maps become a distribution over the cells by softmax. */
class Heatmaps(
    val stride: Int,
    val sigma: Double,
    val logits: Boolean,
    val decoder: Decoder,
    val tensor: String = "",
    val channelsFirst: Boolean = false,
) : Output() {
    override fun tensors(height: Int, width: Int, keypoints: Int) =
        listOf(maps(tensor, height / stride, width / stride, keypoints, channelsFirst))
}

/** The cells of [Offsets] in the input: cell u is pixel stride x u + origin, moved by offset x the network's number. */
class Grid(val stride: Int, val origin: Double, val offset: Double) {
    fun cells(size: Int) = ceil(size / stride.toDouble()).toInt()
}

/** One map of scores per keypoint, and for each cell the way to the keypoint, as PoseNet and MoveNet write it. */
class Offsets(
    val grid: Grid,
    /** y and x of each keypoint in turn, instead of all y before all x. */
    val pairs: Boolean,
    val logits: Boolean,
    private val heatmaps: String,
    private val offsets: String,
    val channelsFirst: Boolean,
) : Output() {
    override fun tensors(height: Int, width: Int, keypoints: Int): List<OutputTensor> {
        val (h, w) = grid.cells(height) to grid.cells(width)
        return listOf(maps(heatmaps, h, w, keypoints, channelsFirst), maps(offsets, h, w, 2 * keypoints, channelsFirst))
    }
}

/**
 * Two vectors per keypoint, over the columns and the rows of the input; bin b is pixel b / ratio (RTMPose).
 * sigma: in bins, of the Gaussian that logits were trained towards; null where the vectors are scores already.
 */
class Simcc(val ratio: Double, private val x: String, private val y: String, val sigma: Double? = null) : Output() {
    fun bins(size: Int) = maxOf(1, floor(size * ratio + 0.5).toInt())

    override fun tensors(height: Int, width: Int, keypoints: Int) =
        listOf(OutputTensor(x, keypoints, bins(width)), OutputTensor(y, keypoints, bins(height)))
}

/** x, y and z in pixels from the left and upper edge (BlazePose); score: the number that is its logit, or null. */
class Landmarks(private val tensor: String, val auxiliary: Int, val score: Int?) : Output() {
    val each get() = if (score == null) 3 else 5

    override fun tensors(height: Int, width: Int, keypoints: Int) =
        listOf(OutputTensor(tensor, keypoints + auxiliary, each))
}

/** x and y from the input's middle in sides of the input; scored: a third number, the score less a half. */
class Coords(val scored: Boolean, private val tensor: String = "") : Output() {
    override fun tensors(height: Int, width: Int, keypoints: Int) =
        listOf(OutputTensor(tensor, keypoints, if (scored) 3 else 2))
}

/** x, y and a score in [0, 1], decoded by the network itself. yFirst: as the network writes them. */
class Decoded(val yFirst: Boolean, private val tensor: String = "") : Output() {
    override fun tensors(height: Int, width: Int, keypoints: Int) = listOf(OutputTensor(tensor, keypoints, 3))
}

/** The cells of a person detector, so many numbers each; `people/Centers.kt` says what they mean. */
class Cells(private val stride: Int, private val channels: Int) : Output() {
    override fun tensors(height: Int, width: Int, keypoints: Int) =
        listOf(OutputTensor("", height / stride, width / stride, channels))
}

enum class Method { ARGMAX, QUARTER, DARK, CENTROID, OKS, SEED }

/** How a map becomes a point; the numbers serve DARK, CENTROID and SEED, in this order. */
class Decoder(val method: Method, val blurCells: Double, val radiusCells: Int, val threshold: Double)
