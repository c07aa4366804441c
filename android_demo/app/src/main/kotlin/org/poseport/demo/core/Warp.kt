package org.poseport.demo.core

import java.nio.ByteBuffer
import kotlin.math.floor

/** Where a network's input comes from. */
sealed class Picture {
    abstract val width: Int
    abstract val height: Int

    /** The size as it lies in memory, line by line, and the way from there to the picture. */
    protected abstract val columns: Int
    protected abstract val rows: Int
    protected abstract val upright: Affine

    /** Red, green and blue of the two pixels of each tap in the line [y] in memory; black beside the line. */
    internal abstract fun fetch(y: Int, taps: Taps, into: FloatArray)

    /**
     * The crop that [matrix] makes of the picture: [store] gets each pixel's number, row by row, and its levels.
     *
     * The toolkit's `crop.warp`: bilinear, black where the picture ends. The arithmetic is that of OpenCV 5's vector
     * code where the input's width is a multiple of 32, which those of all presets but one are: the inverse matrix as
     * 32-bit floats, one fused multiply-add a column (in doubles here, where the product is exact), weights that are
     * not rounded to a table. OpenCV fuses the sums between levels, too: that makes one value in some 300,000 the next
     * level, in crops of a few scales only. It computes the last width % 32 columns in another order, so that a value
     * in some thousand is the next level there; and so do builds without that vector code.
     *
     * Lines are followed as they lie in memory, whichever way the picture is turned: one axis of the input walks along
     * a line, the other from line to line. Throws IllegalArgumentException for a matrix that turns.
     */
    internal inline fun crop(matrix: Affine, inputWidth: Int, inputHeight: Int, store: (Int, Int, Int, Int) -> Unit) {
        val lines = Lines(matrix, inputWidth, inputHeight)
        val turned = lines.turned
        for (v in 0 until lines.down.size) {
            val down = lines.down.weight[v]
            val line = lines.at(lines.down.first[v])
            val next = lines.at(lines.down.first[v] + lines.down.step)
            var index = v * lines.downStep
            for (u in 0 until lines.along.size) {
                val along = lines.along.weight[u]
                // first across the upright picture, then down
                if (turned) {
                    store(
                        index,
                        mixed(line[6 * u], next[6 * u], line[6 * u + 3], next[6 * u + 3], down, along),
                        mixed(line[6 * u + 1], next[6 * u + 1], line[6 * u + 4], next[6 * u + 4], down, along),
                        mixed(line[6 * u + 2], next[6 * u + 2], line[6 * u + 5], next[6 * u + 5], down, along),
                    )
                } else {
                    store(
                        index,
                        mixed(line[6 * u], line[6 * u + 3], next[6 * u], next[6 * u + 3], along, down),
                        mixed(line[6 * u + 1], line[6 * u + 4], next[6 * u + 1], next[6 * u + 4], along, down),
                        mixed(line[6 * u + 2], line[6 * u + 5], next[6 * u + 2], next[6 * u + 5], along, down),
                    )
                }
                index += lines.alongStep
            }
        }
    }

    /**
     * A crop's way through the lines: [along] and [down] say where its columns and rows lie in memory, or, of a turned
     * picture, its rows and columns. Places are computed in the upright picture and only then turned, so that a frame
     * gives to the last bit what the picture gives that it was turned into.
     */
    internal inner class Lines(matrix: Affine, width: Int, height: Int) {
        private val inverse = matrix.inverse()
        val turned = upright.a == 0.0
        private val x = FloatArray(width) { (inverse.a.toFloat().toDouble() * it + inverse.c.toFloat()).toFloat() }
        private val y = FloatArray(height) { inverse.e.toFloat() * it + inverse.f.toFloat() }
        val along = if (turned) Taps(y, columns, upright.d < 0) else Taps(x, columns, upright.a < 0)
        val down = if (turned) Taps(x, rows, upright.b < 0) else Taps(y, rows, upright.e < 0)
        val alongStep = if (turned) width else 1
        val downStep = if (turned) 1 else width

        // two lines that follow one another are one even, one odd
        private val kept = Array(2) { FloatArray(6 * along.size) }
        private val keptLine = intArrayOf(Int.MIN_VALUE, Int.MIN_VALUE)

        init {
            require(inverse.b == 0.0 && inverse.d == 0.0) { "the matrix of a crop turns nothing" }
        }

        /** A line at the places of [along], black above and below the picture. It is good until the next but one. */
        fun at(y: Int): FloatArray {
            val line = kept[y and 1]
            if (keptLine[y and 1] != y) {
                if (y in 0 until rows) fetch(y, along, line) else line.fill(0f)
                keptLine[y and 1] = y
            }
            return line
        }
    }

    internal companion object {
        /** Between four levels, rounded half to even. */
        fun mixed(p: Float, q: Float, r: Float, s: Float, across: Float, down: Float): Int {
            val upper = p + across * (q - p)
            val lower = r + across * (s - r)
            // beyond 2^23 a float has no fraction: adding it rounds half to even, and leaves the number in the low bits
            return (upper + down * (lower - upper) + 8388608f).toRawBits() and 255
        }
    }
}

/**
 * Between which two of the [length] pixels of a line each place lies: the first one's number, from which the second one
 * is [step] away, and the second one's weight. flipped: the line lies in memory from its end to its beginning. Two
 * pixels beside the line are as far away as any.
 */
