package org.poseport.demo

import android.annotation.SuppressLint
import android.content.Context
import android.graphics.ImageFormat
import android.graphics.Matrix
import android.graphics.RectF
import android.graphics.SurfaceTexture
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CaptureRequest
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.util.Size
import android.view.Surface
import org.poseport.demo.core.Picture
import org.poseport.demo.core.YuvImage

/** One camera: its preview goes to a texture, its frames to [onFrame] on the handler's thread, the newest one only. */
class CameraFeed(
    context: Context, private val front: Boolean, private val displayDegrees: Int, private val handler: Handler,
    private val onFrame: (Picture) -> Unit, private val onError: (String) -> Unit,
) : AutoCloseable {
    private val manager = context.getSystemService(CameraManager::class.java)
    private val id = choose()
    private val sensorDegrees = property(CameraCharacteristics.SENSOR_ORIENTATION) ?: 90
    private val size = sizes().minByOrNull { Math.abs(it.width * it.height - WANTED_PIXELS) } ?: Size(640, 480)
    private val reader = ImageReader.newInstance(size.width, size.height, ImageFormat.YUV_420_888, 2)
    @Volatile private var device: CameraDevice? = null
    @Volatile private var session: CameraCaptureSession? = null
    @Volatile private var closed = false

    /** A preview of a front camera is a mirror. */
    val mirrored = property(CameraCharacteristics.LENS_FACING) == CameraCharacteristics.LENS_FACING_FRONT

    /** By how much a frame must be turned clockwise to stand as the display does. */
    private val degrees = (if (mirrored) sensorDegrees + displayDegrees else sensorDegrees - displayDegrees).mod(360)

    private fun choose(): String {
        val ids = manager.cameraIdList
        val wanted = if (front) CameraCharacteristics.LENS_FACING_FRONT else CameraCharacteristics.LENS_FACING_BACK
        return ids.firstOrNull { manager.getCameraCharacteristics(it).get(CameraCharacteristics.LENS_FACING) == wanted }
            ?: ids.firstOrNull()
            ?: throw CameraAccessException(CameraAccessException.CAMERA_ERROR, "this phone has no camera")
    }

    private fun <T> property(key: CameraCharacteristics.Key<T>): T? = manager.getCameraCharacteristics(id).get(key)

    /** Sizes that frames and preview can both have; 4:3, as sensors are, so that both show the same. */
    private fun sizes(): List<Size> {
        val map = property(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP) ?: return emptyList()
        val preview = map.getOutputSizes(SurfaceTexture::class.java)?.toSet() ?: emptySet()
        val delivered = map.getOutputSizes(ImageFormat.YUV_420_888) ?: emptyArray()
        return delivered.filter { it in preview && 3 * it.width == 4 * it.height }
    }

    /** Begin; what goes wrong later is told to [onError]. Throws CameraAccessException or SecurityException. */
    @SuppressLint("MissingPermission")
    fun open(texture: SurfaceTexture) {
        texture.setDefaultBufferSize(size.width, size.height)
        val preview = Surface(texture)
        reader.setOnImageAvailableListener({ source -> source.acquireLatestImage()?.use(::deliver) }, handler)
        manager.openCamera(id, object : CameraDevice.StateCallback() {
            override fun onOpened(camera: CameraDevice) {
                device = camera
                if (closed) camera.close() else attempt { start(camera, preview) }
            }

            override fun onDisconnected(camera: CameraDevice) = fail("the camera was taken by another app")

            override fun onError(camera: CameraDevice, error: Int) = fail("the camera failed ($error)")
        }, handler)
    }

    @Suppress("DEPRECATION") // the call that replaced it needs Android 9
    private fun start(camera: CameraDevice, preview: Surface) {
        camera.createCaptureSession(listOf(preview, reader.surface), object : CameraCaptureSession.StateCallback() {
            override fun onConfigured(configured: CameraCaptureSession) {
                session = configured
                val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW)
                request.addTarget(preview)
                request.addTarget(reader.surface)
                request.set(CaptureRequest.CONTROL_AF_MODE, CaptureRequest.CONTROL_AF_MODE_CONTINUOUS_VIDEO)
                if (!closed) attempt { configured.setRepeatingRequest(request.build(), null, handler) }
            }

            override fun onConfigureFailed(configured: CameraCaptureSession) =
                fail("the camera cannot show and deliver this size")
        }, handler)
    }

    private inline fun attempt(work: () -> Unit) {
        try {
            work()
        } catch (error: CameraAccessException) {
            fail("the camera stopped (${error.message})")
        } catch (error: IllegalStateException) {
            fail("the camera was closed (${error.message})") // between two of its callbacks
        }
    }

    private fun fail(why: String) {
        if (!closed) onError(why)
        close()
    }

    private fun deliver(image: Image) {
        val (y, u, v) = image.planes
        // not mirrored: the person's left is what the network calls left, whatever the preview shows
        val frame = YuvImage(
            image.width, image.height, y.buffer, y.rowStride, u.buffer, v.buffer, u.rowStride, u.pixelStride,
            degrees, mirrored = false,
        )
        if (!closed) onFrame(frame)
    }

    /**
     * How a preview must be laid out to cover the given view. Unasked, Android stretches what stands upright on a phone
     * in its natural orientation over the view, mirrored for a front camera.
     */
    fun layout(width: Int, height: Int): Matrix {
        val onSide = sensorDegrees % 180 == 90
        val (naturalWidth, naturalHeight) = if (onSide) size.height to size.width else size.width to size.height
        val turned = displayDegrees % 180 == 90
        val (shownWidth, shownHeight) = if (turned) naturalHeight to naturalWidth else naturalWidth to naturalHeight
        val scale = maxOf(width / shownWidth.toFloat(), height / shownHeight.toFloat())
        val (w, h) = scale * naturalWidth to scale * naturalHeight
        return Matrix().apply {
            setRectToRect(RectF(0f, 0f, width.toFloat(), height.toFloat()), RectF(0f, 0f, w, h), Matrix.ScaleToFit.FILL)
            postTranslate((width - w) / 2, (height - h) / 2)
            postRotate(-displayDegrees.toFloat(), width / 2f, height / 2f)
        }
    }

    override fun close() {
        closed = true
        session?.close()
        device?.close()
        // behind the frame that is being looked at: closing frees the memory that it lies in
        handler.post { reader.close() }
    }

    private companion object {
        const val WANTED_PIXELS = 640 * 480
    }
}
