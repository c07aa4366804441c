package org.poseport.demo

import android.content.Context
import android.text.format.Formatter
import org.poseport.demo.core.Card
import org.poseport.demo.core.Follower
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.Setting
import org.poseport.demo.core.people.Found

/** What the screens say of models, hardware and times. */
internal class Words(private val context: Context) {
    fun model(name: String) = name.removeSuffix(".tflite")

    fun title(report: Report): String = context.getString(R.string.named, model(report.name), report.recipe)

    fun setting(setting: Setting): String {
        if (setting.hardware != Hardware.CPU) return setting.hardware.label
        val (label, threads) = setting.hardware.label to setting.threads
        return context.resources.getQuantityString(R.plurals.threads, threads, label, threads)
    }

    fun about(setting: Setting): String = when (setting.hardware) {
        Hardware.CPU -> context.resources.getQuantityString(R.plurals.about_cpu, setting.threads, setting.threads)
        Hardware.GPU -> context.getString(R.string.about_gpu)
        Hardware.NNAPI -> context.getString(R.string.about_nnapi)
        Hardware.NPU -> context.getString(R.string.about_npu)
    }

    /** What ran the network, which need not be what was chosen. */
    fun ran(report: Report): String {
        val chosen = setting(report.setting)
        return when {
            report.setting.hardware == Hardware.CPU && report.delegated == true ->
                context.getString(R.string.ran_with, chosen, "XNNPACK")
            report.setting.hardware != Hardware.CPU && report.delegated == false ->
                context.getString(R.string.ran_without, chosen)
            else -> chosen
        }
    }

    /** How many people were found, and how many of their keypoints; somebody without a sure one is nobody. */
    fun found(found: Found): String {
        val sure = found.poses.map { it.sure(Follower.THRESHOLD) }.filter { it > 0 }
        if (sure.isEmpty()) return context.getString(R.string.nobody)
        val all = sure.size * (found.poses.first().keypoints.size / 3)
        if (!found.everyone) return context.getString(R.string.found, sure.sum(), all)
        val people = context.resources.getQuantityString(R.plurals.people, sure.size, sure.size, sure.sum(), all)
        return if (found.leftOut == 0) people else context.getString(R.string.left_out, people, found.leftOut)
    }

    /** How fast it is; null before the first picture. */
    fun rate(report: Report): String? {
        val median = milliseconds(report.median ?: return null)
        val rate = report.rate ?: return context.getString(R.string.median, median)
        return context.getString(R.string.rate, "%.0f".format(rate), median)
    }

    fun parts(times: Pair<Double, Double>?): String {
        if (times == null) return context.getString(R.string.not_run)
        return context.getString(R.string.median_and_90, milliseconds(times.first), milliseconds(times.second))
    }

    /** A line about a file: its size, recipe, input and keypoints. */
    fun about(bytes: Long, card: Card): String {
        val size = Formatter.formatShortFileSize(context, bytes)
        val spec = card.spec
        return context.getString(
            R.string.size_of, size, card.recipe, spec.inputWidth, spec.inputHeight, spec.skeleton.size,
        )
    }

    private fun milliseconds(nanoseconds: Double) = "%.1f".format(nanoseconds / 1e6)

    companion object {
        /** What can be chosen, of the hardware that the runtime reaches. */
        fun settings(hardware: List<Hardware>): List<Setting> =
            listOf(1, 2, 4).map { Setting(Hardware.CPU, it) } + (hardware - Hardware.CPU).map { Setting(it, 1) }
    }
}
