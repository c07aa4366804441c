package org.poseport.demo.core

import java.io.File
import java.lang.management.ManagementFactory
import java.nio.ByteBuffer
import org.junit.Test

/**
 * What the app's own code costs beside the network: processor time of this thread, all parts in turn, round by round.
 * It measures and asserts nothing, so it is no *Test: `make bench-android` runs it.
 */
class Speed {
    private val models = Models()
    private val clock = ManagementFactory.getThreadMXBean()

    /** The drawn picture, enlarged to what the camera is asked for: four thirds, 640 x 480. */
    private fun frame(): YuvImage {
        val (columns, rows) = 640 to 480
        val luma = ByteBuffer.allocateDirect(columns * rows)
        val chroma = ByteBuffer.allocateDirect(columns * rows / 2)
        for (y in 0 until rows) {
            for (x in 0 until columns) {
                val rgb = models.picture.pixels[y * models.height / rows * models.width + x * models.width / columns]
                val (red, green, blue) = listOf(rgb shr 16 and 255, rgb shr 8 and 255, rgb and 255)
                val light = 0.299 * red + 0.587 * green + 0.114 * blue
                luma.put(y * columns + x, light.toInt().toByte())
                val other = if (x % 2 == 0) (blue - light) / 1.772 else (red - light) / 1.402
                chroma.put(y / 2 * columns + x, (other + 128).toInt().toByte())
            }
        }
        val v = chroma.duplicate().run { position(1); slice() }
        return YuvImage(columns, rows, luma, columns, chroma, v, columns, 2, 90, false)
    }

    @Test fun cropAndDecoderBesideTheNetwork() {
        val stages = ModelFile.read(File(System.getProperty("models"), "tiny.int8.tflite"))
        PoseModel(stages, "tiny", Setting(threads = 1), Xnnpack.engines).use { model ->
            val frame = frame()
            val parts = mapOf<String, () -> Unit>(
                "invoke" to { model.first.invoke() },
                "decode" to { model.first.decode() },
                "photo" to { model.show(models.picture, Box.whole(models.width, models.height)) },
                "frame" to { model.show(frame, Box.whole(frame.width, frame.height)) },
                "close" to { model.show(frame, Box(150.0, 200.0, 130.0, 170.0)) },
            )
            val spent = parts.mapValues { ArrayList<Long>() }
            repeat(WARM_UP + ROUNDS) {
                for ((name, work) in parts) {
                    val begin = clock.currentThreadCpuTime
                    repeat(EACH) { work() }
                    spent[name]!!.add(clock.currentThreadCpuTime - begin)
                }
            }
            val median = spent.mapValues { (_, times) -> times.drop(WARM_UP).sorted()[ROUNDS / 2].toDouble() }
            for (name in listOf("photo", "frame", "close")) {
                val share = (median[name]!! + median["decode"]!!) / median["invoke"]!!
                val invoke = median["invoke"]!! / EACH / 1e6
                println("%-6s crop and decode: %.1f %% of an invoke of %.2f ms".format(name, 100 * share, invoke))
            }
        }
    }

    private companion object {
        const val WARM_UP = 80
        const val ROUNDS = 101
        const val EACH = 4
    }
}
