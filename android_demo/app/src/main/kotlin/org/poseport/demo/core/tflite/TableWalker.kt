package org.poseport.demo.core.tflite

import java.nio.ByteBuffer
import java.nio.ByteOrder

/** The message says in a few words what is wrong with the file. */
internal class Damaged(message: String) : Exception(message)

/** What a slot of a table holds: a number, a vector of numbers, a string, one table or several. */
private sealed interface Part

private class Scalar(val width: Int) : Part

private class Numbers(val width: Int) : Part

private object Text : Part

private class One(val kind: String) : Part

private class Several(val kind: String) : Part

/** One table: where its present fields begin (0: absent), and the tables below them. Both by slot. */
internal class Table(private val fields: LongArray, private val children: Array<List<Table>?>) {
    fun field(slot: Int): Long? = fields.getOrNull(slot)?.takeIf { it != 0L }

    fun below(slot: Int): List<Table> = children.getOrNull(slot) ?: emptyList()
}

/**
 * Reads the tables, vectors and numbers of a flatbuffer and throws [Damaged] where an offset leaves it; the toolkit's
 * `tflite/table_walker.py`, whose words are there.
 */
internal class Walker(data: ByteBuffer) {
    private val data = data.duplicate().order(ByteOrder.LITTLE_ENDIAN)
    val size = data.limit().toLong()

    /** Parts may be shared, so their sum may exceed the file; one that claims far more would take unbounded time. */
    var budget = 8 * size + (1 shl 16)
    private var tables = 0

    private fun place(position: Long, width: Int): Int {
        if (position < 0 || position > size - width) throw Damaged("an offset leaves the file")
        return position.toInt()
    }

    fun unsigned(position: Long, width: Int): Long {
        val at = place(position, width)
        return when (width) {
            1 -> data.get(at).toLong() and 0xff
            2 -> data.getShort(at).toLong() and 0xffff
            4 -> data.getInt(at).toLong() and 0xffffffffL
            else -> data.getLong(at) // from 2^63 on it is negative, which no caller accepts
        }
    }

    fun int32(position: Long): Int = data.getInt(place(position, 4))

    /** Where the offset stored at a position leads to. */
    fun follow(position: Long): Long = position + unsigned(position, 4)

    /** First byte and number of elements of the vector whose offset is stored at a position. */
    fun span(position: Long, width: Int): Pair<Long, Long> {
        val start = follow(position)
        val count = unsigned(start, 4)
        if (start + 4 + count * width > size) throw Damaged("a vector is longer than the file")
        spend(4 + count * width)
        return start + 4 to count
    }

    private fun spend(count: Long) {
        budget -= count
        if (budget < 0) throw Damaged("its parts overlap")
    }

    /** A vector of int32; an absent one is empty. */
    fun ints(position: Long?): IntArray {
        if (position == null) return IntArray(0)
        val (start, count) = span(position, 4)
        return IntArray(count.toInt()) { int32(start + 4 * it) }
    }

    /** A string; an absent one is empty. */
    fun text(position: Long?): String {
        val (start, count) = span(position ?: return "", 1)
        return ByteArray(count.toInt()) { data.get(start.toInt() + it) }.toString(Charsets.UTF_8)
    }

    /** A scalar field; 0 if it is absent, which is the default of every field that is read here. */
    fun value(table: Table, slot: Int, width: Int): Long = table.field(slot)?.let { unsigned(it, width) } ?: 0

    fun model(): Table = table(follow(0), "Model")

    /** A table and everything below it. */
    private fun table(position: Long, kind: String): Table {
        val layout = position - int32(position)
        val (bytes, length) = unsigned(layout, 2) to unsigned(layout + 2, 2)
        if (bytes < 4 || bytes % 2 != 0L || length < 4 || position + length > size) {
            throw Damaged("no $kind where one should be")
        }
        if (++tables > MAX_TABLES) throw Damaged("more than $MAX_TABLES tables")
        spend(bytes + length)
        if (layout + bytes > size) throw Damaged("an offset leaves the file")
        val schema = SCHEMA.getValue(kind)
        val slots = (schema.keys.maxOrNull() ?: -1) + 1
        val fields = LongArray(slots)
        val children = arrayOfNulls<List<Table>>(slots)
        for ((slot, part) in schema) {
            val offset = if (4 + 2 * slot < bytes) unsigned(layout + 4 + 2 * slot, 2) else 0
            if (offset == 0L) continue
            if (offset + (if (part is Scalar) part.width else 4) > length) throw Damaged("a field of a $kind leaves it")
            fields[slot] = position + offset
            children[slot] = below(position + offset, part)
        }
        return Table(fields, children)
    }

    /** The tables that a field leads to; strings and vectors are measured only. */
    private fun below(position: Long, part: Part): List<Table>? {
        when (part) {
            is Scalar -> {}
            is Text -> span(position, 1)
            is Numbers -> span(position, part.width)
            is One -> return listOf(table(follow(position), part.kind))
            is Several -> {
                val (start, count) = span(position, 4)
                return List(count.toInt()) { table(follow(start + 4L * it), part.kind) }
            }
        }
        return null
    }

    private companion object {
        const val MAX_TABLES = 1 shl 17

        /** schema.fbs of TFLite, as far as a reader or an interpreter follows offsets. */
        val SCHEMA: Map<String, Map<Int, Part>> = mapOf(
            "Model" to mapOf(
                0 to Scalar(4), 1 to Several("OperatorCode"), 2 to Several("SubGraph"), 3 to Text,
                4 to Several("Buffer"), 5 to Numbers(4), 6 to Several("Metadata"), 7 to Several("SignatureDef"),
            ),
            "OperatorCode" to mapOf(0 to Scalar(1), 1 to Text, 2 to Scalar(4), 3 to Scalar(4)),
            "SubGraph" to mapOf(
                0 to Several("Tensor"), 1 to Numbers(4), 2 to Numbers(4), 3 to Several("Operator"), 4 to Text,
                5 to Scalar(4),
            ),
            "Tensor" to mapOf(
                0 to Numbers(4), 1 to Scalar(1), 2 to Scalar(4), 3 to Text, 4 to One("Quantization"), 5 to Scalar(1),
                6 to One("Options"), 7 to Numbers(4), 8 to Scalar(1), 9 to Several("Options"), 10 to Scalar(4),
            ),
            "Quantization" to mapOf(
                0 to Numbers(4), 1 to Numbers(4), 2 to Numbers(4), 3 to Numbers(8), 4 to Scalar(1),
                5 to One("Options"), 6 to Scalar(4),
            ),
            "Operator" to mapOf(
                0 to Scalar(4), 1 to Numbers(4), 2 to Numbers(4), 3 to Scalar(1), 4 to One("Options"), 5 to Numbers(1),
                6 to Scalar(1), 7 to Numbers(1), 8 to Numbers(4), 9 to Scalar(8), 10 to Scalar(8), 11 to Scalar(1),
                12 to One("Options"), 13 to Scalar(4),
            ),
            "Buffer" to mapOf(0 to Numbers(1), 1 to Scalar(8), 2 to Scalar(8)),
            "Metadata" to mapOf(0 to Text, 1 to Scalar(4)),
            "SignatureDef" to mapOf(0 to Several("TensorMap"), 1 to Several("TensorMap"), 2 to Text, 4 to Scalar(4)),
            "TensorMap" to mapOf(0 to Text, 1 to Scalar(4)),
            "Options" to emptyMap(), // an operation's own: its fields mean something else each time
        )
    }
}
