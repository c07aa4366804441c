package org.poseport.demo

import android.app.Activity
import android.app.Application
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.PorterDuff
import android.graphics.Rect
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import java.io.File
import kotlin.math.pow
import org.junit.Assert.assertEquals
import org.junit.Test
import org.junit.runner.RunWith
import org.poseport.demo.core.Box
import org.poseport.demo.core.Models
import org.poseport.demo.core.people.Film
import org.poseport.demo.core.people.Found
import org.poseport.demo.core.people.Pose
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import org.robolectric.shadows.ShadowDialog
import org.robolectric.shadows.ShadowLooper

/**
 * Every screen on a small phone, upright and on its side, light and dark, with text as it is, larger and twice as
 * large: what can be touched says what it is and is 48 dp large, text stands out from what is behind it (WCAG 2, 1.4.3)
 * and none of it is cut off. The screens are drawn into files too, for people to look at.
 */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class AccessibilityTest {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val faults = ArrayList<String>()

    @Test fun everyScreenInEveryForm() {
        val models = Models()
        val folder = File(app.getExternalFilesDir("models")!!, "").apply { listFiles()!!.forEach { it.delete() } }
        val model = models.files.first { "hourglass.float32" in it.name }
        model.copyTo(File(folder, "a-name-that-somebody-might-give.tflite"))
        File(folder, "another.tflite").writeBytes(ByteArray(100))
        for (form in listOf("w360dp-h640dp-port", "w640dp-h360dp-land")) {
            for (light in listOf("notnight", "night")) {
                for (scale in listOf(1f, 1.3f, 2f)) {
                    RuntimeEnvironment.setQualifiers("$form-$light-xhdpi")
                    RuntimeEnvironment.setFontScale(scale)
                    screens("${form.takeLast(4)}-$light-$scale")
                }
            }
        }
        assertEquals("", faults.distinct().joinToString("\n"))
    }

    private fun screens(form: String) {
        Robolectric.buildActivity(MainActivity::class.java).use { controller ->
            val activity = controller.setup().get()
            activity.settle()
            crowd(activity)
            look("main-$form", activity.window.decorView)
            for (id in listOf(R.id.model, R.id.run_on)) {
                activity.findViewById<View>(id).performClick()
                activity.settle()
                val dialog = ShadowDialog.getLatestDialog()
                look("${activity.resources.getResourceEntryName(id)}-$form", dialog.window!!.decorView)
                dialog.dismiss()
            }
            activity.findViewById<View>(R.id.report).performClick()
            look("times-$form", ShadowDialog.getLatestDialog().window!!.decorView)
            ShadowDialog.getLatestDialog().dismiss()
            controller.newIntent(android.content.Intent().putExtra("model", "another.tflite"))
            activity.settle()
            look("refused-$form", activity.window.decorView)
            activity.screen.say(null)
            activity.screen.report(null)
            look("empty-$form", activity.window.decorView)
        }
        val run = android.content.Intent(app, BenchmarkActivity::class.java).putExtra("run", "no-such-run")
        Robolectric.buildActivity(BenchmarkActivity::class.java, run).use { controller ->
            val activity = controller.setup().get()
            activity.await()
            ShadowLooper.idleMainLooper()
            look("benchmark-$form", activity.window.decorView)
        }
    }

    /** The longest line about people. */
    private fun crowd(activity: MainActivity) {
        val sure = DoubleArray(3 * 17) { 1.0 }
        val poses = List(Film.MOST) { Pose(sure, Box.whole(640, 480), 0.9) }
        activity.findViewById<TextView>(R.id.found).run {
            text = activity.screen.words.found(Found(poses, 640, 480, leftOut = 12))
            visibility = View.VISIBLE
        }
        activity.settle()
    }

    private fun MainActivity.settle() = repeat(3) {
        shadowOf(worker.looper).idle()
        ShadowLooper.idleMainLooper()
    }

    private fun look(screen: String, root: View) {
        val display = app.resources.displayMetrics
        if (root.width == 0 || root.isLayoutRequested) {
            val mode = if (root.context is Activity) View.MeasureSpec.EXACTLY else View.MeasureSpec.AT_MOST
            fun size(pixels: Int) = View.MeasureSpec.makeMeasureSpec(pixels, mode)
            root.measure(size(display.widthPixels), size(display.heightPixels))
            root.layout(0, 0, root.measuredWidth, root.measuredHeight)
        }
        // where the camera's preview is, a screen that is drawn in software is open; the panel lets some of it through
        val open = screen.substringBefore('-') in setOf("main", "refused", "empty")
        for (camera in if (open) listOf(Color.WHITE, Color.BLACK) else listOf(Color.BLACK)) {
            val drawn = Bitmap.createBitmap(root.width, root.height, Bitmap.Config.ARGB_8888)
            Canvas(drawn).run { root.draw(this); drawColor(camera, PorterDuff.Mode.DST_OVER) }
            if (camera == Color.BLACK) {
                val picture = File(System.getProperty("screens")).apply { mkdirs() }.resolve("$screen.png")
                picture.outputStream().use { drawn.compress(Bitmap.CompressFormat.PNG, 100, it) }
            }
            walk(root) { view ->
                faultsOf(view, root, drawn, display.density).forEach { faults.add("$screen: ${name(view)} $it") }
            }
        }
    }

    private fun faultsOf(view: View, root: View, drawn: Bitmap, density: Float): List<String> = buildList {
        if (view.isClickable || view.parent is android.widget.AbsListView) {
            if (view.contentDescription.isNullOrBlank() && words(view).isBlank()) add("has no label")
            val (w, h) = view.width / density to view.height / density
            if (w < 48 || h < 48) add("is $w x $h dp")
        }
        if (view !is TextView || view.text.isBlank()) return@buildList
        val path = Regex("/\\w+/").containsMatchIn(view.text) && view.id != R.id.how
        if (path) add("says a path: ${view.text}")
        val (lines, place) = view.layout to placeIn(root, view)
        val room = view.height - view.compoundPaddingTop - view.compoundPaddingBottom
        if (lines.height > room) add("is too low for ${view.lineCount} lines")
        fun cut(line: Int) = lines.getEllipsisCount(line) > 0 || lines.getLineMax(line) > lines.width + 1
        if ((0 until lines.lineCount).any(::cut)) add("is cut: ${view.text}")
        if (!scrolls(view) && !Rect(0, 0, root.width, root.height).contains(place)) {
            add("reaches over the screen: $place of ${root.width} x ${root.height}")
        }
        if (!place.intersect(0, 0, drawn.width, drawn.height)) return@buildList // scrolled away
        val pixels = IntArray(place.width() * place.height())
        drawn.getPixels(pixels, 0, place.width(), place.left, place.top, place.width(), place.height())
        val behind = pixels.asList().groupingBy { it }.eachCount().maxBy { it.value }.key
        val contrast = contrast(view.currentTextColor, behind)
        if (contrast < 4.5) add("has a contrast of %.1f".format(contrast))
    }

    /** What a reader of the screen would say of it. */
    private fun words(view: View): String = buildString { walk(view) { if (it is TextView) append(it.text) } }

    private fun walk(view: View, each: (View) -> Unit) {
        if (view.visibility != View.VISIBLE) return
        each(view)
        if (view is ViewGroup) for (i in 0 until view.childCount) walk(view.getChildAt(i), each)
    }

    private fun placeIn(root: View, view: View) = Rect(0, 0, view.width, view.height).also {
        (root as ViewGroup).offsetDescendantRectToMyCoords(view, it)
    }

    private fun scrolls(view: View): Boolean = generateSequence(view.parent) { it.parent }.any {
        it is android.widget.HorizontalScrollView || it is android.widget.ScrollView || it is android.widget.AbsListView
    }

    private fun name(view: View) =
        if (view.id > 0) view.resources.getResourceEntryName(view.id) else view.javaClass.simpleName

    private fun contrast(text: Int, behind: Int): Double {
        val alpha = Color.alpha(text) / 255.0
        fun over(channel: (Int) -> Int) = alpha * channel(text) + (1 - alpha) * channel(behind)
        val (a, b) = luminance(over(Color::red), over(Color::green), over(Color::blue)) to
            luminance(Color.red(behind).toDouble(), Color.green(behind).toDouble(), Color.blue(behind).toDouble())
        return (maxOf(a, b) + 0.05) / (minOf(a, b) + 0.05)
    }

    private fun luminance(red: Double, green: Double, blue: Double): Double {
        fun linear(level: Double): Double {
            val share = level / 255
            return if (share <= 0.04045) share / 12.92 else ((share + 0.055) / 1.055).pow(2.4)
        }
        return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue)
    }
}
