package org.poseport.demo

import android.app.Activity
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.os.Handler
import android.view.Surface
import android.view.TextureView
import org.poseport.demo.core.Picture

/** The camera and its preview over the whole screen. Frames go to [onFrame] on the worker's thread. */
internal class Viewfinder(
    private val activity: Activity, private val preview: TextureView, private val worker: Handler,
    private val onFrame: (Picture) -> Unit, private val tell: (String) -> Unit,
) : TextureView.SurfaceTextureListener {
    @Volatile private var feed: CameraFeed? = null
    private var wanted = false
    var front = false

    init {
        preview.surfaceTextureListener = this
    }

    val isOpen get() = feed != null
    val mirrored get() = feed?.mirrored ?: false

    /** Show the camera from the beginning, as soon as its preview is there; the permission has been given. */
    fun open() {
        close()
        wanted = true
        val texture = preview.surfaceTexture ?: return
        try {
            val next = CameraFeed(activity, front, displayDegrees(), worker, onFrame) { why ->
                activity.runOnUiThread { tell(why) }
            }
            preview.setTransform(next.layout(preview.width, preview.height))
            next.open(texture)
            feed = next
        } catch (error: CameraAccessException) {
            tell(activity.getString(R.string.camera_fails))
        } catch (error: SecurityException) {
            tell(activity.getString(R.string.no_camera))
        }
    }

    fun close() {
        wanted = false
        feed?.close()
        feed = null
    }

    @Suppress("DEPRECATION") // what replaced it needs Android 11
    private fun displayDegrees() = when (activity.windowManager.defaultDisplay.rotation) {
        Surface.ROTATION_90 -> 90
        Surface.ROTATION_180 -> 180
        Surface.ROTATION_270 -> 270
        else -> 0
    }

    override fun onSurfaceTextureAvailable(texture: SurfaceTexture, width: Int, height: Int) {
        if (wanted) open()
    }

    override fun onSurfaceTextureSizeChanged(texture: SurfaceTexture, width: Int, height: Int) {
        feed?.let { preview.setTransform(it.layout(width, height)) }
    }

    override fun onSurfaceTextureDestroyed(texture: SurfaceTexture) = true

    override fun onSurfaceTextureUpdated(texture: SurfaceTexture) = Unit
}
