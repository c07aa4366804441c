package org.poseport.demo.core

import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Test

class RateTest {
    private var now = 0L
    private val rate = Rate { now }

    private fun pictures(count: Int, everyMs: Long) = repeat(count) { now += everyMs * 1_000_000; rate.count() }

    @Test fun theLastThirtyPicturesCountAndABreakBeginsAnew() {
        assertNull(rate.perSecond())
        pictures(1, 40)
        assertNull(rate.perSecond())
        pictures(10, 40)
        assertEquals(25.0, rate.perSecond()!!, 1e-9)
        pictures(30, 20)
        assertEquals(50.0, rate.perSecond()!!, 1e-9)
        pictures(1, 1001)
        assertNull(rate.perSecond())
        pictures(2, 100)
        assertEquals(10.0, rate.perSecond()!!, 1e-9)
    }
}
