package org.poseport.demo.core.tflite

import java.math.BigInteger
import java.nio.ByteBuffer
import org.poseport.demo.core.Refused

/** One operation: its code in `BuiltinOperator`, its inputs and outputs (indices of tensors; -1 for none). */
internal class Operation(val code: Long, val inputs: IntArray, val outputs: IntArray)

/**
 * What one subgraph says of its tensors.
 *
 * shapes: -1 where a dimension is open. widths: bytes per value; 0 if unknown. constant: whether the file holds the
 * values. integers: the values of each constant int32 tensor of at most 64 values, null for others.
 */
internal class PlainGraph(
    val shapes: List<IntArray>,
    val widths: List<Int>,
    val constant: List<Boolean>,
    val integers: List<IntArray?>,
    val operations: List<Operation>,
    val ends: List<Int>,
)

/**
 * Checks that a .tflite file is sound: every offset, index and size in it. The interpreter is native code and follows
 * whatever a damaged file says. The toolkit's `tflite/flatbuffer.py`, which judges every file alike.
 */
internal object Flatbuffer {
    private const val MARK = 0x334C4654 // TFL3
    private const val MAX_RANK = 16
    private val MAX_TENSOR_BYTES = BigInteger.ONE.shiftLeft(30)

    /** Bytes per element by TensorType; the shape of other types (strings, packed 4-bit) does not give the size. */
    private val WIDTH = mapOf(
        0 to 4, 1 to 2, 2 to 4, 3 to 1, 4 to 8, 6 to 1, 7 to 2, 8 to 8, 9 to 1, 10 to 8, 11 to 16, 12 to 8, 15 to 4,
        16 to 2, 18 to 2,
    )
    private const val INT32 = 2

    /** Verify a file, and read what its subgraphs say of their shapes. Throws [Refused] if it is not sound. */
    fun graphs(data: ByteBuffer, name: String): List<PlainGraph> {
        val walker = Walker(data)
        try {
            if (walker.size < 8 || walker.int32(4) != MARK) throw Refused("$name: is not a TFLite file")
            return check(walker)
        } catch (damage: Damaged) {
            throw Refused("$name: its flatbuffer is damaged (${damage.message}); convert it or copy it again")
        }
    }

    /** The structure first, then the indices. */
    private fun check(walk: Walker): List<PlainGraph> {
        val model = walk.model()
        val (codes, graphs, buffers) = listOf(1, 2, 4).map(model::below)
        if (graphs.isEmpty()) throw Damaged("it holds no graph")
        val constants = buffers.map { place(walk, it) }
        for (graph in graphs) {
            val tensors = graph.below(0)
            for (tensor in tensors) checkTensor(walk, tensor, constants)
            for (slot in listOf(1, 2)) inside(walk.ints(graph.field(slot)), tensors.size, 0)
            for (op in graph.below(3)) {
                inside(walk.value(op, 0, 4), codes.size)
                // -1: an optional one that is not given
                for (slot in listOf(1, 2, 8)) inside(walk.ints(op.field(slot)), tensors.size, -1)
            }
        }
        for (entry in model.below(6)) inside(walk.value(entry, 1, 4), buffers.size)
        for (signature in model.below(7)) {
            val index = walk.value(signature, 4, 4)
            inside(index, graphs.size)
            val count = graphs[index.toInt()].below(0).size
            for (slot in listOf(0, 1)) for (entry in signature.below(slot)) inside(walk.value(entry, 1, 4), count)
        }
        walk.budget += 4 * walk.size + (1 shl 16) // for reading shapes and indices a second time
        val builtin = codes.map { maxOf(walk.value(it, 0, 1), walk.value(it, 3, 4)) }
        return graphs.map { plain(walk, it, builtin, constants) }
    }

    private fun plain(walk: Walker, graph: Table, codes: List<Long>, constants: List<Pair<Long, Long>>): PlainGraph {
        val tensors = graph.below(0)
        val kinds = tensors.map { kind(walk, it) }
        val places = tensors.map { constants[walk.value(it, 2, 4).toInt()] }
        val shapes = tensors.map { walk.ints(it.field(0)) }
        val integers = places.mapIndexed { i, (start, size) ->
            if (kinds[i] != INT32 || size !in 1..256) null
            else IntArray((size / 4).toInt()) { walk.int32(start + 4 * it) }
        }
        val operations = graph.below(3).map {
            Operation(codes[walk.value(it, 0, 4).toInt()], walk.ints(it.field(1)), walk.ints(it.field(2)))
        }
        val ends = listOf(1, 2).flatMap { walk.ints(graph.field(it)).asList() }
        val constant = places.map { (_, size) -> size > 0 }
        return PlainGraph(shapes, kinds.map { WIDTH[it] ?: 0 }, constant, integers, operations, ends)
    }

    private fun kind(walk: Walker, tensor: Table): Int = walk.value(tensor, 1, 1).toByte().toInt()

    private fun inside(index: Long, count: Int) {
        if (index >= count) throw Damaged("an index leads to nothing")
    }

    private fun inside(indices: IntArray, count: Int, least: Int) {
        if (indices.any { it < least || it >= count }) throw Damaged("an index leads to nothing")
    }

    /** First byte and bytes of a buffer's constants; in files of more than 2 GB they lie behind the flatbuffer. */
    private fun place(walk: Walker, buffer: Table): Pair<Long, Long> {
        val (offset, size) = walk.value(buffer, 1, 8) to walk.value(buffer, 2, 8)
        if (offset in 0..1) return buffer.field(0)?.let { walk.span(it, 1) } ?: (0L to 0L)
        if (offset < 0 || size < 0 || offset > walk.size - size) throw Damaged("a buffer leaves the file")
        return offset to size
    }

    private fun checkTensor(walk: Walker, tensor: Table, constants: List<Pair<Long, Long>>) {
        val shape = walk.ints(tensor.field(0))
        val signature = walk.ints(tensor.field(7))
        if (maxOf(shape.size, signature.size) > MAX_RANK || (shape + signature).any { it < -1 }) {
            throw Damaged("a tensor of shape ${shape.take(MAX_RANK)}")
        }
        val index = walk.value(tensor, 2, 4)
        inside(index, constants.size)
        val width = WIDTH[kind(walk, tensor)] ?: 0
        val needed = shape.fold(BigInteger.valueOf(width.toLong())) { product, v ->
            product * BigInteger.valueOf(if (v < 0) 1L else v.toLong())
        }
        if (needed > MAX_TENSOR_BYTES) throw Damaged("a tensor of $needed bytes")
        val size = constants[index.toInt()].second
        if (size != 0L && shape.any { it < 0 }) throw Damaged("a constant of open shape ${shape.asList()}")
        // sparse constants are stored packed
        if (width != 0 && size != 0L && size != needed.toLong() && tensor.field(6) == null) {
            throw Damaged("a constant of $size bytes whose shape ${shape.asList()} needs $needed")
        }
    }
}
