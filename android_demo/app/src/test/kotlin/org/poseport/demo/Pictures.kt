package org.poseport.demo

import android.app.Application
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.Paint
import android.view.View
import java.io.File
import org.junit.Test
import org.junit.runner.RunWith
import org.poseport.demo.core.DrawnPeople
import org.poseport.demo.core.Json
import org.poseport.demo.core.Models
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import org.robolectric.shadows.ShadowDialog
import org.robolectric.shadows.ShadowLooper

/**
 * The pictures of docs/android.md, beside each other in two files. It asserts nothing, so it is no *Test: `make
 * pictures-android PHOTOS=folder` runs it, with astronaut.png and camera.png of scikit-image in that folder.
 */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class Pictures {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val models = Models()
    private val folder = ModelStore(app).folder!!.apply { listFiles()!!.forEach { it.delete() } }

    @Test fun pictures() {
        for (name in listOf("tiny.float32", "starter.mixed-float32", "accurate.mixed-float32")) {
            models.files.first { it.name == "$name.tflite" }.copyTo(File(folder, "$name.tflite"))
        }
        val upright = listOf(
            form("notnight", "port") { live(it) },
            form("night", "port", "accurate.mixed-float32") { photo(it, "astronaut.png") },
            form("notnight", "port") { sheet(it, R.id.model) },
            form("night", "port") { sheet(it, R.id.run_on) },
            bench(),
        )
        save("app.jpg", upright)
        val onSide = listOf(
            form("night", "land") { photo(it, "camera.png") },
            form("notnight", "land", "starter.mixed-float32") { two(it) },
        )
        save("app-landscape.jpg", onSide)
    }

    private fun form(
        light: String, side: String, model: String = "tiny.float32", draw: (MainActivity) -> Bitmap,
    ): Bitmap {
        val size = if (side == "port") "w360dp-h720dp" else "w720dp-h360dp"
        RuntimeEnvironment.setQualifiers("$size-$side-$light-xhdpi")
        val begin = Intent(app, MainActivity::class.java).putExtra("model", "$model.tflite")
        Robolectric.buildActivity(MainActivity::class.java, begin).use { controller ->
            shadowOf(app).grantPermissions("android.permission.CAMERA")
            val activity = controller.setup().get()
            activity.settle()
            return draw(activity)
        }
    }

    /** The drawn person as the camera would show and deliver it. */
    private fun live(activity: MainActivity): Bitmap {
        repeat(40) {
            activity.worker.post { activity.onFrame(models.picture) }
            activity.settle()
        }
        val screen = shot(activity.window.decorView)
        val pixels = models.picture.pixels.map { it or (0xff shl 24) }.toIntArray()
        val picture = Bitmap.createBitmap(pixels, models.width, models.height, Bitmap.Config.ARGB_8888)
        val whole = Bitmap.createBitmap(screen.width, screen.height, Bitmap.Config.ARGB_8888)
        val place = PoseView.placed(picture.width, picture.height, whole.width, whole.height, false, fill = true)
        Canvas(whole).run {
            drawBitmap(picture, place.apply { preTranslate(-0.5f, -0.5f) }, Paint(Paint.FILTER_BITMAP_FLAG))
            drawBitmap(screen, 0f, 0f, null)
        }
        return whole
    }

    private fun photo(activity: MainActivity, name: String): Bitmap {
        activity.look(BitmapFactory.decodeFile(File(System.getProperty("photos"), name).path))
        activity.settle()
        return shot(activity.window.decorView)
    }

    private fun two(activity: MainActivity): Bitmap {
        val people = DrawnPeople()
        val pixels = people.picture("two").pixels.map { it or (0xff shl 24) }.toIntArray()
        activity.look(Bitmap.createBitmap(pixels, people.width, people.height, Bitmap.Config.ARGB_8888))
        activity.settle()
        return shot(activity.window.decorView)
    }

    private fun sheet(activity: MainActivity, button: Int): Bitmap {
        val behind = live(activity)
        activity.findViewById<View>(button).performClick()
        activity.settle()
        val panel = ShadowDialog.getLatestDialog().window!!.decorView
        val atMost = View.MeasureSpec.makeMeasureSpec(behind.height, View.MeasureSpec.AT_MOST)
        panel.measure(View.MeasureSpec.makeMeasureSpec(behind.width, View.MeasureSpec.EXACTLY), atMost)
        panel.layout(0, 0, panel.measuredWidth, panel.measuredHeight)
        Canvas(behind).run {
            drawColor(Color.argb(150, 0, 0, 0))
            drawBitmap(shot(panel), 0f, (behind.height - panel.height).toFloat(), null)
        }
        return behind
    }

    private fun bench(): Bitmap {
        RuntimeEnvironment.setQualifiers("w360dp-h720dp-port-notnight-xhdpi")
        val run = File(app.getExternalFilesDir("runs"), "monday").apply { mkdirs() }
        val model = models.files.first { it.name == "coords.int8.tflite" }
        model.copyTo(File(run, model.name), overwrite = true)
        val input = models.expected(model).input
        File(run, "tensors.bin").outputStream().use { out -> repeat(PEOPLE) { out.write(input) } }
        val values = mapOf(
            "schema" to 1, "model" to model.name, "mode" to "tensors", "hardware" to "CPU", "threads" to 2,
            "count" to PEOPLE, "warm_up" to 1, "repeat" to 5,
        )
        File(run, "run.json").writeText(Json.text(values))
        val intent = Intent(app, BenchmarkActivity::class.java).putExtra("run", "monday")
        Robolectric.buildActivity(BenchmarkActivity::class.java, intent).use { controller ->
            val activity = controller.setup().get()
            activity.await()
            ShadowLooper.idleMainLooper()
            return shot(activity.window.decorView)
        }
    }

    private fun MainActivity.settle() = repeat(3) {
        shadowOf(worker.looper).idle()
        ShadowLooper.idleMainLooper()
    }

    private fun shot(root: View): Bitmap {
        val drawn = Bitmap.createBitmap(root.width, root.height, Bitmap.Config.ARGB_8888)
        root.draw(Canvas(drawn))
        return drawn
    }

    private fun save(name: String, screens: List<Bitmap>) {
        val width = screens.sumOf { it.width } + GAP * (screens.size - 1)
        val whole = Bitmap.createBitmap(width, screens[0].height, Bitmap.Config.ARGB_8888)
        val canvas = Canvas(whole).apply { drawColor(Color.WHITE) }
        var left = 0f
        for (screen in screens) {
            canvas.drawRect(left, 0f, left + screen.width, screen.height.toFloat(), Paint())
            canvas.drawBitmap(screen, left, 0f, null)
            left += screen.width + GAP
        }
        val half = Bitmap.createScaledBitmap(whole, width / 2, whole.height / 2, true)
        val file = File(System.getProperty("screens")).apply { mkdirs() }.resolve(name)
        file.outputStream().use { half.compress(Bitmap.CompressFormat.JPEG, 88, it) }
    }

    private companion object {
        const val PEOPLE = 64
        const val GAP = 24
    }
}
