package org.poseport.demo

import android.app.Activity
import android.app.Dialog
import android.view.Gravity
import android.view.View
import android.view.ViewGroup
import android.view.ViewGroup.LayoutParams
import android.widget.TextView

/** A panel at the bottom edge: a title, and rows of a name and a line about it. */
internal class Sheet(private val activity: Activity, title: String) {
    private val dialog = Dialog(activity, R.style.App_Sheet)
    private val rows: ViewGroup

    init {
        dialog.setContentView(R.layout.sheet)
        rows = dialog.findViewById(R.id.rows)
        rows.findViewById<TextView>(R.id.title).text = title
    }

    /** Add a row. chosen: it is marked. act: what touching it does, after the panel is gone; null: it only tells. */
    fun row(name: String, about: String, chosen: Boolean = false, act: (() -> Unit)? = null) {
        val row = activity.layoutInflater.inflate(R.layout.row, rows, false)
        row.findViewById<TextView>(R.id.name).text = name
        row.findViewById<TextView>(R.id.about).text = about
        row.findViewById<View>(R.id.mark).visibility = if (chosen) View.VISIBLE else View.INVISIBLE
        row.isSelected = chosen
        if (act != null) row.setOnClickListener { dismiss(); act() }
        rows.addView(row)
    }

    fun show() {
        val screen = activity.resources.displayMetrics
        val wide = screen.widthPixels > WIDEST_DP * screen.density
        val width = if (wide) (WIDEST_DP * screen.density).toInt() else LayoutParams.MATCH_PARENT
        dialog.window?.setGravity(Gravity.BOTTOM)
        dialog.window?.setLayout(width, LayoutParams.WRAP_CONTENT)
        dialog.show()
    }

    fun dismiss() = dialog.dismiss()

    private companion object {
        const val WIDEST_DP = 560
    }
}
