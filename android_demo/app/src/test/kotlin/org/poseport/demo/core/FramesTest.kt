package org.poseport.demo.core

import java.io.File
import java.nio.ByteBuffer
import kotlin.math.abs
import org.junit.AfterClass
import org.junit.Assert.assertEquals
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.junit.runners.Parameterized
import org.junit.runners.Parameterized.Parameters

/** From a camera's planes to keypoints, as Python finds them in the upright picture (tests/android/write_frames.py). */
@RunWith(Parameterized::class)
class FramesTest(@Suppress("unused") private val name: String, private val case: Map<*, *>) {
    private fun whole(key: String) = (case[key] as Long).toInt()

    /** As phones have it: lines longer than the picture, u and v in one plane. */
    private fun frame(): YuvImage {
        val (rows, columns) = whole("rows") to whole("columns")
        val line = columns + 24
        fun plane(from: Int, lines: Int, step: Int, into: ByteBuffer, at: Int) {
            val each = columns / step
            for (i in 0 until lines * each) {
                into.put(at + i / each * line + i % each * step, planes[whole("offset") + from + i])
            }
        }
        val luma = ByteBuffer.allocateDirect(line * rows)
        val chroma = ByteBuffer.allocateDirect(line * rows / 2)
        plane(0, rows, 1, luma, 0)
        plane(rows * columns, rows / 2, 2, chroma, 0)
        plane(rows * columns * 5 / 4, rows / 2, 2, chroma, 1)
        // the last line ends with its last sample, as those of cameras do
        luma.limit(line * (rows - 1) + columns)
        val v = chroma.duplicate().run { position(1); limit(line * (rows / 2 - 1) + columns); slice() }
        val u = chroma.duplicate().run { limit(line * (rows / 2 - 1) + columns - 1); slice() }
        return YuvImage(columns, rows, luma, line, u, v, line, 2, whole("degrees"), case["mirrored"] as Boolean)
    }

    @Test fun keypointsAreThoseOfPython() {
        val model = networks.getOrPut(case["model"] as String) {
            val stages = ModelFile.read(File(folder, case["model"] as String))
            PoseModel(stages, "m", Setting(threads = 1), Xnnpack.engines)
        }
        val frame = frame()
        (case["boxes_xywh"] as List<*>).map(::numbers).zip(case["keypoints"] as List<*>) { (x, y, w, h), person ->
            val found = model.predict(frame, Box(x, y, w, h))
            val expected = (person as List<*>).flatMap(::numbers)
            assertEquals(expected.size, found.size)
            val away = found.indices.maxOf { abs(found[it] - expected[it]) }
            assertTrue("$name: $away px", away < 0.05)
        }
    }

    private fun numbers(list: Any?) = (list as List<*>).map { (it as Number).toDouble() }

    companion object {
        private val folder = File(System.getProperty("models"))
        private val planes = File(folder, "frames.bin").readBytes()
        private val networks = HashMap<String, PoseModel>()

        @JvmStatic @Parameters(name = "{0}")
        fun cases(): List<Array<Any>> {
            val cases = (Json.parse(File(folder, "frames.json").readText(), "frames") as Map<*, *>)["cases"] as List<*>
            assertEquals(4 * 2 * 3 * 2, cases.size)
            return cases.map { it as Map<*, *> }.map {
                val size = "${it["columns"]}x${it["rows"]}"
                arrayOf("${it["model"]} $size ${it["degrees"]} mirrored=${it["mirrored"]}", it)
            }
        }

        @JvmStatic @AfterClass fun close() = networks.values.forEach { it.close() }
    }
}
