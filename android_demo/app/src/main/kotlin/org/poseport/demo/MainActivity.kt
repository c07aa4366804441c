package org.poseport.demo

import android.Manifest
import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.os.Bundle
import android.view.View
import org.poseport.demo.core.Follower
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.Picture
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.people.Found

/** The camera, or a photo, with the skeletons that a model finds in it. */
class MainActivity : Activity() {
    private lateinit var store: ModelStore
    private lateinit var session: Session
    internal lateinit var screen: Screen
        private set
    private lateinit var camera: Viewfinder
    internal val worker get() = session.worker
    private val engines by lazy { phoneEngines(this) }
    private var setting = Setting()
    private var photo: Bitmap? = null
    private var sheet: Sheet? = null

    private val sharing = Sharing(this) // the worker's, as the next one
    private var reported = 0L

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.main)
        store = ModelStore(this)
        session = Session(store, engines)
        screen = Screen(this)
        camera = Viewfinder(this, findViewById(R.id.preview), worker, ::onFrame, screen::say)
        camera.front = state?.getBoolean("front") ?: false
        setting = Setting(Hardware.entries[state?.getInt("hardware") ?: 0], state?.getInt("threads") ?: 2)
        onClick(R.id.model, ::chooseModel)
        onClick(R.id.run_on, ::chooseHardware)
        onClick(R.id.camera) { camera.front = !camera.front; live() }
        onClick(R.id.photo) { if (photo == null) pick("image/*", PHOTO) else live() }
        onClick(R.id.share, ::share)
        onClick(R.id.add) { pick("*/*", MODEL) }
        begin(intent)
        if (!allowed()) requestPermissions(arrayOf(Manifest.permission.CAMERA), CAMERA)
    }

    private fun onClick(id: Int, act: () -> Unit) = findViewById<View>(id).setOnClickListener { act() }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean("front", camera.front)
        state.putInt("hardware", setting.hardware.ordinal)
        state.putInt("threads", setting.threads)
    }

    /** adb shell am start -n org.poseport.demo/.MainActivity --es model NAME.tflite */
    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        begin(intent)
    }

    private fun begin(intent: Intent) {
        val names = store.names()
        val asked = intent.getStringExtra("model")
        val wanted = listOfNotNull(asked, store.last?.takeIf { it in names })
        val all = (wanted + names).distinct()
        if (all.isEmpty()) screen.report(null) else load(all, asked)
    }

    /** As [Session.load], and what came of it on the screen. */
    private fun load(names: List<String>, asked: String? = null) {
        val wanted = setting
        screen.loading(names.first())
        worker.post {
            val refusal = session.load(names, asked, wanted)
            val report = session.follower?.let(::Report)
            runOnUiThread {
                report?.let { setting = it.setting }
                val name = report?.name
                screen.say(refusal?.run { if (name == null) message else getString(R.string.goes_on, message, name) })
                screen.report(report)
                photo?.let(::look)
            }
        }
    }

    private fun chooseModel() {
        worker.post {
            val running = session.follower?.model?.name
            val rows = store.names().map { it to store.about(it, screen.words) }
            runOnUiThread {
                open(R.string.model) {
                    for ((name, about) in rows) {
                        row(screen.words.model(name), about, name == running) { load(listOf(name)) }
                    }
                    row(getString(R.string.add_model), getString(R.string.add_about)) { pick("*/*", MODEL) }
                }
            }
        }
    }

    private fun chooseHardware() = open(R.string.run_on) {
        for (offered in Words.settings(engines.hardware)) {
            row(screen.words.setting(offered), screen.words.about(offered), offered == setting) {
                setting = offered
                worker.post { session.follower?.model?.name?.let { runOnUiThread { load(listOf(it)) } } }
            }
        }
    }

    private fun open(title: Int, fill: Sheet.() -> Unit) {
        if (isFinishing || isDestroyed) return
        sheet?.dismiss()
        sheet = Sheet(this, getString(title)).apply { fill(); show() }
    }

    private fun find(look: (Follower) -> Found): Found? = session.find(::gaveUp, look)

    private fun gaveUp(refused: Refused) = runOnUiThread {
        screen.report(null)
        screen.say(refused.message)
    }

    internal fun onFrame(frame: Picture) {
        val found = find { it.next(frame) } ?: return
        val now = session.follower ?: return
        sharing.frame(frame, found)
        val mirrored = camera.mirrored
        val skeleton = now.model.spec.skeleton
        // numbers that change with every picture cannot be read
        val report = if (System.nanoTime() - reported > REPORT_NS) Report(now) else null
        if (report != null) reported = System.nanoTime()
        runOnUiThread {
            if (photo == null) {
                screen.pose.show(found, skeleton, mirrored)
                report?.let(screen::report)
            }
        }
    }

    private fun pick(type: String, request: Int) {
        val pick = Intent(Intent.ACTION_GET_CONTENT).setType(type).addCategory(Intent.CATEGORY_OPENABLE)
        try {
            startActivityForResult(pick, request)
        } catch (error: ActivityNotFoundException) {
            screen.say(getString(R.string.no_picker))
        }
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data
        if (result != RESULT_OK || uri == null) return
        worker.post {
            try {
                if (request == MODEL) {
                    val name = store.add(uri)
                    runOnUiThread { load(listOf(name)) }
                } else if (request == PHOTO) {
                    val bitmap = Photos.read(this, uri)
                    runOnUiThread { look(bitmap) }
                }
            } catch (refused: Refused) {
                runOnUiThread { screen.say(refused.message) }
            }
        }
    }

    /** Find the people of a photo and show both instead of the camera. */
    fun look(bitmap: Bitmap) {
        photo = bitmap
        camera.close()
        screen.photoButton(shown = true)
        screen.pose.show(null, null, photo = bitmap)
        worker.post {
            val found = find { it.single(Photos.rgb(bitmap)) } ?: return@post
            val now = session.follower ?: return@post
            val report = Report(now)
            runOnUiThread {
                if (photo !== bitmap) return@runOnUiThread
                screen.pose.show(found, now.model.spec.skeleton, photo = bitmap)
                screen.report(report)
            }
        }
    }

    private fun share() {
        val shown = photo
        worker.post {
            val now = session.follower
            if (now == null || (shown == null && !camera.isOpen)) {
                runOnUiThread { screen.say(getString(R.string.nothing_to_share)) }
                return@post
            }
            val skeleton = now.model.spec.skeleton
            if (shown == null) return@post sharing.nextFrame(skeleton, camera.mirrored)
            find { it.single(Photos.rgb(shown)) }?.let { sharing.photo(shown, it, skeleton) }
        }
    }

    private fun allowed() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    /** Show the camera, from the beginning. */
    private fun live() {
        photo = null
        camera.close()
        screen.pose.show(null, null)
        screen.photoButton(shown = false)
        if (!allowed()) return screen.say(getString(R.string.no_camera))
        if (screen.says(getString(R.string.no_camera))) screen.say(null)
        camera.open()
    }

    override fun onRequestPermissionsResult(request: Int, names: Array<String>, results: IntArray) {
        if (request == CAMERA) live()
    }

    override fun onResume() {
        super.onResume()
        if (photo == null && allowed()) live()
    }

    override fun onPause() {
        camera.close()
        super.onPause()
    }

    override fun onDestroy() {
        sheet?.dismiss()
        session.end()
        if (isFinishing) SharedPictures.end(this)
        super.onDestroy()
    }

    private companion object {
        const val CAMERA = 1
        const val PHOTO = 2
        const val MODEL = 3
        const val REPORT_NS = 250_000_000L
    }
}
