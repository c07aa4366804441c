package org.poseport.demo.core.people

import org.poseport.demo.core.Box
import org.poseport.demo.core.Tracker

/** Who of this frame is who of the frames before; the toolkit's `people/tracks.py`, whose words are there. */
class Tracks(private val sigmas: DoubleArray, private val sure: Double = SURE) {
    /** One person over time. next: where to look in the next frame; null if the keypoints do not tell. */
    private class Track(val number: Int, var pose: Pose, var next: Box?) {
        /** The mean way from frame to frame in pixels. */
        var motionX = 0.0
        var motionY = 0.0
        var missed = 0

        /** Where the keypoints are expected: moved by so many frames' way. */
        fun moved(keypoints: DoubleArray, frames: Int) = DoubleArray(keypoints.size) { i ->
            keypoints[i] + when (i % 3) { 0 -> motionX * frames; 1 -> motionY * frames; else -> 0.0 }
        }
    }

    private var live = ArrayList<Track>()
    private var count = 0

    /** Whether somebody was lost in the last frame. */
    var lost = false
        private set

    /** Forget everybody; numbers are not given again. */
    fun clear() {
        live.clear()
        lost = false
    }

    /** Where to look for the people of the last frame, and how sure the detector was of them. */
    fun next(): List<Person> = live.filter { it.missed == 0 }.mapNotNull { one ->
        one.next?.let {
            Person(Box(it.x + one.motionX, it.y + one.motionY, it.width, it.height), one.pose.boxScore)
        }
    }

    /** The finds of the next frame with their numbers; unsure ones that continue nobody are left out. */
    fun step(found: List<Pose>, width: Int, height: Int): List<Pose> {
        val alike = found.map { pose -> live.map { alike(pose, it) } }
        val numbers = IntArray(found.size)
        val free = live.indices.toMutableSet()
        // sure finds choose their person first, unsure ones may only continue a person who is left
        val (certain, others) = found.indices.partition { found[it].score >= sure }
        for (group in listOf(certain, others.filter { found[it].score >= CONTINUES * sure })) {
            for ((i, j) in greedy(alike, group, free)) {
                carryOn(live[j], found[i], width, height)
                numbers[i] = live[j].number
            }
        }
        lost = free.any { live[it].missed == 0 }
        for (j in free) live[j].missed++
        live = live.filterTo(ArrayList()) { it.missed <= PATIENCE }
        for (i in found.indices) {
            if (numbers[i] > 0 || !(found[i].score >= sure)) continue
            numbers[i] = ++count
            live.add(Track(count, found[i], follow(found[i], width, height)))
        }
        val kept = found.indices.filter { numbers[it] > 0 }
        return kept.map { i -> found[i].numbered(numbers[i]) }
    }

    /** The likeness of a find with a person where that one is expected. */
    private fun alike(pose: Pose, one: Track): Double {
        val keypoints = one.moved(one.pose.keypoints, 1 + one.missed)
        return Similarity.between(pose.keypoints, keypoints, AREAS * Similarity.area(one.pose.box), sigmas)
    }

    /** Pairs of a find and a free person, the most alike first; takes the persons out of [free]. */
    private fun greedy(alike: List<List<Double>>, group: List<Int>, free: MutableSet<Int>): List<Pair<Int, Int>> {
        val pairs = group.flatMap { i -> free.filter { alike[i][it] >= LEAST_ALIKE }.map { i to it } }
        val order = compareBy<Pair<Int, Int>>({ (i, j) -> alike[i][j] }, { it.first }, { it.second }).reversed()
        val done = HashSet<Int>()
        return pairs.sortedWith(order).filter { (i, j) -> j in free && done.add(i) && free.remove(j) }
    }

    private fun carryOn(one: Track, pose: Pose, width: Int, height: Int) {
        val (before, now) = one.pose.keypoints to pose.keypoints
        val both = sigmas.indices.filter { minOf(before[3 * it + 2], now[3 * it + 2]) >= Similarity.SURE }
        val x = both.sumOf { now[3 * it] - before[3 * it] } / both.size / (1 + one.missed)
        val y = both.sumOf { now[3 * it + 1] - before[3 * it + 1] } / both.size / (1 + one.missed)
        if (x.isFinite() && y.isFinite()) {
            one.motionX += NEWEST * (x - one.motionX)
            one.motionY += NEWEST * (y - one.motionY)
        }
        one.pose = pose
        one.next = follow(pose, width, height)
        one.missed = 0
    }

    private fun follow(pose: Pose, width: Int, height: Int) =
        Tracker.follow(pose.keypoints, width, height, Similarity.SURE)

    companion object {
        /** Score from which a find is sure. */
        const val SURE = 0.1

        /** The share of that from which a find continues somebody. */
        private const val CONTINUES = 0.5
        private const val LEAST_ALIKE = 0.2
        private const val PATIENCE = 30
        private const val AREAS = 9.0
        private const val NEWEST = 0.2
    }
}
