package org.poseport.demo.core

import java.io.File
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel
import java.security.MessageDigest
import java.util.zip.CRC32
import java.util.zip.DataFormatException
import java.util.zip.Inflater
import org.poseport.demo.core.people.DetectorSpec

/** One network of a file: its card and its flatbuffer, direct memory as the interpreter wants it. */
class Stage(val card: Card, val data: ByteBuffer)

/**
 * A converted file: a TFLite flatbuffer followed by a zip that holds `poseport.json` and, of a cascade, the files of
 * its later stages. The zip's comment is the sha256 of the flatbuffer: a file that is not, to the last byte, what the
 * toolkit wrote never reaches the interpreter, which is native code.
 */
object ModelFile {
    private const val CARD = "poseport.json"
    private const val MAX_CARD_BYTES = 8 shl 20
    private const val MAX_ENTRIES = 64

    /** All stages of a file, first one first. Throws [Refused] with a sentence for whatever cannot be used. */
    fun read(file: File, name: String = file.name): List<Stage> = stages(map(file, name), name)

    /** The bytes of a file. */
    fun map(file: File, name: String): ByteBuffer = try {
        RandomAccessFile(file, "r").use { it.channel.map(FileChannel.MapMode.READ_ONLY, 0, it.length()) }
    } catch (error: IOException) {
        throw Refused("$name: cannot be read (${error.words()}); copy it again")
    }

    /** As [read], from memory. */
    fun stages(data: ByteBuffer, name: String): List<Stage> = try {
        val tail = Tail(data, name)
        val first = Stage(tail.card(), data)
        if (first.card.spec.refineBox != null) {
            throw Refused("$name: is a later stage without the first; convert the whole bundle again")
        }
        listOf(first) + first.card.laterSha256.mapIndexed { i, sha256 -> later(tail, name, i + 2, sha256, first) }
    } catch (error: OutOfMemoryError) {
        throw Refused("$name: is too large for this phone's memory", Obstacle.MEMORY)
    }

    /** The spec of a person detector, whose flatbuffer the data is. Throws [Refused] for whatever is none. */
    fun detector(data: ByteBuffer, name: String): DetectorSpec =
        DetectorSpec.parse(Tail(data, name).cardText(), "$name: $CARD")

    private fun later(tail: Tail, name: String, number: Int, sha256: String, first: Stage): Stage {
        val member = "stage$number.tflite"
        val bytes = tail.member(member, Int.MAX_VALUE)
        if (hex(bytes) != sha256) throw Refused("$name: $member is not the one that $CARD lists; convert it again")
        val card = Tail(bytes, "$name: $member").card()
        val alike = card.spec.skeleton.names == first.card.spec.skeleton.names
        if (card.spec.refineBox == null || card.laterSha256.isNotEmpty() || !alike) {
            throw Refused("$name: $member does not refine the keypoints of ${first.card.spec.name}; convert it again")
        }
        return Stage(card, bytes)
    }

    private fun hex(bytes: ByteBuffer): String {
        val digest = MessageDigest.getInstance("SHA-256")
        digest.update(bytes.duplicate())
        return digest.digest().joinToString("") { "%02x".format(it) }
    }

    private class Entry(
        val name: String,
        val method: Int,
        val packed: Long,
        val size: Long,
        val crc: Long,
        val offset: Long,
    )

    /** The zip at the end of some bytes. Every number in it is checked before it is followed. */
    private class Tail(data: ByteBuffer, private val name: String) {
        private val data = data.duplicate().order(ByteOrder.LITTLE_ENDIAN).apply { clear() }
        private val entries: List<Entry>

        init {
            if (this.data.limit() < 8 || this.data.getInt(4) != 0x334C4654) throw Refused("$name: is not a TFLite file")
            entries = directory()
        }

        fun cut(what: String): Nothing =
            throw Refused("$name: carries no readable $CARD ($what): not made by poseport convert, or cut off")

