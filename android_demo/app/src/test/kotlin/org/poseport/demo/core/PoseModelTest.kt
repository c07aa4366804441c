package org.poseport.demo.core

import java.io.File
import kotlin.math.abs
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Every model that the toolkit converts, on the library that phones run, finds what Python finds with it. */
class PoseModelTest {
    private val models = Models()

    private fun open(file: File, engines: Engines = Xnnpack.engines) =
        PoseModel(ModelFile.read(file), file.name, Setting(threads = 1), engines)

    @Test fun keypointsAreThoseOfPython() {
        assertTrue("${models.files.size} models", models.files.size >= 10)
        for (file in models.files.filter { !tooNew(it) }) {
            val expected = models.expected(file)
            open(file).use { model ->
                expected.boxes.forEachIndexed { i, box ->
                    val found = model.predict(models.picture, box)
                    val away = found.indices.filter { it % 3 < 2 }.maxOf { abs(found[it] - expected.keypoints[i][it]) }
                    println("%-28s box %d: %.4f px".format(file.name, i, away))
                    // the ranges of a dynamic file are measured while it runs, by code that changes between versions
                    val compared = "dynamic" !in file.name && file.name != OTHER_KERNEL
                    if (compared) assertTrue("${file.name}: $away px", away < 0.05)
                }
            }
        }
    }

    @Test fun integerOutputsAreBitEqual() {
        for (file in models.files.filter { !tooNew(it) }) {
            val expected = models.expected(file)
            if (!expected.integer) continue
            val found = open(file).use { it.rawOutput(expected.input) }
            if (file.name != OTHER_KERNEL) assertArrayEquals(file.name, expected.output, found)
            val near = found.indices.all { abs(found[it] - expected.output[it]) <= 1 }
            assertTrue(file.name, "16x8" in file.name || near)
        }
    }

    /** What this runtime is too old for is found here, and refused there with a sentence. */
    @Test fun whatIsTooNewIsRefused() {
        val newer = models.files.filter(::tooNew)
        assertEquals(2, newer.size)
        for (file in newer) {
            val refused = assertThrows(Refused::class.java) { open(file, Kernels.engines) }
            assertEquals(Obstacle.UNSUPPORTED, refused.obstacle)
            assertTrue(refused.message!!, refused.message!!.startsWith("${file.name}: cannot be run here"))
        }
    }

    private fun tooNew(file: File) = "mixed-16x8" in file.name // QUANTIZE to 16 bits is newer than TFLite 2.16

    private companion object {
        /** A dense layer with scales per channel: XNNPACK computes it in Python, TFLite's kernel here, a step apart. */
        const val OTHER_KERNEL = "deeppose.int8.tflite"
    }

    @Test fun aFileWithOtherTensorsThanItsCardSaysIsRefused() {
        val (first, other) = listOf("hourglass.float32", "deeppose.float32").map { name ->
            models.files.first { name in it.name }
        }
        val swapped = Stage(ModelFile.read(other).first().card, ModelFile.read(first).first().data)
        val refused = assertThrows(Refused::class.java) {
            PoseModel(listOf(swapped), "m.tflite", Setting(threads = 1), Kernels.engines)
        }
        assertTrue(refused.message!!, "its card says" in refused.message!!)
    }

    @Test fun anOutputThatTheFileLacksIsRefused() {
        val stage = ModelFile.read(models.files.first { "simcc" in it.name }).first()
        val other = Simcc(2.0, "simcc_x", "simcc_z")
        val spec = stage.card.spec.run {
            Spec(name, family, skeleton, inputHeight, inputWidth, other, padding, mean, std, bgr, null, null)
        }
        val wrong = Stage(Card(spec, "float32", emptyList()), stage.data)
        val refused = assertThrows(Refused::class.java) {
            PoseModel(listOf(wrong), "m.tflite", Setting(threads = 1), Kernels.engines)
        }
        assertTrue(refused.message!!, "no output called \"simcc_z\"" in refused.message!!)
    }

    @Test fun bytesThatAreNoModelAreRefusedByTheInterpreterToo() {
        val card = ModelFile.read(models.files.first()).first().card
        val nonsense = java.nio.ByteBuffer.allocateDirect(4096).put("....TFL3".toByteArray())
        assertThrows(Refused::class.java) {
            PoseModel(listOf(Stage(card, nonsense)), "m.tflite", Setting(threads = 1), Kernels.engines)
        }
    }

    @Test fun aPersonIsFollowed() {
        open(models.files.first { "hourglass.float32" in it.name }).use { model ->
            val follower = Follower(model)
            repeat(3) {
                val found = follower.next(models.picture)
                assertTrue(found.poses.single().keypoints.size == 3 * model.spec.skeleton.size)
            }
            assertTrue(follower.invoke.at(50)!! > 0)
        }
    }
}
