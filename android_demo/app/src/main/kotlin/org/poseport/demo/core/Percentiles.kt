package org.poseport.demo.core

/**
 * The last samples of a time, and their percentiles, between two samples by a straight line as in the toolkit's bench.
 */
class Percentiles(private val capacity: Int = 120) {
    private val samples = LongArray(capacity)
    private var count = 0

    fun add(sample: Long) {
        samples[count++ % capacity] = sample
    }

    /** The value that [percent] of the samples do not exceed; null without samples. */
    fun at(percent: Int): Double? {
        val size = minOf(count, capacity)
        if (size == 0) return null
        val sorted = samples.copyOf(size).apply { sort() }
        val rank = percent / 100.0 * (size - 1)
        val below = rank.toInt()
        return sorted[below] + (rank - below) * (sorted[minOf(below + 1, size - 1)] - sorted[below])
    }
}
