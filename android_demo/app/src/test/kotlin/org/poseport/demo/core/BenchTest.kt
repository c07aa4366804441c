package org.poseport.demo.core

import java.io.File
import java.nio.ByteBuffer
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder

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
}
