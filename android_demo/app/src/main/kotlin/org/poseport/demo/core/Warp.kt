package org.poseport.demo.core

import java.nio.ByteBuffer
import kotlin.math.floor

/** Pixels as 0xRRGGBB, row by row. */
class RgbImage(val pixels: IntArray, val width: Int, val height: Int)

/**
 * A camera frame as `YUV_420_888` has it: three planes with steps between their bytes, chroma at half the size. The
 * planes are copied as they are: single bytes of an array are read several times as fast as those of a buffer.
 */
class YuvImage(
    val width: Int, val height: Int,
    y: ByteBuffer, private val yRow: Int, private val yStep: Int,
    u: ByteBuffer, v: ByteBuffer, private val uvRow: Int, private val uvStep: Int,
) {
    private val luma = bytes(y)
    private val blue = bytes(u)
    private val red = bytes(v)

    private fun bytes(plane: ByteBuffer): ByteArray = plane.duplicate().run { rewind(); ByteArray(remaining()).also { get(it) } }

    /** RGB of a pixel by full-range BT.601 (JFIF), which is what Android's cameras write, in 16-bit fixed point. */
    fun rgb(x: Int, y: Int): Int {
        val light = ((luma[y * yRow + x * yStep].toInt() and 255) shl 16) + 32768
        val at = (y shr 1) * uvRow + (x shr 1) * uvStep
        val cb = (blue[at].toInt() and 255) - 128
        val cr = (red[at].toInt() and 255) - 128
        return (level(light + 91881 * cr) shl 16) or (level(light - 22554 * cb - 46802 * cr) shl 8) or level(light + 116130 * cb)
    }

    private fun level(fixed: Int): Int {
        val value = fixed shr 16
        return if (value and 255.inv() == 0) value else if (value < 0) 0 else 255
    }
}

/** Where a network's input comes from. */
sealed class Picture {
    abstract val width: Int
    abstract val height: Int

    class Rgb(val image: RgbImage) : Picture() {
        override val width get() = image.width
        override val height get() = image.height
    }

    /** A frame, turned clockwise by [degrees] and then mirrored: width and height are those of the upright picture. */
    class Frame(val image: YuvImage, val degrees: Int, val mirrored: Boolean) : Picture() {
        private val turned get() = degrees.mod(180) == 90
        override val width get() = if (turned) image.height else image.width
        override val height get() = if (turned) image.width else image.height
    }

    /** The crop that [matrix] makes of the upright picture; [store] gets its pixels as 0xRRGGBB, row by row. */
    inline fun crop(matrix: Affine, inputWidth: Int, inputHeight: Int, store: (Int, Int) -> Unit) = when (this) {
        is Rgb -> image.pixels.let { pixels ->
            warp(matrix, inputWidth, inputHeight, image.width, image.height, { x, y -> pixels[y * image.width + x] }, store)
        }
        is Frame -> {
            // one matrix from the sensor's pixels to the input: the frame is neither turned nor converted as a whole
            val sensor = matrix.after(Affine.upright(image.width, image.height, degrees, mirrored))
            warp(sensor, inputWidth, inputHeight, image.width, image.height, { x, y -> image.rgb(x, y) }, store)
        }
    }
}

/**
 * The toolkit's `crop.warp`: bilinear, black where the image ends.
 *
 * The arithmetic is that of OpenCV 5's vector code, bit for bit where the input's width is a multiple of 32, which
 * those of all presets but one are: the inverse matrix as 32-bit floats, one fused multiply-add a coordinate (in doubles here,
 * where the product is exact), weights that are not rounded to a table. OpenCV computes the last width % 32 columns in
 * another order, so that a value in some thousand is the next level there; and so do builds without that vector code.
 */
inline fun warp(
    matrix: Affine, width: Int, height: Int, imageWidth: Int, imageHeight: Int, pixel: (Int, Int) -> Int, store: (Int, Int) -> Unit,
) {
    val inverse = matrix.inverse()
    val stepX = inverse.a.toFloat().toDouble()
    val stepY = inverse.d.toFloat().toDouble()
    var index = 0
    for (row in 0 until height) {
        val startX = inverse.b.toFloat() * row + inverse.c.toFloat()
        val startY = inverse.e.toFloat() * row + inverse.f.toFloat()
        for (column in 0 until width) {
            val x = (stepX * column + startX).toFloat()
            val y = (stepY * column + startY).toFloat()
            val left = floor(x).toInt()
            val top = floor(y).toInt()
            if (left < -1 || top < -1 || left >= imageWidth || top >= imageHeight) {
                store(index++, 0)
                continue
            }
            val inLeft = left >= 0
            val inRight = left + 1 < imageWidth
            val inTop = top >= 0
            val inBottom = top + 1 < imageHeight
            val p = if (inLeft && inTop) pixel(left, top) else 0
            val q = if (inRight && inTop) pixel(left + 1, top) else 0
            val r = if (inLeft && inBottom) pixel(left, top + 1) else 0
            val s = if (inRight && inBottom) pixel(left + 1, top + 1) else 0
            store(index++, mix(p, q, r, s, x - left, y - top))
        }
    }
}

/** Bilinear mean of four pixels, channel by channel, rounded half to even. */
fun mix(p: Int, q: Int, r: Int, s: Int, across: Float, down: Float): Int =
    (mixLevel(p shr 16 and 255, q shr 16 and 255, r shr 16 and 255, s shr 16 and 255, across, down) shl 16) or
        (mixLevel(p shr 8 and 255, q shr 8 and 255, r shr 8 and 255, s shr 8 and 255, across, down) shl 8) or
        mixLevel(p and 255, q and 255, r and 255, s and 255, across, down)

private fun mixLevel(p: Int, q: Int, r: Int, s: Int, across: Float, down: Float): Int {
    val upper = p + across * (q - p)
    val lower = r + across * (s - r)
    // beyond 2^23 a float has no fraction: adding it rounds half to even, and leaves the number in the low bits
    return (upper + down * (lower - upper) + 8388608f).toRawBits() and 255
}
