package org.poseport.demo

import android.os.Handler
import android.os.HandlerThread
import org.poseport.demo.core.Engines
import org.poseport.demo.core.Follower
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.PoseModel
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.people.Detector

/** The model that runs, on a thread of its own: a GPU delegate may only be used by the thread that made it. */
internal class Session(private val store: ModelStore, private val engines: Engines) {
    private val thread = HandlerThread("pose").apply { start() }
    val worker = Handler(thread.looper)

    /** What runs; belongs to the worker's thread, as all that follows here. */
    var follower: Follower? = null
        private set

    /**
     * Take another model or other hardware: the first of [names]. Where that is refused, the model that runs goes on;
     * where none runs, the next of them is tried. The one that runs is remembered, unless it is [asked] for by an
     * intent, which any app can send. Returns why the first one is not the one that runs, or why the detector does not.
     */
    fun load(names: List<String>, asked: String?, setting: Setting): Refused? {
        var refusal: Refused? = null
        for (name in names) {
            try {
                val model = PoseModel(store.read(name), name, setting, engines)
                follower?.close()
                follower = Follower(model, detector(setting) { refusal = refusal ?: it })
                if (name != asked) store.last = name
            } catch (refused: Refused) {
                refusal = refusal ?: refused
            }
            if (follower != null) break
        }
        return refusal
    }

    /** The person detector of this phone; null where there is none, or where it is refused, which is [told]. */
    private fun detector(setting: Setting, told: (Refused) -> Unit): Detector? = try {
        // on the CPU, whatever the pose network runs on
        val own = if (setting.hardware == Hardware.CPU) setting else Setting()
        store.detector()?.let { (spec, data) -> Detector(spec, data, ModelStore.DETECTOR, own, engines) }
    } catch (refused: Refused) {
        told(refused)
        null
    }

    /** What the model finds; null where there is none, or where its hardware gave up, which ends it and is [told]. */
    fun <T> find(told: (Refused) -> Unit, look: (Follower) -> T): T? {
        val now = follower ?: return null
        return try {
            look(now)
        } catch (refused: Refused) {
            close()
            told(refused)
            null
        }
    }

    private fun close() {
        follower?.close()
        follower = null
    }

    /** Close the model and end the thread, after what it is doing; from any thread. */
    fun end() {
        worker.post(::close)
        thread.quitSafely()
    }
}
