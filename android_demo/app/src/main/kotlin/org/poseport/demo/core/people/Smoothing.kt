package org.poseport.demo.core.people

import kotlin.math.PI
import kotlin.math.hypot

/** The one-euro filter of one person's keypoints; the toolkit's `people/smooth.py`, whose words are there. */
class OneEuro {
    private var last = DoubleArray(0)
    private var speed = DoubleArray(0)
    private var weight = DoubleArray(0)

    /** The keypoints (3 x K) of the next frame. size: of the person in pixels. seconds: since the last call. */
    fun smooth(keypoints: DoubleArray, size: Double, seconds: Double): DoubleArray {
        val count = keypoints.size / 3
        val known = BooleanArray(count) { k -> (0..2).all { keypoints[3 * k + it].isFinite() } }
        val sure = DoubleArray(count) { if (known[it]) keypoints[3 * it + 2].coerceIn(0.0, 1.0) else 0.0 }
        if (weight.size != count) {
            last = DoubleArray(2 * count) { keypoints[it / 2 * 3 + it % 2] }
            speed = DoubleArray(2 * count)
            weight = sure
            return keypoints.copyOf()
        }
        val found = keypoints.copyOf()
        for (k in 0 until count) {
            val begins = !last[2 * k].isFinite() || !last[2 * k + 1].isFinite()
            val before = DoubleArray(2) { if (begins) keypoints[3 * k + it] else last[2 * k + it] }
            val now = DoubleArray(2) { if (known[k]) keypoints[3 * k + it] else before[it] }
            for (i in 0..1) {
                val moved = (now[i] - before[i]) / seconds - speed[2 * k + i]
                speed[2 * k + i] += share(SPEED_HZ, seconds) * moved
            }
            val (x, y) = speed[2 * k] to speed[2 * k + 1]
            val fast = hypot(if (x.isNaN()) 0.0 else x, if (y.isNaN()) 0.0 else y) / size
            val share = share(REST_HZ + RISE * fast, seconds)
            val mean = share * sure[k] + (1 - share) * weight[k]
            // the mean of x weighted by score, written as a step from the last mean
            val step = if (mean > 0) share * sure[k] / mean else if (known[k]) share else 0.0
            weight[k] = mean
            for (i in 0..1) {
                last[2 * k + i] = before[i] + step * (now[i] - before[i])
                found[3 * k + i] = last[2 * k + i]
            }
        }
        return found
    }

    private fun share(cutoff: Double, seconds: Double) = 1 / (1 + 1 / (2 * PI * cutoff * seconds))

    private companion object {
        const val REST_HZ = 1.5
        const val SPEED_HZ = 1.0
        const val RISE = 3.0
    }
}

/** Smooths everyone's keypoints, each person by an own filter; one who was away begins anew. */
class Smoother(private val clock: () -> Long = System::nanoTime) {
    private var filters = HashMap<Int, OneEuro>()
    private var last = 0L

    fun smooth(poses: List<Pose>): List<Pose> {
        val now = clock()
        val seconds = maxOf(now - last, 1L) / 1e9
        last = now
        val before = filters
        filters = HashMap()
        return poses.map { pose ->
            val one = before[pose.number] ?: OneEuro()
            filters[pose.number] = one
            val size = maxOf(pose.box.width, pose.box.height)
            Pose(one.smooth(pose.keypoints, size, seconds), pose.box, pose.score, pose.boxScore, pose.number)
        }
    }
}
