package org.poseport.demo.core.bench

import java.io.File
import java.nio.ByteBuffer
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.poseport.demo.core.DrawnPeople
import org.poseport.demo.core.Engine
import org.poseport.demo.core.Engines
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.Json
import org.poseport.demo.core.Kernels
import org.poseport.demo.core.Models
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.Xnnpack

/** What a run tells of the hardware that ran it, when that is not what was asked for. */
class BenchTest {
    @get:Rule val folder = TemporaryFolder()
    private val models = Models()
    private val model = models.files.first { "hourglass.float32" in it.name }

    private fun measure(hardware: Hardware, engines: Engines): Map<*, *> {
        val expected = models.expected(model)
        model.copyTo(File(folder.root, "m.tflite"), overwrite = true)
        File(folder.root, "tensors.bin").writeBytes(expected.input)
        val run = mapOf(
            "schema" to 1, "model" to "m.tflite", "mode" to "tensors", "hardware" to hardware.name, "threads" to 1,
            "count" to 1, "warm_up" to 0, "repeat" to 1,
        )
        File(folder.root, "run.json").writeText(Json.text(run))
        val result = Bench(folder.root, engines) { emptyMap() }.run { _, _ -> }
        return Json.parse(result.readText(), "result.json") as Map<*, *>
    }

    /** Every operation is a step of its own: the computer labels the run "asked: GPU; ran: 0 % GPU". */
    @Test fun aGpuThatTakesNothingIsSeenInTheSteps() {
        val result = measure(Hardware.GPU, Kernels.engines)
        assertEquals("GPU", result["hardware"])
        assertTrue((result["operations"] as Long) > 1)
        assertEquals(result["operations"], result["steps"])
    }

    @Test fun aDelegateThatTakesOperationsLeavesFewerSteps() {
        val result = measure(Hardware.CPU, Xnnpack.engines)
        assertTrue("$result", (result["steps"] as Long) < (result["operations"] as Long))
    }

    /** The computer compares them with its own: what the hardware gave is passed on, whatever it is. */
    @Test fun wrongNumbersAreWrittenAsTheyAre() {
        val zeros = object : Engines by Kernels.engines {
            override fun open(model: ByteBuffer, setting: Setting): Engine {
                val engine = Kernels.engines.open(model, setting)
                return object : Engine by engine {
                    override fun invoke(input: ByteBuffer, outputs: Map<Int, ByteBuffer>) {
                        engine.invoke(input, outputs)
                        for (buffer in outputs.values) for (i in 0 until buffer.capacity()) buffer.put(i, 0)
                    }
                }
            }
        }
        measure(Hardware.GPU, zeros)
        val written = File(folder.root, "0.bin").readBytes()
        assertEquals(models.expected(model).output.size, written.size)
        assertTrue(written.all { it == 0.toByte() })
    }

    private val drawn = DrawnPeople()

    private fun onPictures(mode: String, files: Map<String, File>): Map<*, *> {
        val names = files.mapValues { (key, file) -> "$key.tflite".also { file.copyTo(File(folder.root, it), true) } }
        val bytes = listOf("two", "nobody").map(drawn::bytes)
        File(folder.root, "images.bin").writeBytes(bytes.reduce { a, b -> a + b })
        val images = listOf(0, bytes[0].size).map {
            mapOf("width" to drawn.width, "height" to drawn.height, "offset" to it, "boxes_xywh" to emptyList<Any>())
        }
        val run = mapOf(
            "schema" to 1, "mode" to mode, "hardware" to "CPU", "threads" to 1, "count" to 2, "warm_up" to 1,
            "repeat" to 5, "images" to images,
        )
        File(folder.root, "run.json").writeText(Json.text(run + names))
        val result = Bench(folder.root, Xnnpack.engines) { emptyMap() }.run { _, _ -> }
        return Json.parse(result.readText(), "result.json") as Map<*, *>
    }

    private fun part() = Json.parse(File(folder.root, "0.json").readText(), "0.json") as Map<*, *>

    private fun numbers(value: Any?): DoubleArray = (value as List<*>).map { (it as Number).toDouble() }.toDoubleArray()

    private fun boxes(case: DrawnPeople.Case, scores: DoubleArray) =
        case.rows("boxes_xywh").flatMapIndexed { i, box -> box.toList() + scores[i] }.toDoubleArray()

    private fun assertBoxes() {
        val (two, nobody) = (part()["boxes_xywhs"] as List<*>).map(::numbers)
        val case = drawn.case("two")
        assertArrayEquals(boxes(case, case.numbers("scores")), two, 0.01)
        assertEquals(0, nobody.size)
    }

    @Test fun aDetectorAloneGivesTheBoxesOfPythonAndItsThreeTimes() {
        val result = onPictures("detector", mapOf("model" to drawn.detector))
        assertBoxes()
        for (key in listOf("prepare_ns", "invoke_ns", "decode_ns")) {
            assertEquals(5, numbers(result[key]).count { it > 0 })
            assertEquals(2, numbers(part()[key]).count { it > 0 })
        }
        assertTrue((result["steps"] as Long) < (result["operations"] as Long))
    }

    @Test fun wholePicturesGiveThePeopleOfPythonAndTheirNumber() {
        val result = onPictures("pictures", mapOf("model" to drawn.model, "detector" to drawn.detector))
        assertBoxes()
        val case = drawn.case("two")
        val (two, nobody) = part()["found"] as List<*>
        assertEquals(emptyList<Any>(), nobody)
        (two as List<*>).map(::numbers).forEachIndexed { i, person ->
            assertArrayEquals(case.rows("found_xywh")[i], person.copyOf(4), 0.01)
            assertArrayEquals(case.rows("keypoints")[i], person.copyOfRange(4, person.size), 0.05)
        }
        // two, nobody, two, nobody, two
        assertArrayEquals(doubleArrayOf(2.0, 0.0, 2.0, 0.0, 2.0), numbers(result["found"]), 0.0)
        val looked = case.numbers("scores").size.toDouble()
        assertArrayEquals(doubleArrayOf(looked, 0.0, looked, 0.0, looked), numbers(result["boxes"]), 0.0)
        val (detect, people) = numbers(result["detect_ns"]) to numbers(result["people_ns"])
        assertTrue(detect.all { it > 0 } && people.all { it > 0 })
        assertTrue("a picture of nobody is done with the detector", people[1] < people[0])
        assertTrue((result["first_ms"] as Number).toDouble() > 0)
    }

    @Test fun aFileInTheOthersPlaceIsTheResult() {
        val wrong = listOf(
            "detector" to mapOf("model" to drawn.model),
            "pictures" to mapOf("model" to drawn.model, "detector" to drawn.model),
            "pictures" to mapOf("model" to drawn.detector, "detector" to drawn.detector),
        )
        for ((mode, files) in wrong) {
            val why = assertThrows(Refused::class.java) { onPictures(mode, files) }.message!!
            assertTrue(why, "expected a person detector" in why || "choose a pose network" in why)
            val result = Json.parse(File(folder.root, "result.json").readText(), "result.json") as Map<*, *>
            assertEquals(listOf("model", why), listOf(result["refused"], result["reason"]))
        }
        val why = assertThrows(Refused::class.java) { onPictures("pictures", mapOf("model" to drawn.model)) }.message!!
        assertEquals("run.json: detector is missing or no text", why)
    }
}
