package org.poseport.demo

import android.Manifest
import android.app.Activity
import android.app.AlertDialog
import android.content.ActivityNotFoundException
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.os.Bundle
import android.os.Handler
import android.os.HandlerThread
import android.view.Surface
import android.view.TextureView
import android.view.View
import android.widget.Button
import android.widget.TextView
import org.poseport.demo.core.Follower
import org.poseport.demo.core.Found
import org.poseport.demo.core.Hardware
import org.poseport.demo.core.Percentiles
import org.poseport.demo.core.Picture
import org.poseport.demo.core.PoseModel
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting

/** The camera, or a photo, with the skeleton that a model finds in it. Models run on [worker]'s thread alone. */
class MainActivity : Activity(), TextureView.SurfaceTextureListener {
    private lateinit var store: ModelStore
    private lateinit var preview: TextureView
    private lateinit var pose: PoseView
    private lateinit var status: TextView
    private lateinit var message: TextView
    private val thread = HandlerThread("pose")
    internal lateinit var worker: Handler
        private set
    @Volatile private var feed: CameraFeed? = null
    private var front = false
    private var setting = Setting()
    private var photo: Bitmap? = null

    // these belong to the worker's thread
    private var follower: Follower? = null
    private var toShare: ((Picture, Found) -> Unit)? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        setContentView(R.layout.main)
        store = ModelStore(this)
        preview = findViewById(R.id.preview)
        pose = findViewById(R.id.pose)
        status = findViewById(R.id.status)
        message = findViewById(R.id.message)
        preview.surfaceTextureListener = this
        thread.start()
        worker = Handler(thread.looper)
        front = state?.getBoolean("front") ?: false
        setting = Setting(Hardware.entries[state?.getInt("hardware") ?: 0], state?.getInt("threads") ?: 2)
        findViewById<Button>(R.id.model).setOnClickListener { chooseModel() }
        findViewById<Button>(R.id.run_on).setOnClickListener { chooseHardware() }
        findViewById<Button>(R.id.camera).setOnClickListener { front = !front; live() }
        findViewById<Button>(R.id.photo).setOnClickListener { if (photo == null) pickPhoto() else live() }
        findViewById<Button>(R.id.share).setOnClickListener { share() }
        begin(intent)
        if (!allowed()) requestPermissions(arrayOf(Manifest.permission.CAMERA), CAMERA)
    }

    override fun onSaveInstanceState(state: Bundle) {
        super.onSaveInstanceState(state)
        state.putBoolean("front", front)
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
        if (all.isEmpty()) say(getString(R.string.no_model, store.folder?.path ?: "")) else load(all, asked)
    }

    /**
     * Take another model or other hardware: the first of [names]. Where that is refused, the model that runs goes on;
     * where none runs, the next of them is tried. The one that runs is remembered, unless it is [asked] for by an
     * intent, which any app can send.
     */
    private fun load(names: List<String>, asked: String? = null) {
        val wanted = setting
        status.text = getString(R.string.loading, names.first())
        worker.post {
            var refusal: Refused? = null
            for (name in names) {
                try {
                    val next = Follower(PoseModel(store.read(name), name, wanted, TfliteDelegates))
                    follower?.close()
                    follower = next
                    if (name != asked) store.last = name
                } catch (refused: Refused) {
                    refusal = refusal ?: refused
                }
                if (follower != null) break
            }
            val running = follower
            runOnUiThread {
                running?.let { setting = it.model.setting }
                val name = running?.model?.name
                say(refusal?.run { if (name == null) message else getString(R.string.goes_on, message, name) })
                if (running == null) status.text = "" else report(running)
                photo?.let(::look)
            }
        }
    }

    private fun chooseModel() {
        val names = store.names()
        if (names.isEmpty()) return say(getString(R.string.no_model, store.folder?.path ?: ""))
        val dialog = AlertDialog.Builder(this).setTitle(R.string.model)
        dialog.setItems(names.toTypedArray()) { _, i -> load(listOf(names[i])) }.show()
    }

    private fun chooseHardware() {
        val cpu = listOf(1, 2, 4).map { Setting(Hardware.CPU, it) }
        val settings = cpu + Hardware.entries.drop(1).map { Setting(it, 1) }
        val labels = settings.map(::label).toTypedArray()
        val builder = AlertDialog.Builder(this).setTitle(R.string.run_on)
        builder.setSingleChoiceItems(labels, settings.indexOf(setting)) { dialog, i ->
            dialog.dismiss()
            setting = settings[i]
            worker.post { follower?.model?.name?.let { runOnUiThread { load(listOf(it)) } } }
        }.show()
    }

    private fun label(setting: Setting): String {
        if (setting.hardware != Hardware.CPU) return setting.hardware.label
        return resources.getQuantityString(R.plurals.threads, setting.threads, setting.hardware.label, setting.threads)
    }

    /** What a model finds; null where there is none, or where its hardware gave up, which ends it. */
    private fun find(look: (Follower) -> Found): Found? {
        val now = follower ?: return null
        return try {
            look(now)
        } catch (refused: Refused) {
            now.close()
            follower = null
            runOnUiThread { say(refused.message) }
            null
        }
    }

    private fun onFrame(frame: Picture) {
        val found = find { it.next(frame) } ?: return
        val now = follower ?: return
        toShare?.let { it(frame, found); toShare = null }
        val mirrored = feed?.mirrored ?: false
        runOnUiThread {
            if (photo == null) {
                pose.show(found, now.model.spec.skeleton, mirrored)
                report(now)
            }
        }
    }

    private fun report(now: Follower) {
        fun pair(p: Percentiles): String {
            val (half, most) = p.at(50) to p.at(90)
            return if (half == null || most == null) "–" else "%.1f / %.1f".format(half / 1e6, most / 1e6)
        }
        status.text = getString(
            R.string.times, now.model.name, now.model.card.recipe, label(now.model.setting),
            pair(now.prepare), pair(now.invoke), pair(now.decode),
        )
    }

    private fun pickPhoto() {
        val pick = Intent(Intent.ACTION_GET_CONTENT).setType("image/*").addCategory(Intent.CATEGORY_OPENABLE)
        try {
            startActivityForResult(pick, PHOTO)
        } catch (error: ActivityNotFoundException) {
            say(error.message)
        }
    }

    override fun onActivityResult(request: Int, result: Int, data: Intent?) {
        val uri = data?.data
        if (request != PHOTO || result != RESULT_OK || uri == null) return
        worker.post {
            try {
                val bitmap = Photos.read(this, uri)
                runOnUiThread { look(bitmap) }
            } catch (refused: Refused) {
                runOnUiThread { say(refused.message) }
            }
        }
    }

    /** Find the person of a photo and show both instead of the camera. */
    fun look(bitmap: Bitmap) {
        photo = bitmap
        feed?.close()
        feed = null
        findViewById<Button>(R.id.photo).setText(R.string.live)
        pose.show(null, null, photo = bitmap)
        worker.post {
            val found = find { it.single(Photos.rgb(bitmap)) } ?: return@post
            val skeleton = follower?.model?.spec?.skeleton
            runOnUiThread { if (photo === bitmap) pose.show(found, skeleton, photo = bitmap) }
        }
    }

    private fun share() {
        val shown = photo
        worker.post {
            val now = follower
            if (now == null || (shown == null && feed == null)) {
                runOnUiThread { say(getString(R.string.nothing_to_share)) }
                return@post
            }
            val painter = SkeletonPainter(now.model.spec.skeleton)
            if (shown != null) {
                val found = find { it.single(Photos.rgb(shown)) } ?: return@post
                return@post send(Photos.painted(shown, painter, found.keypoints, false))
            }
            val mirrored = feed?.mirrored ?: false
            toShare = { frame, found ->
                send(Photos.painted(Photos.bitmap(frame, mirrored), painter, found.keypoints, mirrored))
            }
        }
    }

    private fun send(picture: Bitmap) {
        val intent = SharedPictures.intent(this, picture)
        runOnUiThread { startActivity(intent) }
    }

    private fun say(what: String?) {
        message.text = what
        message.visibility = if (what.isNullOrEmpty()) View.GONE else View.VISIBLE
    }

    private fun allowed() = checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED

    /** Show the camera, from the beginning. */
    private fun live() {
        photo = null
        feed?.close()
        feed = null
        pose.show(null, null)
        findViewById<Button>(R.id.photo).setText(R.string.photo)
        if (!allowed()) return say(getString(R.string.no_camera))
        if (message.text == getString(R.string.no_camera)) say(null)
        val texture = preview.surfaceTexture ?: return
        try {
            val next = CameraFeed(this, front, displayDegrees(), worker, ::onFrame) { why ->
                runOnUiThread { say(why) }
            }
            preview.setTransform(next.layout(preview.width, preview.height))
            next.open(texture)
            feed = next
        } catch (error: CameraAccessException) {
            say("${getString(R.string.no_camera)} (${error.message})")
        } catch (error: SecurityException) {
            say(getString(R.string.no_camera))
        }
    }

    @Suppress("DEPRECATION") // what replaced it needs Android 11
    private fun displayDegrees() = when (windowManager.defaultDisplay.rotation) {
        Surface.ROTATION_90 -> 90
        Surface.ROTATION_180 -> 180
        Surface.ROTATION_270 -> 270
        else -> 0
    }

    override fun onRequestPermissionsResult(request: Int, names: Array<String>, results: IntArray) {
        if (request == CAMERA) live()
    }

    override fun onResume() {
        super.onResume()
        if (photo == null && allowed()) live()
    }

    override fun onPause() {
        feed?.close()
        feed = null
        super.onPause()
    }

    override fun onDestroy() {
        worker.post { follower?.close(); follower = null }
        thread.quitSafely()
        if (isFinishing) SharedPictures.end(this)
        super.onDestroy()
    }

    override fun onSurfaceTextureAvailable(texture: SurfaceTexture, width: Int, height: Int) {
        if (photo == null && allowed()) live()
    }

    override fun onSurfaceTextureSizeChanged(texture: SurfaceTexture, width: Int, height: Int) {
        feed?.let { preview.setTransform(it.layout(width, height)) }
    }

    override fun onSurfaceTextureDestroyed(texture: SurfaceTexture) = true

    override fun onSurfaceTextureUpdated(texture: SurfaceTexture) = Unit

    private companion object {
        const val CAMERA = 1
        const val PHOTO = 2
    }
}
