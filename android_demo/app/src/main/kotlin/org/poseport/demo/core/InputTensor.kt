package org.poseport.demo.core

import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.math.abs

/** How an integer tensor stands for numbers: scale x (value - zeroPoint). A scale of 0: the values themselves. */
class Quantization(val scale: Float, val zeroPoint: Int)

/** The types that tensors may have, and the least and the largest value of those that are integers. */
enum class Kind(val bytes: Int, val least: Int, val most: Int) {
    FLOAT32(4, 0, 0),
    INT8(1, -128, 127),
    UINT8(1, 0, 255),
    INT16(2, -32768, 32767),
}

/**
 * A network's input, filled straight from a picture: every level goes through a table that normalises it and, for an
 * integer tensor, quantizes it, as the toolkit's `Network.prepare` does.
 */
class InputTensor(private val spec: Spec, private val kind: Kind, quantization: Quantization) {
    val buffer: ByteBuffer = ByteBuffer.allocateDirect(spec.inputHeight * spec.inputWidth * 3 * kind.bytes)
        .order(ByteOrder.nativeOrder())
    private val tables = Array(3) { c ->
        FloatArray(256) { level(it, ((it - spec.mean[c]) / spec.std[c]).toFloat(), quantization) }
    }
    private val steps = Array(3) { c -> ByteArray(256) { tables[c][it].toInt().toByte() } }
    private val bytes = ByteArray(if (kind.bytes == 1) buffer.capacity() else 0)
    private val numbers = FloatArray(if (kind.bytes == 1) 0 else buffer.capacity() / kind.bytes)

    /** What the tensor holds for a level of a pixel that is [value] after normalisation. */
    private fun level(level: Int, value: Float, quantization: Quantization): Float {
        if (kind == Kind.FLOAT32) return value
        val plain = !spec.bgr && spec.mean.all { it == 0.0 } && spec.std.all { it == 255.0 }
        // the step is 1/255 up to float rounding and pixel 0 is the lowest value: bytes are copied, not computed
        val exact = quantization.zeroPoint == kind.least && abs(quantization.scale.toDouble() * 255 - 1) < 1e-5
        val copied = kind.bytes == 1 && plain && exact
        if (copied) return (level + kind.least).toFloat()
        val scale = if (quantization.scale != 0f) (1 / quantization.scale.toDouble()).toFloat() else 1f
        val step = Math.rint((value * scale).toDouble()).toInt() + quantization.zeroPoint
        return step.coerceIn(kind.least, kind.most).toFloat()
    }

    /** Fill with the crop that [matrix] makes of a picture. */
    fun fill(picture: Picture, matrix: Affine) {
        val (first, last) = if (spec.bgr) 2 to 0 else 0 to 2
        buffer.rewind()
        if (kind.bytes == 1) {
            val (red, green, blue) = steps
            picture.crop(matrix, spec.inputWidth, spec.inputHeight) { i, r, g, b ->
                bytes[3 * i + first] = red[r]
                bytes[3 * i + 1] = green[g]
                bytes[3 * i + last] = blue[b]
            }
            buffer.put(bytes)
        } else {
            val (red, green, blue) = tables
            picture.crop(matrix, spec.inputWidth, spec.inputHeight) { i, r, g, b ->
                numbers[3 * i + first] = red[r]
                numbers[3 * i + 1] = green[g]
                numbers[3 * i + last] = blue[b]
            }
            if (kind == Kind.FLOAT32) {
                buffer.asFloatBuffer().put(numbers)
            } else {
                for (number in numbers) buffer.putShort(number.toInt().toShort())
            }
        }
        buffer.rewind()
    }
}
