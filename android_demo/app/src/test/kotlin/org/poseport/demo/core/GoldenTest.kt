package org.poseport.demo.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test

/** The app computes what the toolkit computes: tensors bit for bit, points within 0.01 px. */
class GoldenTest {
    private fun near(name: String, expected: DoubleArray, found: DoubleArray, tolerance: Double = 0.01) {
        assertEquals(name, expected.size, found.size)
        for (i in expected.indices) {
            assertEquals("$name[$i]", expected[i].isNaN(), found[i].isNaN())
            if (!expected[i].isNaN()) assertEquals("$name[$i]", expected[i], found[i], tolerance)
        }
    }

    private fun values(m: Affine) = doubleArrayOf(m.a, m.b, m.c, m.d, m.e, m.f)

    @Test fun matrices() {
        var plain = 0
        for (case in Golden("crop").cases()) {
            val (height, width) = case.numbers("input_hw").map { it.toInt() }
            val matrix = case.expected.matrix("matrix")
            near(case.name, case.expected.numbers("inverse"), values(matrix.inverse()), 1e-9)
            val points = case.numbers("points_px")
            val moved = DoubleArray(points.size) { i ->
                val (x, y) = points[i - i % 2] to points[i - i % 2 + 1]
                if (i % 2 == 0) matrix.x(x, y) else matrix.y(x, y)
            }
            near(case.name, case.expected.numbers("moved_px"), moved, 1e-9)
            val turned = case.flag("flip") || case.number("rotation_deg") != 0.0
            if (turned || case.number("scale") != 1.0 || case.numbers("shift").any { it != 0.0 }) continue
            val crop = Affine.crop(case.box("box_xywh"), width, height, case.number("padding"))
            near(case.name, values(matrix), values(crop), 1e-9)
            plain++
        }
        assertTrue("$plain cases of a phone's kind", plain >= 3)
    }

    @Test fun crops() {
        for (case in Golden("crop").cases()) {
            val (height, width) = case.numbers("input_hw").map { it.toInt() }
            val (rows, columns) = case.shape("picture")
            if (case.number("rotation_deg") != 0.0) continue // training turns people, a phone does not
            val picture = rgbImage(case.bytes("picture"), rows, columns)
            val found = cropBytes(picture, case.expected.matrix("matrix"), height, width)
            same(case.name, case.expected.bytes("crop"), found, width)
        }
    }

    @Test fun frames() {
        for (case in Golden("frame").cases()) {
            val (height, width) = case.numbers("input_hw").map { it.toInt() }
            val (rows, columns) = case.numbers("image_hw").map { it.toInt() }
            val planes = case.bytes("planes")
            val (degrees, mirrored) = case.number("degrees").toInt() to case.flag("mirrored")
            for (layout in listOf(::planar, ::interleaved)) {
                val frame = layout(planes, rows, columns, degrees, mirrored)
                val matrix = Affine.crop(case.box("box_xywh"), width, height, case.number("padding"))
                near(case.name, case.expected.numbers("matrix"), values(matrix), 1e-9)
                same(case.name, case.expected.bytes("crop"), cropBytes(frame, matrix, height, width), width)
            }
        }
    }

    /** Bit for bit, but for the last width % 32 columns, which OpenCV computes in another order (see [warp]). */
    private fun same(name: String, expected: ByteArray, found: ByteArray, width: Int) {
        for (i in expected.indices) {
            val away = abs((expected[i].toInt() and 255) - (found[i].toInt() and 255))
            val column = i / 3 % width
            assertTrue("$name: $away levels in column $column", away <= if (column < width / 32 * 32) 0 else 1)
        }
    }

    @Test fun tensors() {
        for (case in Golden("input").cases()) {
            val spec = case.spec()
            val kind = Kind.valueOf(case.text("dtype").uppercase())
            val (scale, zero) = case.number("quant_scale").toFloat() to case.number("zero_point").toInt()
            val tensor = InputTensor(spec, kind, Quantization(scale, zero))
            val crop = rgbImage(case.bytes("crop"), spec.inputHeight, spec.inputWidth)
            tensor.fill(crop, Affine(1.0, 0.0, 0.0, 0.0, 1.0, 0.0))
            tensor.buffer.rewind()
            val found = ByteArray(tensor.buffer.capacity()).also { tensor.buffer.get(it) }
            assertEquals(ByteOrder.LITTLE_ENDIAN, ByteOrder.nativeOrder())
            assertArrayEquals(case.name, case.expected.bytes("tensor"), found)
        }
    }

    @Test fun decoders() {
        for (case in Golden("decode").cases()) decoded(case, listOf(numbers(case, "raw", case)))
    }

