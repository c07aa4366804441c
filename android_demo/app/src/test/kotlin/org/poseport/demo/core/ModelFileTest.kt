package org.poseport.demo.core

import java.io.ByteArrayOutputStream
import java.nio.ByteBuffer
import java.security.MessageDigest
import java.util.Random
import java.util.zip.CRC32
import java.util.zip.ZipEntry
import java.util.zip.ZipOutputStream
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

/** Files that are read, and files that are refused with a sentence. */
class ModelFileTest {
    private val spec = """{"name": "m", "architecture": {"kind": "foreign", "source": ""},
        "skeleton": {"name": "two", "names": ["a", "b"],
        "flip_pairs": [], "limbs": [["a", "b"]], "sigmas": [1, 1], "torso": null, "head": null, "pcp_limbs": []},
        "input_hw": [32, 64], "output": {"kind": "coords", "score": "none"}, "refine": null}"""
    private val conversion = """{"recipe": "int8", "engine": "e", "weights_sha256": "0", "versions": {}}"""
    private val plainCard = """{"schema": 1, "spec": $spec, "conversion": $conversion, "later": []}"""
    private val flatbuffer = ByteArray(3000).also { Random(1).nextBytes(it); "TFL3".toByteArray().copyInto(it, 4) }

    private fun file(card: String = plainCard, packed: Boolean = false): ByteArray {
        val tail = ByteArrayOutputStream()
        ZipOutputStream(tail).use { zip ->
            val bytes = card.toByteArray()
            val entry = ZipEntry("poseport.json")
            if (!packed) {
                entry.method = ZipEntry.STORED
                entry.size = bytes.size.toLong()
                entry.crc = CRC32().apply { update(bytes) }.value
            }
            zip.putNextEntry(entry)
            zip.write(bytes)
            zip.closeEntry()
            val digest = MessageDigest.getInstance("SHA-256").digest(flatbuffer)
            zip.setComment(digest.joinToString("") { "%02x".format(it) })
        }
        return flatbuffer + moved(tail.toByteArray())
    }

    /** A zip as it must be behind the flatbuffer: its offsets count from the file's beginning. */
    private fun moved(zip: ByteArray): ByteArray {
        val data = ByteBuffer.wrap(zip).order(java.nio.ByteOrder.LITTLE_ENDIAN)
        val end = (zip.size - 22 downTo 0).first { data.getInt(it) == 0x06054b50 }
        val list = data.getInt(end + 16)
        data.putInt(list + 42, data.getInt(list + 42) + flatbuffer.size)
        data.putInt(end + 16, list + flatbuffer.size)
        return zip
    }

    private fun read(bytes: ByteArray) =
        ModelFile.stages(ByteBuffer.allocateDirect(bytes.size).put(bytes).apply { flip() }, "m.tflite")

    private fun why(bytes: ByteArray): String = assertThrows(Refused::class.java) { read(bytes) }.message!!

    private fun why(card: String) = why(file(card))

    @Test fun aCardIsRead() {
        for (packed in listOf(false, true)) {
            val card = read(file(packed = packed)).single().card
            val spec = card.spec
            val said = "${spec.name} ${card.recipe} ${spec.inputHeight}x${spec.inputWidth} ${spec.tensors}"
            assertEquals("m int8 32x64 [[1, 2, 2]]", said)
            assertEquals(listOf(0 to 1), card.spec.skeleton.limbs)
        }
    }

    @Test fun whatIsWrongIsSaid() {
        val wrong = mapOf(
            plainCard.replace("\"schema\": 1", "\"schema\": 2") to "newer poseport",
            plainCard.replace("\"spec\": {", "\"spec\": {\"kind\": \"detector\", ") to "finds people and no keypoints",
            plainCard.replace("\"schema\": 1, ", "") to "\"schema\" is missing",
            plainCard.replace("\"none\"", "\"maybe\"") to "\"maybe\" is not one of none, visibility, sigma",
            plainCard.replace("[32, 64]", "[32, 1000000000000]") to "input_hw",
            plainCard.replace("[32, 64]", "[32]") to "input_hw",
            plainCard.replace("\"flip_pairs\"", "\"flips\"") to "unknown key \"flips\"",
            plainCard.replace("\"sigmas\": [1, 1]", "\"sigmas\": [1, 0]") to "sigmas must be above 0",
            plainCard.replace("\"sigmas\": [1, 1]", "\"sigmas\": [1]") to "sigmas must be above 0",
            plainCard.replace("[[\"a\", \"b\"]]", "[[\"a\", \"c\"]]") to "limbs",
            plainCard.replace("\"later\": []", "\"later\": [], \"later\": []") to "there twice",
            plainCard.dropLast(1) to "not JSON",
            "[".repeat(100_000) to "nested too deep",
            "" to "not JSON",
            plainCard.replace("\"int8\"", "1e999") to "another type",
        )
        for ((card, said) in wrong) assertTrue("${why(card)} should say $said", said in why(card))
        assertTrue("is not a TFLite file" in why(ByteArray(100)))
        assertTrue("is not a TFLite file" in why(ByteArray(0)))
        assertTrue("no list of what it holds" in why(flatbuffer))
    }

    @Test fun twoThousandDamagedFiles() {
        val random = Random(2)
        val whole = file()
        var read = 0
        for (i in 0 until 2000) {
            val damaged = when (i % 4) {
                0 -> whole.copyOf(random.nextInt(whole.size))
                1 -> whole.clone().also { it[random.nextInt(it.size)] = random.nextInt().toByte() }
                2 -> whole.clone().also { bytes ->
                    val tail = bytes.size - flatbuffer.size
                    repeat(20) { bytes[flatbuffer.size + random.nextInt(tail)] = random.nextInt().toByte() }
                }
                else -> whole.clone().also { bytes ->
                    val at = random.nextInt(bytes.size - 64)
                    bytes.fill(0, at, at + 64)
                }
            }
            if (damaged.contentEquals(whole)) continue
            try {
                read(damaged)
                read++
            } catch (refused: Refused) {
                assertTrue(refused.message!!, refused.message!!.startsWith("m.tflite") && '\n' !in refused.message!!)
            }
        }
        // a few bytes of a zip mean nothing to a reader: dates, versions and attributes
        assertTrue("$read of 2000 damaged files were read", read < 20)
    }
}
