package org.poseport.demo.core

/** The members of one JSON object: each is asked for once, and [done] refuses those that nobody asked for. */
internal class Fields(private val members: Map<*, *>, val where: String) {
    private val asked = HashSet<String>()

    fun fail(what: String): Nothing =
        throw Refused("$where: $what; convert it again with this app's version of poseport")

    fun any(key: String, default: Any? = null): Any? {
        asked.add(key)
        return members[key] ?: default
    }

    fun skip(vararg keys: String) {
        asked.addAll(keys)
    }

    fun done() {
        val unknown = members.keys.firstOrNull { it !in asked } ?: return
        fail("unknown key \"$unknown\"")
    }

    private inline fun <reified T> typed(key: String, value: Any?): T =
        value as? T ?: fail(if (value == null) "key \"$key\" is missing" else "$key is of another type")

    fun string(key: String, default: String? = null): String = typed(key, any(key, default))

    fun long(key: String): Long = typed(key, any(key))

    fun whole(value: Any?, key: String): Int {
        val number = typed<Long>(key, value)
        return if (number in -1_000_000..1_000_000) number.toInt() else fail("$key is out of range")
    }

    fun number(value: Any?, key: String): Double =
        typed<Number>(key, value).toDouble().also { if (!it.isFinite()) fail("$key is not a finite number") }

    fun double(key: String, default: Double): Double = number(any(key, default), key)

    fun doubleOrNull(key: String): Double? = any(key)?.let { number(it, key) }

    fun triple(key: String, default: Double): DoubleArray {
        val found = list(key, listOf(default, default, default)).map { number(it, key) }
        if (found.size != 3) fail("$key is not three numbers")
        return found.toDoubleArray()
    }

    fun choice(key: String, default: String?, vararg known: String): String {
        val value = typed<String>(key, any(key, default))
        if (value !in known) fail("$key \"${value.take(40)}\" is not one of ${known.joinToString()}")
        return value
    }

    fun list(key: String, default: List<Any?>? = null): List<Any?> = typed(key, any(key, default))

    fun listOrNull(key: String): List<Any?>? = any(key)?.let { typed(key, it) }

    fun strings(key: String): List<String> = list(key).map { typed(key, it) }

    fun fields(key: String): Fields = of(any(key), "$where: $key")

    fun fieldsOrNull(key: String): Fields? = any(key)?.let { of(it, "$where: $key") }

    companion object {
        fun of(value: Any?, where: String): Fields {
            val members = value as? Map<*, *> ?: throw Refused("$where: expected an object; convert it again")
            return Fields(members, where)
        }
    }
}
