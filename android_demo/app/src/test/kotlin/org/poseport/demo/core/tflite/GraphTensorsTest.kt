package org.poseport.demo.core.tflite

import java.nio.ByteBuffer
import org.junit.Assert.assertArrayEquals
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test
import org.poseport.demo.core.DrawnPeople
import org.poseport.demo.core.Kernels
import org.poseport.demo.core.ModelFile
import org.poseport.demo.core.Models
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.TensorInfo

/** What the file says of its tensors is what the interpreter says of them. */
class GraphTensorsTest {
    private val files = Models().files.filter { "16x8" !in it.name } // which this interpreter refuses

    private fun networks(): List<Pair<String, ByteBuffer>> {
        val detector = DrawnPeople().detector
        val stages = files.flatMap { file -> ModelFile.read(file).map { file.name to it.data } }
        return stages + (detector.name to ModelFile.map(detector, detector.name))
    }

    private fun same(name: String, said: List<TensorInfo>, found: List<TensorInfo>) {
        assertEquals(name, said.size, found.size)
        for ((a, b) in said zip found) {
            assertEquals(name, "${a.name} ${a.type} ${a.size}", "${b.name} ${b.type} ${b.size}")
            assertArrayEquals(name, a.shape, b.shape)
            assertEquals(name, a.quantization.scale, b.quantization.scale, 0f)
            assertEquals(name, a.quantization.zeroPoint, b.quantization.zeroPoint)
        }
    }

    @Test fun theFileAndTheInterpreterSayTheSame() {
        val types = HashSet<String>()
        for ((name, data) in networks()) {
            val found = GraphTensors(data, name)
            Kernels.engines.open(data, Setting(threads = 1)).use { engine ->
                same(name, engine.inputs, found.inputs)
                same(name, engine.outputs, found.outputs)
                for ((output, place) in found.signatureOutputs) {
                    assertEquals(name, engine.signatureOutput(output), place)
                }
                assertEquals(name, null, engine.signatureOutput("no such output"))
            }
            types += (found.inputs + found.outputs).map { it.type }
        }
        assertTrue("$types", types.containsAll(listOf("FLOAT32", "INT8")))
    }

    @Test fun namesOfSignaturesAreRead() {
        val named = networks().count { (name, data) -> GraphTensors(data, name).signatureOutputs.isNotEmpty() }
        assertTrue("$named", named > 0)
    }

    @Test fun aDamagedFileIsRefused() {
        val whole = networks().first().second
        val cut = whole.duplicate().apply { limit(capacity() / 2) }.slice()
        assertThrows(Refused::class.java) { GraphTensors(cut, "m") }
        assertThrows(Refused::class.java) { GraphTensors(ByteBuffer.allocate(4), "m") }
    }
}
