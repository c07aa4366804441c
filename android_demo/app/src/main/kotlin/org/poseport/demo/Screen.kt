package org.poseport.demo

import android.app.Activity
import android.view.View
import android.widget.ImageButton
import android.widget.TextView

/** The views of the main screen, and what they say. Its window reaches behind the bars of the system. */
internal class Screen(private val activity: Activity) {
    val words = Words(activity)
    val pose: PoseView = activity.findViewById(R.id.pose)
    private val root: View = activity.findViewById(R.id.root)
    private val panel: View = activity.findViewById(R.id.panel)
    private val empty: View = activity.findViewById(R.id.empty)
    private val message: TextView = activity.findViewById(R.id.message)
    private val status: TextView = activity.findViewById(R.id.status)
    private val found: TextView = activity.findViewById(R.id.found)
    private val rate: TextView = activity.findViewById(R.id.rate)
    private val ran: TextView = activity.findViewById(R.id.ran)
    private var top = 0
    private var report: Report? = null

    init {
        behindTheBars()
        panel.addOnLayoutChangeListener { _, _, _, _, _, _, _, _, _ -> keepOffThePanel() }
        activity.findViewById<View>(R.id.report).setOnClickListener { report?.let(::showTimes) }
    }

    @Suppress("DEPRECATION") // what replaced these needs Android 11
    private fun behindTheBars() {
        root.systemUiVisibility = View.SYSTEM_UI_FLAG_LAYOUT_STABLE or View.SYSTEM_UI_FLAG_LAYOUT_FULLSCREEN or
            View.SYSTEM_UI_FLAG_LAYOUT_HIDE_NAVIGATION
        root.setOnApplyWindowInsetsListener { _, insets ->
            top = insets.systemWindowInsetTop
            val (left, right) = insets.systemWindowInsetLeft to insets.systemWindowInsetRight
            panel.setPadding(left, 0, right, insets.systemWindowInsetBottom)
            keepOffThePanel()
            insets
        }
    }

    /** A photo and the words of the empty screen are where nothing covers them; the camera is everywhere. */
    private fun keepOffThePanel() {
        for (view in listOf(pose, empty)) {
            view.setPadding(panel.paddingLeft, top, panel.paddingRight, panel.height)
        }
    }

    /** A sentence for the person; null takes it away. */
    fun say(what: String?) {
        message.text = what
        message.visibility = if (what.isNullOrEmpty()) View.GONE else View.VISIBLE
    }

    fun says(what: String) = message.text == what

    fun loading(name: String) {
        status.text = activity.getString(R.string.loading, words.model(name))
    }

    /** What runs, whom it found and how fast; null where nothing runs. */
    fun report(now: Report?) {
        report = now
        status.text = if (now == null) activity.getString(R.string.no_model) else words.title(now)
        show(found, now?.found?.let(words::found))
        show(rate, now?.let(words::rate))
        show(ran, now?.let(words::ran))
        empty.visibility = if (now == null) View.VISIBLE else View.GONE
    }

    private fun show(view: TextView, text: String?) {
        view.text = text
        view.visibility = if (text == null) View.GONE else View.VISIBLE
    }

    private fun showTimes(now: Report) {
        val sheet = Sheet(activity, activity.getString(R.string.times))
        val names = listOf(R.string.prepare, R.string.network, R.string.decode)
        for ((name, times) in names zip listOf(now.prepare, now.invoke, now.decode)) {
            sheet.row(activity.getString(name), words.parts(times))
        }
        sheet.show()
    }

    /** The button beside the cameras': a photo is chosen, or the camera comes back. */
    fun photoButton(shown: Boolean) {
        val (label, icon) = if (shown) R.string.live to R.drawable.ic_live else R.string.photo to R.drawable.ic_photo
        activity.findViewById<ImageButton>(R.id.photo).run {
            setImageResource(icon)
            contentDescription = activity.getString(label)
            tooltipText = contentDescription
        }
    }
}
