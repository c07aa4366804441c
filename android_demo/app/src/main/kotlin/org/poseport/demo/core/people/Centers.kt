package org.poseport.demo.core.people

import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min
import org.poseport.demo.core.Affine
import org.poseport.demo.core.Box
import org.poseport.demo.core.Picture
import org.poseport.demo.core.RgbImage

/** Where somebody is, and a score from 0 to 1. */
class Person(val box: Box, val score: Double)

/**
 * A picture as a detector sees it: what to crop by which matrix, and the matrix from the pixels of the whole picture to
 * those of the input.
 */
class Letterbox(val picture: Picture, val crop: Affine, val matrix: Affine)

/**
 * A picture becomes the input of the person detector, and its output becomes boxes; the toolkit's `people/centers.py`,
 * whose words are there (Zhou, Wang and Krähenbühl 2019, "Objects as Points").
 */
object Centers {
    private const val LARGEST_LOG = 5.0
    private const val FARTHEST = 64.0

    /** Cells that vote on a box: at most so far from its centre, with boxes that overlap the centre's so much. */
    private const val VOTERS = 2
    private const val ALIKE = 0.7

    /**
     * Fit a whole picture into the input, centred, with black beside it. One that is more than twice as large is first
     * reduced by a whole factor, so that no line of it is skipped.
     */
    fun letterbox(picture: Picture, inputHeight: Int, inputWidth: Int): Letterbox {
        val whole = Box.whole(picture.width, picture.height)
        val matrix = Affine.crop(whole, inputWidth, inputHeight, padding = 1.0)
        val factor = (1 / matrix.a).toInt()
        if (factor < 2) return Letterbox(picture, matrix, matrix)
        // pixel u of the small picture is the mean of the pixels factor * u to factor * u + factor - 1
        val (zoom, middle) = factor.toDouble() to (factor - 1) / 2.0
        val grown = Affine(zoom, 0.0, middle, 0.0, zoom, middle)
        return Letterbox(reduced(picture, factor), matrix.after(grown), matrix)
    }

    private fun reduced(picture: Picture, factor: Int): Picture {
        val (columns, rows) = picture.width / factor to picture.height / factor
        val sums = IntArray(3 * columns * rows)
        val upright = Affine.upright(picture.width, picture.height, 0, false)
        picture.crop(upright, picture.width, picture.height) { i, red, green, blue ->
            val (x, y) = i % picture.width / factor to i / picture.width / factor
            if (x < columns && y < rows) {
                val at = 3 * (y * columns + x)
                sums[at] += red
                sums[at + 1] += green
                sums[at + 2] += blue
            }
        }
        val pixels = IntArray(columns * rows) { i ->
            (mean(sums[3 * i], factor) shl 16) or (mean(sums[3 * i + 1], factor) shl 8) or mean(sums[3 * i + 2], factor)
        }
        return RgbImage(pixels, columns, rows)
    }

    /** OpenCV rounds halves up where it reduces by two, and to even numbers elsewhere. */
    private fun mean(sum: Int, factor: Int): Int {
        if (factor == 2) return (sum + 2) shr 2
        return Math.rint((sum * (1f / (factor * factor))).toDouble()).toInt()
    }

    /**
     * Boxes of people in the whole picture's pixels, best first. A cell counts if its score is the largest of the 3x3
     * cells around it; its box is the mean of those of the 5x5 cells around it that are alike; of boxes that overlap,
     * the best stays.
     *
     * output: rows x columns x 5 numbers of the network. matrix: of [letterbox]. least: boxes that score less are
     * dropped.
     */
    fun decode(
        spec: DetectorSpec, output: DoubleArray, matrix: Affine, least: Double = spec.threshold,
    ): List<Person> {
        val (rows, columns) = spec.rows to spec.columns
        val scores = DoubleArray(rows * columns) { cell ->
            val score = 1 / (1 + exp(-output[DetectorSpec.CHANNELS * cell]))
            if (score.isFinite()) score else 0.0
        }
        fun around(cell: Int, far: Int): List<Int> {
            val (v, u) = cell / columns to cell % columns
            val across = max(u - far, 0)..min(u + far, columns - 1)
            return (max(v - far, 0)..min(v + far, rows - 1)).flatMap { y -> across.map { y * columns + it } }
        }
        val counted = scores.indices.filter { cell ->
            scores[cell] >= least && around(cell, 1).all { scores[it] <= scores[cell] }
        }
        val best = counted.sortedByDescending(scores::get) // equal ones stay in order
        val people = best.map { cell ->
            val own = box(spec, output, cell)
            val voters = around(cell, VOTERS).map { scores[it] to box(spec, output, it) }
            val mean = mean(voters.filter { iou(own, it.second) >= ALIKE })
            Person(placed(mean, spec.stride, matrix.inverse()), scores[cell])
        }
        return suppress(people, spec.overlap).take(spec.most)
    }

    /** The box of a cell, in cells. */
    private fun box(spec: DetectorSpec, output: DoubleArray, cell: Int): Box {
        fun value(channel: Int, most: Double): Double {
            val number = output[DetectorSpec.CHANNELS * cell + channel]
            return if (number.isNaN()) 0.0 else number.coerceIn(-most, most)
        }
        val (width, height) = exp(value(3, LARGEST_LOG)) to exp(value(4, LARGEST_LOG))
        val (x, y) = cell % spec.columns + value(1, FARTHEST) to cell / spec.columns + value(2, FARTHEST)
        return Box(x - width / 2, y - height / 2, width, height)
    }

    /** The mean of boxes, weighted by their scores. */
    private fun mean(scored: List<Pair<Double, Box>>): Box {
        val all = scored.sumOf { it.first }
        fun mean(side: (Box) -> Double) = scored.sumOf { it.first * side(it.second) } / all
        return Box(mean(Box::x), mean(Box::y), mean(Box::width), mean(Box::height))
    }

    /** A box in cells as one in the picture's pixels. */
    private fun placed(cells: Box, stride: Int, back: Affine): Box {
        fun middle(begin: Double, side: Double) = stride * (begin + side / 2) + (stride - 1) / 2.0
        val (x, y) = middle(cells.x, cells.width) to middle(cells.y, cells.height)
        val (width, height) = back.a * stride * cells.width to back.a * stride * cells.height
        return Box(back.x(x, y) - (width - 1) / 2, back.y(x, y) - (height - 1) / 2, width, height)
    }

    /** Those whom no better one covers. people: best first. */
    private fun suppress(people: List<Person>, overlap: Double): List<Person> {
        val kept = ArrayList<Person>()
        for (person in people) if (kept.all { iou(it.box, person.box) <= overlap }) kept.add(person)
        return kept
    }

    /** Intersection over union. */
    fun iou(a: Box, b: Box): Double {
        val across = max(0.0, min(a.x + a.width, b.x + b.width) - max(a.x, b.x))
        val down = max(0.0, min(a.y + a.height, b.y + b.height) - max(a.y, b.y))
        val union = a.width * a.height + b.width * b.height - across * down
        return if (union > 0) across * down / union else 0.0
    }
}
