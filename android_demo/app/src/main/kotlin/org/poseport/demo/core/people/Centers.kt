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
     * cells around it; of boxes that overlap, the best stays.
     *
     * output: rows x columns x 5 numbers of the network. matrix: of [letterbox].
     */
    fun decode(spec: DetectorSpec, output: DoubleArray, matrix: Affine): List<Person> {
        val (rows, columns) = spec.rows to spec.columns
        val scores = DoubleArray(rows * columns) { cell ->
            val score = 1 / (1 + exp(-output[DetectorSpec.CHANNELS * cell]))
            if (score.isFinite()) score else 0.0
        }
        fun isHighest(cell: Int): Boolean {
            val (v, u) = cell / columns to cell % columns
            for (y in max(v - 1, 0)..min(v + 1, rows - 1)) {
                for (x in max(u - 1, 0)..min(u + 1, columns - 1)) {
                    if (scores[y * columns + x] > scores[cell]) return false
                }
            }
            return true
        }
        val counted = scores.indices.filter { scores[it] >= spec.threshold && isHighest(it) }
        val best = counted.sortedByDescending(scores::get) // equal ones stay in order
        val people = best.map { Person(box(spec, output, it, matrix.inverse()), scores[it]) }
        return suppress(people, spec.overlap).take(spec.most)
    }

    private fun box(spec: DetectorSpec, output: DoubleArray, cell: Int, back: Affine): Box {
        fun value(channel: Int, most: Double): Double {
            val number = output[DetectorSpec.CHANNELS * cell + channel]
            return if (number.isNaN()) 0.0 else number.coerceIn(-most, most)
        }
        fun middle(index: Int, channel: Int) =
            spec.stride * (index + value(channel, FARTHEST)) + (spec.stride - 1) / 2.0
        fun side(channel: Int) = back.a * spec.stride * exp(value(channel, LARGEST_LOG))
        val (x, y) = middle(cell % spec.columns, 1) to middle(cell / spec.columns, 2)
        val (width, height) = side(3) to side(4)
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
