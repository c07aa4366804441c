package org.poseport.demo

import android.app.Application
import android.content.Intent
import java.io.File
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.poseport.demo.core.Json
import org.poseport.demo.core.Models
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLog
import org.robolectric.shadows.ShadowLooper

/** Runs as adb starts them: what is written, what is refused, and going on after a cut. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class BenchmarkActivityTest {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val models = Models()
    private val model = models.files.first { "hourglass.float32" in it.name }
    private val expected = models.expected(model)

    private fun folder(id: String) = File(app.getExternalFilesDir("runs"), id).apply { deleteRecursively(); mkdirs() }

    private fun measure(id: String): String {
        val intent = Intent(app, BenchmarkActivity::class.java).putExtra("run", id)
        Robolectric.buildActivity(BenchmarkActivity::class.java, intent).use { it.setup().get().await() }
        ShadowLooper.idleMainLooper()
        return ShadowLog.getLogsForTag("poseport").last().msg.removePrefix("$id: ")
    }

    private fun json(folder: File, name: String) = Json.parse(File(folder, name).readText(), name) as Map<*, *>

    private fun numbers(value: Any?): List<Double> = (value as List<*>).map { (it as Number).toDouble() }

    private fun describe(folder: File, more: Map<String, Any>) {
        model.copyTo(File(folder, "m.tflite"), overwrite = true)
        val plain = mapOf("schema" to 1, "model" to "m.tflite", "hardware" to "CPU", "threads" to 1)
        val run = plain + mapOf("warm_up" to 1, "repeat" to 5) + more
        File(folder, "run.json").writeText(Json.text(run))
    }

    @Test fun tensorsInOutputsOut() {
        val folder = folder("tensors")
        describe(folder, mapOf("mode" to "tensors", "count" to 40))
        File(folder, "tensors.bin").outputStream().use { out -> repeat(40) { out.write(expected.input) } }
        assertEquals("done", measure("tensors"))
        val result = json(folder, "result.json")
        assertEquals(5, (result["latency_ns"] as List<*>).size)
        assertTrue((result["before"] as Map<*, *>).containsKey("device"))
        for (key in listOf("load_ms", "first_ms", "peak_memory_kb")) {
            assertTrue("$key ${result[key]}", (result[key] as Number).toDouble() > 0)
        }
        assertEquals("TensorFlow Lite 2.16.1", "${result["runtime"]} ${result["tflite_version"]}")
        assertTrue(result["xnnpack"] is Boolean)
        assertTrue((result["steps"] as Long) in 1L..(result["operations"] as Long))
        assertFalse(result.containsKey("refused"))
        assertEquals(8, (json(folder, "32.json")["invoke_ns"] as List<*>).size)
        val outputs = File(folder, "0.bin").readBytes() + File(folder, "32.bin").readBytes()
        assertEquals(40 * expected.output.size, outputs.size)
        val size = expected.output.size
        assertArrayEquals(outputs.copyOf(size), outputs.copyOfRange(outputs.size - size, outputs.size))
    }

    @Test fun wholeImagesGiveThePointsOfPython() {
        val folder = folder("images")
        val boxes = expected.boxes.map { listOf(it.x, it.y, it.width, it.height) }
        val image = mapOf("width" to models.width, "height" to models.height, "offset" to 0, "boxes_xywh" to boxes)
        describe(folder, mapOf("mode" to "images", "images" to listOf(image)))
        File(folder, "images.bin").writeBytes(File(System.getProperty("models"), "picture.rgb").readBytes())
        assertEquals("done", measure("images"))
        (json(folder, "0.json")["image_px"] as List<*>).forEachIndexed { i, person ->
            numbers(person).forEachIndexed { j, value ->
                if (j % 3 < 2) assertEquals(expected.keypoints[i][j], value, 0.05)
            }
        }
    }

    @Test fun aRunGoesOnAfterACut() {
        val folder = folder("cut")
        describe(folder, mapOf("mode" to "tensors", "count" to 40))
        File(folder, "tensors.bin").outputStream().use { out -> repeat(40) { out.write(expected.input) } }
        assertEquals("done", measure("cut"))
        val kept = File(folder, "0.json").readText()
        File(folder, "32.json").delete()
        File(folder, "result.json").delete()
        assertEquals("done", measure("cut"))
        assertEquals(kept, File(folder, "0.json").readText())
        assertTrue(File(folder, "32.json").isFile && File(folder, "result.json").isFile)
        // another run: nothing of the old one counts
        describe(folder, mapOf("mode" to "tensors", "count" to 40, "threads" to 2))
        assertEquals("done", measure("cut"))
        assertFalse(kept == File(folder, "0.json").readText())
        assertTrue(folder.list()!!.none { it.endsWith(".part") })
    }

    @Test fun whatIsWrongIsSaid() {
        assertTrue(measure("../x").contains("failed: a run is named by"))
        folder("empty")
        assertEquals("failed: run.json: cannot be read", measure("empty").substringBefore(" ("))
        val folder = folder("wrong")
        describe(folder, mapOf("mode" to "tensors", "count" to 2))
        File(folder, "tensors.bin").writeBytes(expected.input)
        assertEquals("failed: tensors.bin: is shorter than run.json says", measure("wrong"))
        assertFalse(File(folder, "result.json").exists())
        describe(folder, mapOf("mode" to "guess"))
        assertTrue(measure("wrong").startsWith("failed: run.json: mode"))
    }

    @Test fun whatThePhoneCannotIsTheResult() {
        val folder = folder("refused")
        File(folder, "tensors.bin").writeBytes(expected.input)
        // a workstation has no such library
        describe(folder, mapOf("mode" to "tensors", "count" to 1, "hardware" to "GPU"))
        assertTrue(measure("refused").startsWith("failed: GPU cannot be used on this phone"))
        assertEquals("no_delegate", json(folder, "result.json")["refused"])
        describe(folder, mapOf("mode" to "tensors", "count" to 1))
        File(folder, "m.tflite").appendBytes(ByteArray(9))
        val said = measure("refused").removePrefix("failed: ")
        assertEquals(listOf("model", said), json(folder, "result.json").let { listOf(it["refused"], it["reason"]) })
    }
}
