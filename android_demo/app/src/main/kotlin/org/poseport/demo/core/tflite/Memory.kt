package org.poseport.demo.core.tflite

import java.nio.ByteBuffer
import kotlin.math.ceil
import org.poseport.demo.core.Obstacle
import org.poseport.demo.core.Refused

/**
 * Memory that a network's activations take, estimated before the interpreter opens the file; the toolkit's
 * `tflite/memory.py`, whose words are there. The interpreter computes the shapes anew: two constants make one RESIZE up
 * and another down again, and a small file takes gigabytes.
 */
internal object Memory {
    private const val MAX_MB = 512
    private const val BYTES_PER_RESIZED_PIXEL = 4 * 8 + 2 * 4

    /** No limit allows this many. Larger numbers count as this one. */
    private const val MOST_VALUES = 1L shl 40

    // codes of `BuiltinOperator` in schema.fbs
    private const val CONCATENATION = 2L
    private const val CONV_2D = 3L
    private const val DEPTHWISE_CONV_2D = 4L
    private const val FULLY_CONNECTED = 9L
    private const val RESIZE_BILINEAR = 23L
    private const val TRANSPOSE_CONV = 67L
    private const val TILE = 69L
    private const val PACK = 83L
    private const val FILL = 94L
    private const val RESIZE_NEAREST_NEIGHBOR = 97L
    private const val BROADCAST_TO = 130L
    private val PADDING = setOf(34L, 60L, 100L)
    private val BROADCASTING = setOf<Long>(0, 18, 41, 42, 55, 57, 58, 61, 62, 63, 71, 72, 78, 84, 86, 90, 99, 123)
    private val SAME_SHAPE = setOf<Long>(6, 14, 19, 21, 28, 47, 53, 59, 101, 114, 117)

    /** Throws [Refused] for a file that is not sound, or whose activations take more than this app allows. */
    fun check(data: ByteBuffer, name: String) {
        val needed = peakBytes(data, name)
        if (needed <= MAX_MB * 1_000_000L) return
        val most = "about ${needed / 1_000_000} MB; at most $MAX_MB MB are allowed"
        throw Refused("$name: its activations would take $most", Obstacle.MEMORY)
    }

    /** Bytes that the activations of a file's largest subgraph take at once. Throws [Refused] if it is not sound. */
    fun peakBytes(data: ByteBuffer, name: String): Long = Flatbuffer.graphs(data, name).maxOf(::peak)

    private fun peak(graph: PlainGraph): Long {
        val shapes = shapes(graph)
        val sizes = shapes.mapIndexed { i, shape ->
            val width = graph.widths[i].takeIf { it != 0 } ?: 4
            if (graph.constant[i]) 0 else values(shape) * width
        }
        val last = HashMap<Int, Int>()
        graph.operations.forEachIndexed { at, op -> for (i in op.inputs + op.outputs) if (i >= 0) last[i] = at }
        val kept = graph.ends.toSet()
        val counted = HashSet(kept)
        var live = kept.sumOf(sizes::get)
        var peak = live
        graph.operations.forEachIndexed { at, op ->
            val born = op.outputs.filter { it >= 0 && it !in counted }.toSet()
            live += born.sumOf(sizes::get)
            peak = maxOf(peak, live + scratch(op.code, op.outputs.filter { it >= 0 }.map(shapes::get)))
            counted += born
            val done = (op.inputs + op.outputs).filter { it in counted && it !in kept && last[it] == at }.toSet()
            live -= done.sumOf(sizes::get)
            counted -= done
        }
        return peak
    }

    /** What the operation itself takes: XNNPACK keeps four addresses and two weights per pixel of a bilinear RESIZE. */
    private fun scratch(code: Long, outputs: List<LongArray>): Long {
        if (code != RESIZE_BILINEAR) return 0
        return outputs.fold(0L) { sum, shape ->
            val pixels = values(shape.copyOfRange(minOf(1, shape.size), minOf(3, shape.size)))
            minOf(sum + pixels * BYTES_PER_RESIZED_PIXEL, MOST_VALUES)
        }
    }

    /** The shape of every tensor as the interpreter will make it, as far as the file's constants tell. */
    private fun shapes(graph: PlainGraph): List<LongArray> {
        val stated = graph.shapes.map { shape ->
            LongArray(shape.size) { if (shape[it] < 0) 1 else shape[it].toLong() }
        }
        val real = stated.toMutableList()
        for (op in graph.operations) {
            val grown = op.inputs.filter { it >= 0 }.map { values(real[it]).toDouble() / maxOf(values(stated[it]), 1) }
            val growth = maxOf(1.0, grown.maxOrNull() ?: 1.0)
            val made = if (op.outputs.size == 1 && op.outputs[0] >= 0) made(op, real, graph.integers) else null
            for (i in op.outputs) {
                if (i < 0) continue
                if (made != null) {
                    real[i] = LongArray(made.size) { minOf(made[it], MOST_VALUES) }
                } else if (growth > 1) {
                    real[i] = longArrayOf(minOf(ceil(values(stated[i]) * growth), MOST_VALUES.toDouble()).toLong())
                }
            }
        }
        return real
    }

    /** The shape of an operation's output; null if it is not known here. */
    private fun made(op: Operation, real: List<LongArray>, integers: List<IntArray?>): LongArray? {
        val shapes = op.inputs.map { if (it >= 0) real[it] else LongArray(0) }
        val stored = op.inputs.map { if (it >= 0) integers[it] else null }
        if (shapes.isEmpty()) return null
        val (code, first, stated) = Triple(op.code, shapes[0], real[op.outputs[0]])
        if (code in SAME_SHAPE) return first
        if (code in BROADCASTING) {
            val longest = shapes.maxOf { it.size }
            return LongArray(longest) { at -> shapes.maxOf { it.getOrElse(at - longest + it.size) { 1 } } }
        }
        if (code == CONCATENATION || code == PACK) {
            val total = shapes.sumOf(::values)
            return if (values(stated) == total) stated else longArrayOf(total)
        }
        val convolves = code == CONV_2D || code == DEPTHWISE_CONV_2D || code == FULLY_CONNECTED
        if (convolves && shapes.size > 1 && shapes[1].isNotEmpty()) {
            val filters = if (code == DEPTHWISE_CONV_2D) shapes[1].last() else shapes[1].first()
            return if (stated.lastOrNull() == filters) null else first.copyOf(maxOf(first.size - 1, 0)) + filters
        }
        stored[0]?.let { if (code == FILL || code == TRANSPOSE_CONV) return positive(it) }
        val second = stored.getOrNull(1)?.let(::positive) ?: return null
        if ((code == RESIZE_BILINEAR || code == RESIZE_NEAREST_NEIGHBOR) && second.size == 2) {
            if (first.size == 4) return longArrayOf(first[0], second[0], second[1], first[3])
            return longArrayOf(times(values(second), values(first)))
        }
        if (code == BROADCAST_TO) return second
        if (code == TILE && second.size == first.size) return LongArray(first.size) { times(first[it], second[it]) }
        if (code in PADDING && second.size == 2 * first.size) {
            return LongArray(first.size) { first[it] + second[2 * it] + second[2 * it + 1] }
        }
        return null
    }

    private fun positive(values: IntArray) = LongArray(values.size) { maxOf(values[it], 0).toLong() }

    private fun values(shape: LongArray): Long = shape.fold(1L, ::times)

    private fun times(a: Long, b: Long): Long = if (b != 0L && a > MOST_VALUES / b) MOST_VALUES else a * b
}