        /** The card, once the flatbuffer before the zip is known to be whole. */
        fun card(): Card = Card.parse(cardText(), "$name: $CARD")

        fun cardText(): String = try {
            Charsets.UTF_8.newDecoder().decode(member(CARD, MAX_CARD_BYTES)).toString()
        } catch (error: java.nio.charset.CharacterCodingException) {
            throw Refused("$name: its $CARD is not text; convert it again")
        }

        private fun directory(): List<Entry> {
            val end = (data.limit() - 22 downTo maxOf(0, data.limit() - 22 - 0xffff)).firstOrNull {
                data.getInt(it) == 0x06054b50 && it + 22 + u16(it + 20) == data.limit()
            } ?: cut("no list of what it holds")
            val count = u16(end + 10)
            var at = u32(end + 16)
            if (count !in 1..MAX_ENTRIES || at + u32(end + 12) != end.toLong()) cut("its list is damaged")
            val found = List(count) {
                if (at + 46 > end || data.getInt(at.toInt()) != 0x02014b50) cut("its list is damaged")
                val p = at.toInt()
                val length = u16(p + 28)
                at += 46L + length + u16(p + 30) + u16(p + 32)
                if (at > end) cut("its list is damaged")
                Entry(String(bytes(p + 46, length)), u16(p + 10), u32(p + 20), u32(p + 24), u32(p + 16), u32(p + 42))
            }
            val digest = String(bytes(end + 22, data.limit() - end - 22))
            val begin = found.minOf { it.offset }
            if (begin > end || digest != hex(slice(0, begin.toInt()))) {
                throw Refused("$name: is damaged: not the bytes that were written; copy or convert it again")
            }
            return found
        }

        /** A member's bytes in direct memory. limit: bytes that it may unpack to. */
        fun member(member: String, limit: Int): ByteBuffer {
            val entry = entries.singleOrNull { it.name == member }
                ?: throw Refused("$name: holds no $member; convert it with poseport")
            if (entry.size > minOf(limit, data.limit())) {
                throw Refused("$name: its $member is larger than one of ours; refused")
            }
            if (entry.offset + 30 > data.limit() || data.getInt(entry.offset.toInt()) != 0x04034b50) {
                cut("its $member is damaged")
            }
            val p = entry.offset.toInt()
            val from = p + 30L + u16(p + 26) + u16(p + 28)
            if (from + entry.packed > data.limit()) cut("its $member is cut off")
            val packed = slice(from.toInt(), entry.packed.toInt())
            val found = ByteBuffer.allocateDirect(entry.size.toInt()).order(ByteOrder.nativeOrder())
            when (entry.method) {
                0 -> if (entry.packed == entry.size) found.put(packed) else cut("its $member is damaged")
                8 -> inflate(packed, found)
                else -> cut("its $member is packed in an unknown way")
            }
            found.flip()
            val sum = CRC32().apply { update(found.duplicate()) }.value
            if (found.limit().toLong() != entry.size || sum != entry.crc) cut("its $member is damaged")
            return found
        }

        private fun inflate(packed: ByteBuffer, into: ByteBuffer) {
            val raw = ByteArray(packed.remaining()).also { packed.get(it) }
            val out = ByteArray(into.remaining())
            val inflater = Inflater(true)
            try {
                inflater.setInput(raw)
                into.put(out, 0, inflater.inflate(out))
            } catch (error: DataFormatException) {
                cut("it cannot be unpacked")
            } finally {
                inflater.end()
            }
        }

        private fun u16(at: Int) = data.getShort(at).toInt() and 0xffff

        private fun u32(at: Int) = data.getInt(at).toLong() and 0xffffffffL

        private fun slice(from: Int, length: Int): ByteBuffer =
            data.duplicate().apply { position(from); limit(from + length) }.slice()

        private fun bytes(from: Int, length: Int) = ByteArray(length).also { slice(from, length).get(it) }
    }
}
