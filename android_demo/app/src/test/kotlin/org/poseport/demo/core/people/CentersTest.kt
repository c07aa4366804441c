package org.poseport.demo.core.people

import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.poseport.demo.core.Golden
import org.poseport.demo.core.Refused
import org.poseport.demo.core.cropBytes
import org.poseport.demo.core.rgbImage

/** The detector's codec gives what the toolkit's gives: pixels bit for bit, boxes within 0.01 px. */
class CentersTest {
    private val cases = Golden("people").cases()

    @Test fun picturesBecomeTheInput() {
        assertTrue("${cases.size} cases", cases.size >= 4)
        for (case in cases) {
            val spec = case.detector()
            val stored = case.part("stored")
            val (rows, columns) = stored.shape("picture")
            val picture = rgbImage(stored.bytes("picture"), rows, columns)
            val box = Centers.letterbox(picture, spec.inputHeight, spec.inputWidth)
            val matrix = box.matrix.run { doubleArrayOf(a, b, c, d, e, f) }
            assertArrayEquals(case.name, case.expected.numbers("matrix"), matrix, 1e-9)
            val found = cropBytes(box.picture, box.crop, spec.inputHeight, spec.inputWidth)
            assertArrayEquals(case.name, case.expected.bytes("crop"), found)
        }
    }

    @Test fun outputsBecomeBoxes() {
        for (case in cases) {
            val expected = case.expected
            val output = case.part("stored").floats("output").map { it.toDouble() }.toDoubleArray()
            val people = Centers.decode(case.detector(), output, expected.matrix("matrix"))
            val scores = expected.numbers("scores")
            val boxes = expected.numbers("boxes_xywh")
            assertEquals(case.name, scores.size, people.size)
            people.forEachIndexed { i, person ->
                assertEquals(case.name, scores[i], person.score, 1e-9)
                val found = person.box.run { listOf(x, y, width, height) }
                found.forEachIndexed { j, value -> assertEquals(case.name, boxes[4 * i + j], value, 0.01) }
            }
        }
    }

    @Test fun aSpecThatCannotBeIsRefused() {
        val plain = mapOf("name" to "d", "architecture" to emptyMap<String, Any>(), "input_hw" to listOf(64L, 96L))
        assertEquals(8 to 12, DetectorSpec.of(plain, "d").run { rows to columns })
        assertEquals(0.3, DetectorSpec.of(plain, "d").lookFrom, 0.0)
        assertEquals(0.2, DetectorSpec.of(plain + ("look_from" to 0.2), "d").lookFrom, 0.0)
        val wrong = mapOf(
            "kind" to "pose", "stride" to 7L, "threshold" to 1.5, "overlap" to 0.0, "most" to 0L, "other" to 1L,
            "look_from" to 1.2, "std" to listOf(1.0, 0.0, 1.0), "input_hw" to listOf(8L, 8L),
        )
        for (change in wrong) {
            assertThrows("$change", Refused::class.java) { DetectorSpec.of(plain + change.toPair(), "d") }
        }
    }
}
