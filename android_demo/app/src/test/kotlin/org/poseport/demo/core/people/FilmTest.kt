package org.poseport.demo.core.people

import java.util.Random
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.poseport.demo.core.Box
import org.poseport.demo.core.Card
import org.poseport.demo.core.Json
import org.poseport.demo.core.Refused
import org.poseport.demo.core.RgbImage
import org.poseport.demo.core.Times

/** A film of people whose keypoints are known: the networks see those who are in the list. */
class FilmTest {
    private val people = ArrayList<DoubleArray>()
    private val times = Times()
    private var asked = 0
    private val seen = ArrayList<Person>()
    private val detect = Detect { _, _ -> people.map { Person(around(it), 0.9) } }

    /** The person whose middle is next to that of the box, or an unsure pose in an empty box. */
    private val pose = FindPose { _, box, _ ->
        asked++
        val near = people.minByOrNull { Math.abs(around(it).centreX - box.centreX) }
        val here = near?.takeIf { Math.abs(around(it).centreX - box.centreX) < 80 }
        here ?: DoubleArray(3 * KEYPOINTS) { if (it % 3 == 2) 0.0 else box.centreX }
    }
    private val everyone = Everyone(DoubleArray(KEYPOINTS) { 0.05 }, detect, pose = pose)
    private val film = Film(everyone)

    private fun picture(width: Int = 640) = RgbImage(IntArray(width * 480), width, 480)

    private fun figure(seed: Int, x: Double, score: Double = 0.8): DoubleArray {
        val random = Random(seed.toLong())
        return DoubleArray(3 * KEYPOINTS) { i ->
            when (i % 3) {
                0 -> x + 100 * random.nextDouble()
                1 -> 100 + 250 * random.nextDouble()
                else -> score
            }
        }
    }

    private fun around(keypoints: DoubleArray): Box {
        val (xs, ys) = (0..1).map { axis -> keypoints.filterIndexed { i, _ -> i % 3 == axis } }
        return Box(xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1)
    }

    private fun numbers(width: Int = 640) = film.next(picture(width), times).poses.map { it.number }.sorted()

    @Test fun theDetectorRunsEveryTenFramesAndWhereSomebodyWasLost() {
        people.add(figure(1, 100.0))
        for (i in 0 until 20) {
            people[0] = figure(1, 100.0 + 3 * i)
            assertEquals("$i", listOf(1), numbers())
        }
        assertEquals(2, film.detected)
        people.add(figure(2, 450.0))
        assertEquals(listOf(1, 2), List(10) { numbers() }.last())
        assertEquals(3, film.detected)
        people.removeAt(0)
        assertEquals(listOf(2), numbers()) // an empty box continues nobody
        assertEquals(4, film.detected)
        assertEquals(listOf(2), numbers())
        assertEquals(5, film.detected) // somebody was lost, so that it looks at once
    }

    @Test fun aScoreIsThatOfTheFrameAndHalvedWhereTheDetectorSeesNobody() {
        people.add(figure(1, 100.0))
        val overlooks = Film(Everyone(DoubleArray(KEYPOINTS) { 0.05 }, { _, _ -> seen.toList() }, pose = pose))
        seen.add(Person(around(people[0]), 0.9))
        fun score() = overlooks.next(picture(), times).poses.single().score
        repeat(10) { assertEquals(0.9 * 0.8, score(), 1e-9) }
        seen.clear()
        repeat(10) { assertEquals(0.45 * 0.8, score(), 1e-9) }
        assertEquals(0.225 * 0.8, score(), 1e-9)
    }

    @Test fun whileNobodyIsFollowedItRunsInEveryFrame() {
        repeat(5) { assertEquals(emptyList<Int>(), numbers()) }
        assertEquals(5, film.detected)
        people.add(figure(1, 100.0))
        assertEquals(listOf(1), numbers())
    }

    @Test fun framesThatChangeSizeBeginAnew() {
        people.add(figure(1, 100.0))
        assertEquals(listOf(1), numbers())
        assertEquals(listOf(2), numbers(600))
        assertEquals(2, film.detected)
    }

    @Test fun aCrowdIsBounded() {
        repeat(9) { people.add(figure(it, 150.0 * it)) }
        val found = film.next(picture(2000), times)
        assertEquals(Film.MOST, found.poses.size)
        assertEquals(9 - Film.MOST, found.leftOut)
        assertEquals(Film.MOST, asked)
        repeat(16) { people.add(figure(it, 1350.0 + 150.0 * it)) }
        val photo = everyone.single(picture(5000), times)
        assertEquals(Everyone.MOST to 5, photo.poses.size to photo.leftOut)
    }

    @Test fun aPhotoLeavesOutUnsureFindsAndShowsEachPersonOnce() {
        people.add(figure(1, 100.0, 0.5))
        people.add(figure(1, 101.0, 0.6))
        people.add(figure(2, 400.0, 0.08))
        val poses = everyone.single(picture(), times).poses
        assertEquals(1, poses.size)
        assertEquals(0.6 * 0.9, poses[0].score, 1e-9)
        val others = Everyone(DoubleArray(KEYPOINTS) { 0.05 }, detect, Everyone.leastScore(network("foreign")), pose)
        assertEquals(2, others.single(picture(), times).poses.size)
        people[2][0] = Double.NaN
        people[2][2] = Double.NaN
        assertTrue(everyone.single(picture(), times).poses.any { !it.keypoints[0].isFinite() })
    }

    @Test fun aNetworksSpecSaysFromWhichScoreOnAFindCounts() {
        assertEquals(Everyone.UNSURE, Everyone.leastScore(network("hourglass")), 0.0)
        assertEquals(0.3, Everyone.leastScore(network("hourglass", "0.3")), 0.0)
        assertEquals(0.3, Everyone.leastScore(network("foreign", "0.3")), 0.0)
        for (wrong in listOf("1.1", "-0.1", "\"0.1\"")) {
            assertThrows(Refused::class.java) { network("foreign", wrong) }
        }
    }

    private fun network(family: String, least: String = "null") = Card.spec(
        Json.parse(
            """{"name": "a", "architecture": {"kind": "$family"}, "input_hw": [64, 64], "least_score": $least,
                "output": {"kind": "keypoints"},
                "skeleton": {"name": "one", "names": ["nose"], "limbs": [], "sigmas": [0.05]}}""",
            "spec",
        ),
        "spec",
    )

    private companion object {
        const val KEYPOINTS = 17
    }
}
