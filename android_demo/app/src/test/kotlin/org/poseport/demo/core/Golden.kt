package org.poseport.demo.core

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import org.poseport.demo.core.people.DetectorSpec

/** The files of tests/golden, which the toolkit writes: what it computes from stored inputs. */
class Golden(private val name: String) {
    private val folder = File(System.getProperty("golden") ?: "../../tests/golden")
    private val whole = Json.parse(File(folder, "$name.json").readText(), name) as Map<*, *>
    private val data = ByteBuffer.wrap(File(folder, whole["data"] as String).readBytes()).order(ByteOrder.LITTLE_ENDIAN)

    fun cases(): List<Case> = (whole["cases"] as List<*>).map { Case(it as Map<*, *>) }

    /** One case, or what is expected of it. Arrays lie in the .bin, or in the JSON as nested lists; null is NaN. */
    inner class Case(private val values: Map<*, *>) {
        val name get() = text("name")
        val expected get() = part("expected")

        fun part(key: String) = Case(values[key] as Map<*, *>)

        fun text(key: String) = values[key] as String

        fun has(key: String) = key in values

        fun flag(key: String) = values[key] as Boolean

        fun number(key: String) = (values[key] as Number).toDouble()

        fun spec(): Spec = Card.spec((values["spec"] as Map<*, *>) - "schema", name)

        fun detector(): DetectorSpec = DetectorSpec.of((values["spec"] as Map<*, *>) - "schema", name)

        fun bytes(key: String): ByteArray {
            val entry = values[key] as Map<*, *>
            val each = when (entry["dtype"]) { "float32" -> 4; "int16" -> 2; else -> 1 }
            val size = shape(key).fold(each) { a, b -> a * b }
            return ByteArray(size).also { data.duplicate().position((entry["offset"] as Long).toInt()).get(it) }
        }

        fun shape(key: String): List<Int> =
            ((values[key] as Map<*, *>)["shape"] as List<*>).map { (it as Long).toInt() }

        fun type(key: String) = (values[key] as Map<*, *>)["dtype"] as String

        fun floats(key: String): FloatArray =
            ByteBuffer.wrap(bytes(key)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().let { values ->
                FloatArray(values.remaining()).also { values.get(it) }
            }

        fun numbers(key: String): DoubleArray = flat(values[key]).toDoubleArray()

        private fun flat(value: Any?): List<Double> = when (value) {
            is List<*> -> value.flatMap(::flat)
            null -> listOf(Double.NaN)
            else -> listOf((value as Number).toDouble())
        }

        fun box(key: String) = numbers(key).let { (x, y, w, h) -> Box(x, y, w, h) }

        fun matrix(key: String) = numbers(key).let { Affine(it[0], it[1], it[2], it[3], it[4], it[5]) }
    }
}

/** An (h, w, 3) array of bytes as a picture. */
fun rgbImage(bytes: ByteArray, height: Int, width: Int) = RgbImage(
    IntArray(height * width) { i ->
        val (red, green, blue) = List(3) { bytes[3 * i + it].toInt() and 255 }
        (red shl 16) or (green shl 8) or blue
    },
    width, height,
)

/** A crop as an (H, W, 3) array of bytes. */
fun cropBytes(picture: Picture, matrix: Affine, height: Int, width: Int): ByteArray {
    val found = ByteArray(3 * height * width)
    picture.crop(matrix, width, height) { i, red, green, blue ->
        found[3 * i] = red.toByte()
        found[3 * i + 1] = green.toByte()
        found[3 * i + 2] = blue.toByte()
    }
    return found
}
