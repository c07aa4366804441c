package org.poseport.demo.core

/**
 * Strict JSON (RFC 8259) as plain values: Map, List, String, Double, Long, Boolean or null.
 *
 * A key that is there twice is an error, because two readers would disagree about it; nesting is bounded, because a
 * damaged file must not overflow the stack. Android's `org.json` does neither: it takes the last of two values, reads
 * text without quotes, and recurses without a limit.
 */
object Json {
    private const val MAX_DEPTH = 32

    /** The value of a text; throws [Refused], beginning with [where], for anything that is not JSON. */
    fun parse(text: String, where: String): Any? {
        val reader = Reader(text, where)
        val value = reader.value(0)
        reader.end()
        return value
    }

    /** JSON text of such values. Numbers that are not finite become null. */
    fun text(value: Any?): String = buildString { write(value) }

    private fun StringBuilder.write(value: Any?) {
        when (value) {
            is Map<*, *> -> group('{', '}', value.entries) { quote(it.key.toString()); append(": "); write(it.value) }
            is List<*> -> group('[', ']', value) { write(it) }
            is DoubleArray -> write(value.asList())
            is String -> quote(value)
            is Double -> append(if (value.isFinite()) value.toString() else "null")
            else -> append(value.toString())
        }
    }

    private fun <T> StringBuilder.group(open: Char, close: Char, items: Collection<T>, each: (T) -> Unit) {
        append(open)
        items.forEachIndexed { i, item ->
            if (i > 0) append(", ")
            each(item)
        }
        append(close)
    }

    private fun StringBuilder.quote(text: String) {
        append('"')
        for (c in text) {
            when {
                c == '"' || c == '\\' -> append('\\').append(c)
                c < ' ' -> append("\\u00").append("%02x".format(c.code))
                else -> append(c)
            }
        }
        append('"')
    }

    private class Reader(val text: String, val where: String) {
        var at = 0

        fun fail(what: String): Nothing = throw Refused("$where: not JSON ($what at character $at)")

        fun space() {
            while (at < text.length && text[at] in " \t\r\n") at++
        }

        fun end() {
            space()
            if (at < text.length) fail("something follows its end")
        }

        fun take(c: Char): Boolean {
            space()
            return (at < text.length && text[at] == c).also { if (it) at++ }
        }

        fun need(c: Char) {
            if (!take(c)) fail("expected '$c'")
        }

        fun value(depth: Int): Any? {
            if (depth > MAX_DEPTH) fail("nested too deep")
            space()
            if (at >= text.length) fail("it ends too early")
            return when (text[at]) {
                '{' -> members(depth)
                '[' -> items(depth)
                '"' -> string()
                't' -> word("true", true)
                'f' -> word("false", false)
                'n' -> word("null", null)
                else -> number()
            }
        }

        fun members(depth: Int): Map<String, Any?> {
            val found = LinkedHashMap<String, Any?>()
            need('{')
            if (take('}')) return found
            do {
                space()
                val key = string()
                need(':')
                val value = value(depth + 1)
                if (key in found) fail("key \"$key\" is there twice")
                found[key] = value
            } while (take(','))
            need('}')
            return found
        }

        fun items(depth: Int): List<Any?> {
            val found = ArrayList<Any?>()
            need('[')
            if (take(']')) return found
            do found.add(value(depth + 1)) while (take(','))
            need(']')
            return found
        }

        fun string(): String {
            need('"')
            val found = StringBuilder()
            while (true) {
                val c = text.getOrNull(at++) ?: fail("a text does not end")
                when {
                    c == '"' -> return found.toString()
                    c == '\\' -> found.append(escaped())
                    c < ' ' -> fail("a control character in a text")
                    else -> found.append(c)
                }
            }
        }

        fun escaped(): Char = when (val c = text.getOrNull(at++)) {
            '"', '\\', '/' -> c
            'b' -> '\b'
            'f' -> '\u000c'
            'n' -> '\n'
            'r' -> '\r'
            't' -> '\t'
            'u' -> {
                val digits = text.substring(at, minOf(at + 4, text.length))
                if (digits.length < 4 || digits.any { Character.digit(it, 16) < 0 }) fail("a wrong escape")
                at += 4
                digits.toInt(16).toChar()
            }
            else -> fail("a wrong escape")
        }

        fun <T> word(word: String, value: T): T {
            if (!text.startsWith(word, at)) fail("an unknown word")
            at += word.length
            return value
        }

        fun number(): Any {
            val start = at
            while (at < text.length && text[at] in "+-.0123456789eE") at++
            val digits = text.substring(start, at)
            if (!NUMBER.matches(digits)) fail("expected a value")
            return digits.toLongOrNull() ?: digits.toDouble()
        }
    }

    private val NUMBER = Regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")
}
