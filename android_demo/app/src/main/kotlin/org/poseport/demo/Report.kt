package org.poseport.demo

import org.poseport.demo.core.Follower
import org.poseport.demo.core.Percentiles
import org.poseport.demo.core.Setting
import org.poseport.demo.core.people.Found

/** What a model is, whom it found and how fast it was, at one moment: made by its thread, shown by the screen's. */
internal class Report(now: Follower) {
    val name = now.model.name
    val recipe = now.model.card.recipe
    val setting: Setting = now.model.setting
    val delegated: Boolean? = now.model.first.delegated
    val found: Found? = now.found
    val rate = now.rate.perSecond()
    val median = now.whole.at(50)
    val prepare = parts(now.prepare)
    val invoke = parts(now.invoke)
    val decode = parts(now.decode)

    /** The median and the 90th percentile in nanoseconds; null before anything ran. */
    private fun parts(samples: Percentiles): Pair<Double, Double>? {
        val (half, most) = samples.at(50) to samples.at(90)
        return if (half == null || most == null) null else half to most
    }
}
