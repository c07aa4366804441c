package org.poseport.demo.core

import kotlin.math.min

/** A person's place in an image: left, top, width and height in pixels; it covers [x - 0.5, x + width - 0.5]. */
class Box(val x: Double, val y: Double, val width: Double, val height: Double) {
    val centreX get() = x + (width - 1) / 2
    val centreY get() = y + (height - 1) / 2

    companion object {
        fun whole(width: Int, height: Int) = Box(0.0, 0.0, width.toDouble(), height.toDouble())

        /** The square of a side around a point. */
        fun around(x: Double, y: Double, side: Double) = Box(x - (side - 1) / 2, y - (side - 1) / 2, side, side)
    }
}

/**
 * A 2x3 matrix between pixels of two images, whose pixel centres are at integer coordinates: x' = a x + b y + c and
 * y' = d x + e y + f. The same arithmetic as the toolkit's `crop`.
 */
class Affine(val a: Double, val b: Double, val c: Double, val d: Double, val e: Double, val f: Double) {
    fun x(x: Double, y: Double) = a * x + b * y + c

    fun y(x: Double, y: Double) = d * x + e * y + f

    /** First [first], then this. */
    fun after(first: Affine) = Affine(
        a * first.a + b * first.d, a * first.b + b * first.e, x(first.c, first.f),
        d * first.a + e * first.d, d * first.b + e * first.e, y(first.c, first.f),
    )

    fun inverse(): Affine {
        val scale = 1 / (a * e - b * d)
        val (ia, ib, id, ie) = doubleArrayOf(e * scale, -b * scale, -d * scale, a * scale)
        return Affine(ia, ib, -ia * c - ib * f, id, ie, -id * c - ie * f)
    }

    companion object {
        /** From image pixels to input pixels: the box, enlarged by [padding], fills the input without distortion. */
        fun crop(box: Box, inputWidth: Int, inputHeight: Int, padding: Double): Affine {
            val zoom = min(inputWidth / (box.width * padding), inputHeight / (box.height * padding))
            return Affine(
                zoom, 0.0, (inputWidth - 1) / 2.0 - zoom * box.centreX,
                0.0, zoom, (inputHeight - 1) / 2.0 - zoom * box.centreY,
            )
        }

        /**
         * From the pixels of an image of the given size to those of the image turned clockwise by [degrees], a multiple
         * of 90, and then, where [mirrored], flipped left to right.
         */
        fun upright(width: Int, height: Int, degrees: Int, mirrored: Boolean): Affine {
            val (w, h) = doubleArrayOf(width - 1.0, height - 1.0)
            val turn = when (degrees.mod(360)) {
                0 -> Affine(1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
                90 -> Affine(0.0, -1.0, h, 1.0, 0.0, 0.0)
                180 -> Affine(-1.0, 0.0, w, 0.0, -1.0, h)
                270 -> Affine(0.0, 1.0, 0.0, -1.0, 0.0, w)
                else -> throw IllegalArgumentException("$degrees degrees is not a multiple of 90")
            }
            if (!mirrored) return turn
            return Affine(-1.0, 0.0, if (degrees.mod(180) == 0) w else h, 0.0, 1.0, 0.0).after(turn)
        }
    }
}
