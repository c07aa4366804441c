package org.poseport.demo

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import android.util.Log
import android.view.View
import android.view.WindowManager
import android.widget.ProgressBar
import android.widget.TextView
import java.io.File
import kotlin.concurrent.thread
import org.poseport.demo.core.Refused
import org.poseport.demo.core.bench.Bench

/**
 * Measures a run that lies in the app's folder `runs/ID`:
 *
 *     adb shell am start -n org.poseport.demo/.BenchmarkActivity --es run ID
 *
 * The log line `poseport: ID: done` or `poseport: ID: failed: ...` tells the computer, as the screen tells people.
 */
class BenchmarkActivity : Activity() {
    private var worker: Thread? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        window.addFlags(WindowManager.LayoutParams.FLAG_KEEP_SCREEN_ON)
        setContentView(R.layout.bench)
        measure(intent)
    }

    /** A run that is asked for while one is measured waits for nothing: it is refused. */
    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        measure(intent)
    }

    private fun measure(intent: Intent) {
        val id = intent.getStringExtra("run") ?: ""
        if (worker?.isAlive == true) return log(id, "failed: another run is being measured")
        show(R.id.name, getString(R.string.run_called, id.take(64)))
        if (!ID.matches(id)) return fail(id, "a run is named by up to 64 letters, digits and . _ -")
        val folder = getExternalFilesDir("runs")?.let { File(it, id) }
            ?: return fail(id, "the phone's storage is not there")
        log(id, "begins")
        show(R.id.done, getString(R.string.begins))
        worker = thread(name = "bench") {
            try {
                val bench = Bench(folder, phoneEngines(this)) { DeviceState.read(this) }
                val words = Words(this)
                show(R.id.about, getString(R.string.named, words.model(bench.modelName), words.setting(bench.setting)))
                bench.run { done, count -> progress(id, done, count) }
                log(id, "done")
                show(R.id.done, getString(R.string.bench_done))
            } catch (refused: Refused) {
                fail(id, refused.message!!)
            }
        }
    }

    private fun progress(id: String, done: Int, count: Int) {
        log(id, "$done of $count")
        show(R.id.done, getString(R.string.of_people, done, count))
        runOnUiThread {
            findViewById<ProgressBar>(R.id.progress).run { max = count; progress = done }
        }
    }

    private fun fail(id: String, why: String) {
        log(id, "failed: $why")
        show(R.id.done, getString(R.string.bench_failed, why))
        runOnUiThread { findViewById<View>(R.id.progress).visibility = View.GONE }
    }

    private fun log(id: String, what: String) {
        Log.i("poseport", "$id: $what")
    }

    private fun show(view: Int, text: String) = runOnUiThread { findViewById<TextView>(view).text = text }

    /** Wait until the run that was asked for is measured. */
    fun await() = worker?.join()

    private companion object {
        val ID = Regex("[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
    }
}