internal class Taps(places: FloatArray, length: Int, flipped: Boolean) {
    val size = places.size
    val step = if (flipped) -1 else 1
    val first = IntArray(size) { i ->
        floor(places[i]).toInt().coerceIn(-2, length).let { if (flipped) length - 1 - it else it }
    }
    val weight = FloatArray(size) { places[it] - floor(places[it]) }
}

/** Pixels as 0xRRGGBB, row by row. */
class RgbImage(val pixels: IntArray, override val width: Int, override val height: Int) : Picture() {
    override val columns get() = width
    override val rows get() = height
    override val upright get() = Affine.upright(width, height, 0, false)

    override fun fetch(y: Int, taps: Taps, into: FloatArray) {
        val row = y * width
        for (i in 0 until taps.size) {
            val first = taps.first[i]
            val second = first + taps.step
            val p = if (first in 0 until width) pixels[row + first] else 0
            val q = if (second in 0 until width) pixels[row + second] else 0
            into[6 * i] = LEVELS[p shr 16 and 255]
            into[6 * i + 1] = LEVELS[p shr 8 and 255]
            into[6 * i + 2] = LEVELS[p and 255]
            into[6 * i + 3] = LEVELS[q shr 16 and 255]
            into[6 * i + 4] = LEVELS[q shr 8 and 255]
            into[6 * i + 5] = LEVELS[q and 255]
        }
    }

    private companion object {
        /** Looked up faster than converted. */
        val LEVELS = FloatArray(256) { it.toFloat() }
    }
}

/**
 * A camera frame as `YUV_420_888` has it: brightness line by line, chroma at half the size with steps between its
 * bytes; sides are even. The picture is the frame turned clockwise by [degrees] and then, where [mirrored], flipped
 * left to right; the planes are neither turned nor converted as a whole.
 */
class YuvImage(
    override val columns: Int, override val rows: Int,
    private val luma: ByteBuffer, private val lumaRow: Int,
    private val blue: ByteBuffer, private val red: ByteBuffer, private val chromaRow: Int, private val chromaStep: Int,
    degrees: Int, mirrored: Boolean,
) : Picture() {
    override val width = if (degrees.mod(180) == 90) rows else columns
    override val height = if (degrees.mod(180) == 90) columns else rows
    override val upright = Affine.upright(columns, rows, degrees, mirrored)

    // One line of each plane, between two black pixels on either side: single bytes of an array are read several times
    // as fast as those of a camera's buffer, and nobody asks whether they are inside.
    private val light = ByteArray(columns + 4)
    private val cb = ByteArray((columns / 2 + 2) * chromaStep).apply { fill(GREY) }
    private val cr = ByteArray((columns / 2 + 2) * chromaStep).apply { fill(GREY) }
    private var chromaLine = -1

    override fun fetch(y: Int, taps: Taps, into: FloatArray) {
        read(luma, y * lumaRow, columns, light, 2)
        if (chromaLine != y / 2) {
            chromaLine = y / 2
            // a plane's last byte is its last sample, without the step behind it
            read(blue, chromaLine * chromaRow, columns / 2 * chromaStep - chromaStep + 1, cb, chromaStep)
            read(red, chromaLine * chromaRow, columns / 2 * chromaStep - chromaStep + 1, cr, chromaStep)
        }
        for (i in 0 until taps.size) {
            val p = taps.first[i] + 2
            val q = p + taps.step
            val lightP = BIAS + (light[p].toInt() and 255)
            val lightQ = BIAS + (light[q].toInt() and 255)
            val chromaP = (p shr 1) * chromaStep
            val chromaQ = (q shr 1) * chromaStep
            val cbP = cb[chromaP].toInt() and 255
            val crP = cr[chromaP].toInt() and 255
            val cbQ = cb[chromaQ].toInt() and 255
            val crQ = cr[chromaQ].toInt() and 255
            into[6 * i] = LEVELS[lightP + RED[crP] and MASK]
            into[6 * i + 1] = LEVELS[lightP + (GREEN_BLUE[cbP] + GREEN_RED[crP] shr 16) and MASK]
            into[6 * i + 2] = LEVELS[lightP + BLUE[cbP] and MASK]
            into[6 * i + 3] = LEVELS[lightQ + RED[crQ] and MASK]
            into[6 * i + 4] = LEVELS[lightQ + (GREEN_BLUE[cbQ] + GREEN_RED[crQ] shr 16) and MASK]
            into[6 * i + 5] = LEVELS[lightQ + BLUE[cbQ] and MASK]
        }
    }

    private fun read(plane: ByteBuffer, from: Int, count: Int, into: ByteArray, at: Int) {
        plane.position(from)
        plane.get(into, at, count)
    }

    /** RGB by full-range BT.601 (JFIF), which is what Android's cameras write, in 16-bit fixed point. */
    private companion object {
        const val GREY: Byte = -128
        const val BIAS = 256
        const val MASK = 1023 // spares the machine to look whether an index is inside
        val RED = IntArray(256) { (91881 * (it - 128) + 32768) shr 16 }
        val BLUE = IntArray(256) { (116130 * (it - 128) + 32768) shr 16 }
        val GREEN_RED = IntArray(256) { 32768 - 46802 * (it - 128) }
        val GREEN_BLUE = IntArray(256) { -22554 * (it - 128) }
        val LEVELS = FloatArray(MASK + 1) { (it - BIAS).coerceIn(0, 255).toFloat() }
    }
}
