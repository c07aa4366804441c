package org.poseport.demo.core

/** Pictures per second over the last ones; a break of more than a second begins anew. */
class Rate(private val clock: () -> Long = System::nanoTime) {
    private val moments = ArrayDeque<Long>()

    /** A picture is done. */
    fun count() {
        val now = clock()
        if (moments.isNotEmpty() && now - moments.last() > BREAK_NS) moments.clear()
        moments.addLast(now)
        if (moments.size > PICTURES + 1) moments.removeFirst()
    }

    /** Null before the second picture. */
    fun perSecond(): Double? {
        val spent = if (moments.size < 2) 0 else moments.last() - moments.first()
        return if (spent > 0) (moments.size - 1) * 1e9 / spent else null
    }

    private companion object {
        const val PICTURES = 30
        const val BREAK_NS = 1_000_000_000L
    }
}
