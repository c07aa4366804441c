package org.poseport.demo

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.util.Log
import android.view.WindowManager
import android.widget.TextView
import java.io.File
import kotlin.concurrent.thread
import org.poseport.demo.core.Bench
import org.poseport.demo.core.Refused

/**
 * Measures a run that lies in the app's folder `runs/ID`:
 *
 *     adb shell am start -n org.poseport.demo/.BenchmarkActivity --es run ID
 *
 * The log line `poseport: ID: done` or `poseport: ID: failed: ...` tells the computer, as the screen tells people.
 */
class BenchmarkActivity : Activity() {
    private lateinit var view: TextView
    private var worker: Thread? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        view = TextView(this)
        view.fitsSystemWindows = true
        view.textSize = 20f
        setContentView(view)
        measure(intent)
    }

    /** A run that is asked for while one is measured waits for nothing: it is refused. */
    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        measure(intent)
    }

    private fun measure(intent: Intent) {
        val id = intent.getStringExtra("run") ?: ""
        if (worker?.isAlive == true) return say(id, "failed: another run is being measured")
        if (!ID.matches(id)) return say(id, "failed: a run is named by up to 64 letters, digits and . _ -")
        val folder = getExternalFilesDir("runs")?.let { File(it, id) }
            ?: return say(id, "failed: the phone's storage is not there")
        say(id, "begins")
        worker = thread(name = "bench") {
            val said = try {
                val bench = Bench(folder, TfliteDelegates) { DeviceState.read(this) }
                bench.run { done, count -> say(id, "$done of $count") }
                "done"
            } catch (refused: Refused) {
                "failed: ${refused.message}"
            }
            say(id, said)
        }
    }

    private fun say(id: String, what: String) {
        Log.i("poseport", "$id: $what")
        runOnUiThread { view.text = "$id: $what" }
    }

    /** Wait until the run that was asked for is measured. */
    fun await() = worker?.join()

    private companion object {
        val ID = Regex("[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
    }
}
