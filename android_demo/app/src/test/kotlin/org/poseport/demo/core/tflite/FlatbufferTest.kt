package org.poseport.demo.core.tflite

import java.io.File
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.channels.FileChannel
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.poseport.demo.core.Card
import org.poseport.demo.core.Json
import org.poseport.demo.core.Kernels
import org.poseport.demo.core.ModelFile
import org.poseport.demo.core.Models
import org.poseport.demo.core.Obstacle
import org.poseport.demo.core.PoseModel
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.Stage

/** Sound, damaged and hostile files, which tests/android/write_mutants.py made: each is judged as Python judges it. */
class FlatbufferTest {
    private val folder = File(System.getProperty("models"))
    private val list = Json.parse(File(folder, "mutants.json").readText(), "mutants") as Map<*, *>
    private val cases = list["cases"] as List<*>
    private val whole = RandomAccessFile(File(folder, "mutants.bin"), "r").use {
        it.channel.map(FileChannel.MapMode.READ_ONLY, 0, it.length())
    }

    private fun bytes(case: Map<*, *>): ByteBuffer {
        val offset = (case["offset"] as Long).toInt()
        return whole.duplicate().apply { position(offset); limit(offset + (case["size"] as Long).toInt()) }.slice()
    }

    @Test fun everyFileIsJudgedAsPythonJudgesIt() {
        assertTrue("${cases.size} files", cases.size > 5000)
        val differing = cases.map { it as Map<*, *> }.filter { case ->
            val found = try {
                null to Memory.peakBytes(bytes(case), "m")
            } catch (refused: Refused) {
                refused.message!!.substringAfter("damaged (", "").substringBeforeLast("); ") to null
            }
            found != case["refused"] to case["peak_bytes"]
        }
        assertEquals("$differing", 0, differing.size)
    }

    private val card: Card = ModelFile.read(Models().files.first()).first().card

    private fun open(data: ByteBuffer) =
        PoseModel(listOf(Stage(card, data)), "m", Setting(threads = 1), Kernels.engines)

    /** The interpreter is never asked: it would crash the virtual machine with some of these, or take gigabytes. */
    @Test fun whatIsRefusedDoesNotReachTheInterpreter() {
        for (case in cases.map { it as Map<*, *> }) {
            val peak = case["peak_bytes"] as Long?
            if (peak != null && peak <= 512_000_000) continue
            val refused = assertThrows(Refused::class.java) { open(bytes(case)) }
            assertEquals(if (peak == null) Obstacle.MODEL else Obstacle.MEMORY, refused.obstacle)
            val said = listOf("m: its flatbuffer is damaged", "m: its activations would", "m: is not a TFLite file")
            assertTrue(refused.message!!, said.any(refused.message!!::startsWith))
        }
    }
}
