package org.poseport.demo.core.people

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.poseport.demo.core.Box
import org.poseport.demo.core.Golden

/** Likeness, identities and smoothing are those of the toolkit. */
class WhoIsWhoTest {
    /** The finds of a case, in their order. */
    private fun poses(case: Golden.Case): List<Pose> {
        val stored = case.part("stored")
        val (count, keypoints) = stored.shape("keypoints")
        val (all, boxes) = stored.floats("keypoints") to stored.floats("boxes_xywh")
        val scores = if (stored.has("scores")) stored.floats("scores") else FloatArray(count)
        return List(count) { i ->
            val (x, y, w, h) = List(4) { boxes[4 * i + it].toDouble() }
            val own = DoubleArray(3 * keypoints) { all[3 * keypoints * i + it].toDouble() }
            Pose(own, Box(x, y, w, h), scores[i].toDouble())
        }
    }

    @Test fun theyAreAsAlike() {
        for (case in Golden("alike").cases()) {
            val (poses, sigmas) = poses(case) to case.numbers("sigmas")
            val found = poses.flatMap { one ->
                poses.map { Similarity.between(one.keypoints, it.keypoints, Similarity.area(it.box), sigmas) }
            }
            assertArrayEquals(case.name, case.expected.numbers("alike"), found.toDoubleArray(), 1e-9)
            val kept = Similarity.distinct(poses, sigmas, case.number("most_alike")).map(poses::indexOf)
            assertEquals(case.name, case.expected.numbers("kept").map { it.toInt() }, kept)
        }
    }

    @Test fun theyKeepTheirNumbersAndAreLookedForInTheSameBoxes() {
        var frames = 0
        for (case in Golden("follow").cases()) {
            val tracks = Tracks(case.numbers("sigmas"), case.number("sure"))
            val (height, width) = case.numbers("image_hw").map { it.toInt() }
            val expected = case.expected
            val (ids, lost) = expected.numbers("ids") to expected.numbers("lost")
            val (counts, boxes) = expected.numbers("next_counts") to expected.numbers("next_boxes_xywh")
            val finds = poses(case)
            var (at, box) = 0 to 0
            case.numbers("counts").forEachIndexed { frame, count ->
                val name = "${case.name} $frame"
                val now = finds.subList(at, at + count.toInt())
                val found = tracks.step(now, width, height)
                val numbers = now.map { one -> found.firstOrNull { it.box === one.box }?.number ?: 0 }
                assertEquals(name, ids.slice(at until at + now.size).map { it.toInt() }, numbers)
                assertEquals(name, lost[frame] > 0, tracks.lost)
                val next = tracks.next()
                assertEquals(name, counts[frame].toInt(), next.size)
                for (person in next) {
                    val sides = person.box.run { doubleArrayOf(x, y, this.width, this.height) }
                    assertArrayEquals(name, boxes.copyOfRange(box, box + 4), sides, 1e-6)
                    box += 4
                }
                at += now.size
                frames++
            }
            assertEquals(case.name, boxes.size, box)
        }
        assertTrue("$frames frames", frames > 80)
    }

    @Test fun theyAreSmoothedAlike() {
        for (case in Golden("smooth").cases()) {
            val (frames, keypoints) = case.shape("keypoints")
            val (all, size) = case.floats("keypoints") to 3 * keypoints
            val one = OneEuro()
            val found = (0 until frames).flatMap { t ->
                val now = DoubleArray(size) { all[t * size + it].toDouble() }
                one.smooth(now, case.number("size_px"), case.number("seconds")).toList()
            }
            val expected = case.expected.numbers("smoothed")
            assertArrayEquals(case.name, expected, found.toDoubleArray(), 1e-6)
        }
    }

    /** Everyone has an own filter, and who was away for a frame begins anew. */
    @Test fun everyoneIsSmoothedAlone() {
        var now = 0L
        val smoother = Smoother { now.also { now += 33_000_000 } }
        fun pose(number: Int, x: Double) =
            Pose(DoubleArray(9) { if (it % 3 == 2) 0.8 else x }, Box(x, x, 50.0, 100.0), 0.5, number = number)
        fun xs(vararg poses: Pose) = smoother.smooth(poses.toList()).map { it.keypoints[0] }
        assertEquals(listOf(10.0, 90.0), xs(pose(1, 10.0), pose(2, 90.0)))
        val (first, second) = xs(pose(1, 14.0), pose(2, 90.0))
        assertTrue("$first", first > 10.5 && first < 13.9)
        assertEquals(90.0, second, 1e-9)
        assertEquals(listOf(20.0), xs(pose(3, 20.0)))
        assertEquals(listOf(40.0), xs(pose(1, 40.0)))
    }
}