    @Test fun outputsOfOtherProjects() {
        val kinds = HashSet<Class<*>>()
        for (case in Golden("outputs").cases()) {
            val (tensors, how) = case.part("tensors") to case.part("quantization")
            val wanted = case.spec().tensors
            for (tensor in wanted) assertEquals(case.name, tensor.shape.toList(), tensors.shape(tensor.name))
            decoded(case, wanted.map { numbers(tensors, it.name, how.part(it.name)) })
            kinds.add(case.spec().output.javaClass)
        }
        assertEquals(6, kinds.size)
    }

    private fun decoded(case: Golden.Case, tensors: List<FloatArray>) {
        val found = OutputDecoder(case.spec()).decode(tensors)
        near(case.name, case.expected.numbers("input_px"), found)
        val inverse = case.matrix("matrix").inverse()
        val moved = DoubleArray(found.size) { i ->
            val (x, y) = found[i - i % 3] to found[i - i % 3 + 1]
            when (i % 3) { 0 -> inverse.x(x, y); 1 -> inverse.y(x, y); else -> found[i] }
        }
        near(case.name, case.expected.numbers("image_px"), moved)
    }

    private fun numbers(tensors: Golden.Case, key: String, how: Golden.Case): FloatArray {
        if (tensors.type(key) == "float32") return tensors.floats(key)
        val (scale, zero) = how.number("quant_scale").toFloat() to how.number("zero_point").toInt()
        assertEquals("int8", tensors.type(key))
        return tensors.bytes(key).map { (it - zero) * scale }.toFloatArray()
    }

    @Test fun cascades() {
        for (case in Golden("cascade").cases()) {
            val spec = case.spec()
            val estimates = case.numbers("estimates")
            val windows = Cascade.windows(spec, case.box("box_xywh"), estimates)
            val sides = windows.flatMap { listOf(it.x, it.y, it.width, it.height) }.toDoubleArray()
            near(case.name, case.expected.numbers("windows_xywh"), sides, 1e-9)
            val decoder = OutputDecoder(spec)
            val outputs = case.floats("outputs")
            val found = DoubleArray(estimates.size)
            windows.forEachIndexed { k, window ->
                val size = spec.tensors.single().size.toInt()
                val one = listOf(outputs.copyOfRange(k * size, (k + 1) * size))
                val inverse = Affine.crop(window, spec.inputWidth, spec.inputHeight, spec.padding).inverse()
                Cascade.refine(estimates, k, decoder.decode(one), inverse, found)
            }
            near(case.name, case.expected.numbers("image_px"), found)
        }
    }

    @Test fun boxes() {
        for (case in Golden("track").cases()) {
            val (height, width) = case.numbers("image_hw").map { it.toInt() }
            val keypoints = case.floats("keypoints").map { it.toDouble() }.toDoubleArray()
            val box = Tracker.follow(keypoints, width, height, case.number("threshold"))
            val expected = case.expected.numbers("box_xywh")
            if (expected[0].isNaN()) {
                assertNull(case.name, box)
            } else {
                near(case.name, expected, box!!.let { doubleArrayOf(it.x, it.y, it.width, it.height) }, 1e-6)
            }
        }
    }

    private fun planar(planes: ByteArray, rows: Int, columns: Int, degrees: Int, mirrored: Boolean): YuvImage {
        val (luma, chroma) = rows * columns to rows * columns / 4
        return YuvImage(
            columns, rows, part(planes, 0, luma), columns, part(planes, luma, chroma),
            part(planes, luma + chroma, chroma), columns / 2, 1, degrees, mirrored,
        )
    }

    /** As most phones have it: u and v in one plane, and rows longer than the picture. */
    private fun interleaved(planes: ByteArray, rows: Int, columns: Int, degrees: Int, mirrored: Boolean): YuvImage {
        val row = columns + 16
        val luma = ByteArray(row * rows) { if (it % row < columns) planes[it / row * columns + it % row] else 99 }
        val chroma = ByteArray(row * rows / 2) { i ->
            val (y, x) = i / row to i % row
            if (x < columns) planes[rows * columns + x % 2 * (rows * columns / 4) + y * (columns / 2) + x / 2] else 99
        }
        return YuvImage(
            columns, rows, ByteBuffer.wrap(luma), row, ByteBuffer.wrap(chroma), part(chroma, 1, chroma.size - 1),
            row, 2, degrees, mirrored,
        )
    }

    private fun part(bytes: ByteArray, from: Int, size: Int): ByteBuffer = ByteBuffer.wrap(bytes, from, size).slice()
}
