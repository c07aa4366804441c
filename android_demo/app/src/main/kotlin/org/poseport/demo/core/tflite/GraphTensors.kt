package org.poseport.demo.core.tflite

import java.nio.ByteBuffer
import org.poseport.demo.core.Quantization
import org.poseport.demo.core.Refused
import org.poseport.demo.core.TensorInfo

/**
 * The inputs and outputs of the graph that a .tflite file begins with, as the interpreter tells them: for runtimes that
 * tell neither names nor quantization. Throws [Refused] for a file that is not sound.
 */
class GraphTensors(data: ByteBuffer, name: String) {
    val inputs: List<TensorInfo>
    val outputs: List<TensorInfo>

    /** What the graph's signatures call its outputs, with their places. */
    val signatureOutputs: Map<String, Int>

    init {
        Flatbuffer.graphs(data, name) // every index leads to something
        val walk = Walker(data)
        try {
            val model = walk.model()
            val graph = model.below(2).first()
            val tensors = graph.below(0)
            val ends = walk.ints(graph.field(2)).asList()
            inputs = walk.ints(graph.field(1)).map { info(walk, tensors[it]) }
            outputs = ends.map { info(walk, tensors[it]) }
            val signatures = model.below(7).filter { walk.value(it, 4, 4) == 0L }
            signatureOutputs = signatures.flatMap { it.below(1) }
                .associate { walk.text(it.field(0)) to ends.indexOf(walk.value(it, 1, 4).toInt()) }
                .filterValues { it >= 0 }
        } catch (damage: Damaged) {
            throw Refused("$name: its flatbuffer is damaged (${damage.message}); convert it or copy it again")
        }
    }

    private fun info(walk: Walker, tensor: Table): TensorInfo {
        val type = walk.value(tensor, 1, 1).toInt()
        val (name, shape) = walk.text(tensor.field(3)) to walk.ints(tensor.field(0))
        return TensorInfo(name, shape, TYPES[type] ?: "type $type", scale(walk, tensor))
    }

    /** One scale and zero point for the whole tensor; 0 where there is none, or one for each channel. */
    private fun scale(walk: Walker, tensor: Table): Quantization {
        val table = tensor.below(4).firstOrNull() ?: return Quantization(0f, 0)
        val (scales, zeros) = walk.ints(table.field(2)) to table.field(3)?.let { walk.span(it, 8) }
        if (scales.size != 1 || zeros?.second != 1L) return Quantization(0f, 0)
        return Quantization(Float.fromBits(scales[0]), walk.int32(zeros.first)) // the lower half of 8 bytes
    }

    private companion object {
        /** TensorType of TFLite's schema, as far as the app feeds or reads it. */
        val TYPES = mapOf(0 to "FLOAT32", 2 to "INT32", 3 to "UINT8", 4 to "INT64", 7 to "INT16", 9 to "INT8")
    }
}
