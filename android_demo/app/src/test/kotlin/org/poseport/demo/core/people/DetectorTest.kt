package org.poseport.demo.core.people

import java.io.File
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.poseport.demo.core.Box
import org.poseport.demo.core.DrawnPeople
import org.poseport.demo.core.Follower
import org.poseport.demo.core.ModelFile
import org.poseport.demo.core.Models
import org.poseport.demo.core.PoseModel
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.Times
import org.poseport.demo.core.Xnnpack

/** The shipped detector, on the library that phones run, finds whom Python finds with it. */
class DetectorTest {
    private val drawn = DrawnPeople()

    private fun detector(file: File = drawn.detector): Detector {
        val data = ModelFile.map(file, file.name)
        return Detector(ModelFile.detector(data, file.name), data, file.name, Setting(threads = 1), Xnnpack.engines)
    }

    private fun follower(detector: Detector?): Follower {
        val stages = ModelFile.read(drawn.model)
        return Follower(PoseModel(stages, "m", Setting(threads = 1), Xnnpack.engines), detector)
    }

    private fun sides(box: Box) = box.run { doubleArrayOf(x, y, width, height) }

    @Test fun boxesAreThoseOfPython() = detector().use { detector ->
        for (name in listOf("two", "nobody")) {
            val case = drawn.case(name)
            val people = detector.people(drawn.picture(name), Times())
            assertEquals(name, case.numbers("scores").size, people.size)
            people.forEachIndexed { i, person ->
                assertEquals(name, case.numbers("scores")[i], person.score, 1e-6)
                assertArrayEquals(name, case.rows("boxes_xywh")[i], sides(person.box), 0.01)
            }
        }
    }

    @Test fun everyoneIsWhomPythonFinds() = follower(detector()).use { follower ->
        val case = drawn.case("two")
        val found = follower.single(drawn.picture("two"))
        assertEquals(2, found.poses.size)
        found.poses.forEachIndexed { i, pose ->
            assertEquals(case.numbers("found_scores")[i], pose.score, 0.005)
            assertArrayEquals(case.rows("found_xywh")[i], sides(pose.box), 0.01)
            assertArrayEquals(case.rows("keypoints")[i], pose.keypoints, 0.05)
        }
        assertEquals(0, follower.single(drawn.picture("nobody")).poses.size)
    }

    @Test fun everyoneIsFollowedInAFilm() = follower(detector()).use { follower ->
        repeat(12) {
            val found = follower.next(drawn.picture("two"))
            assertEquals(listOf(1, 2), found.poses.map { it.number }.sorted())
            assertTrue(found.everyone)
        }
        assertEquals(0, List(2) { follower.next(drawn.picture("nobody")) }.last().poses.size)
        assertTrue(follower.invoke.at(50)!! > 0)
    }

    @Test fun withoutADetectorOnePersonIsFollowed() = follower(null).use { follower ->
        val found = follower.next(drawn.picture("two"))
        assertEquals(1 to false, found.poses.size to found.everyone)
        assertEquals(1, follower.single(drawn.picture("two")).poses.size)
    }

    @Test fun whatIsNoDetectorIsRefused() {
        val pose = Models().files.first { "hourglass.float32" in it.name }
        val why = assertThrows(Refused::class.java) { detector(pose) }.message!!
        assertTrue(why, "finds keypoints and no people" in why)
        val torn = File.createTempFile("torn", ".tflite")
        torn.writeBytes(drawn.detector.readBytes().copyOf(100_000))
        assertThrows(Refused::class.java) { detector(torn) }
        torn.delete()
    }
}
