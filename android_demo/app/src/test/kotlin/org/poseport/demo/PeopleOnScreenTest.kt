package org.poseport.demo

import android.app.Application
import android.content.Intent
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.RectF
import android.view.View
import android.widget.TextView
import java.io.File
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.poseport.demo.core.DrawnPeople
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import org.robolectric.shadows.ShadowLooper

/** The shipped networks in the shipped Activity: two drawn people, nobody, and a phone without a detector. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class PeopleOnScreenTest {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val drawn = DrawnPeople()
    private val folder = ModelStore(app).folder!!

    @Before fun theShippedNetworks() {
        folder.listFiles()!!.forEach { it.delete() }
        drawn.model.copyTo(File(folder, drawn.model.name))
        drawn.detector.copyTo(File(folder, ModelStore.DETECTOR))
    }

    private fun start(work: (MainActivity) -> Unit) {
        val begin = Intent(app, MainActivity::class.java).putExtra("model", drawn.model.name)
        Robolectric.buildActivity(MainActivity::class.java, begin).use {
            val activity = it.setup().get()
            activity.settle()
            work(activity)
        }
    }

    private fun MainActivity.settle() = repeat(3) {
        shadowOf(worker.looper).idle()
        ShadowLooper.idleMainLooper()
    }

    private fun MainActivity.text(id: Int) = findViewById<TextView>(id).text.toString()

    private fun MainActivity.described() = findViewById<PoseView>(R.id.pose).contentDescription.toString()

    private fun bitmap(name: String): Bitmap {
        val pixels = drawn.picture(name).pixels.map { it or (0xff shl 24) }.toIntArray()
        return Bitmap.createBitmap(pixels, drawn.width, drawn.height, Bitmap.Config.ARGB_8888)
    }

    private fun MainActivity.shot(): IntArray {
        val view = findViewById<PoseView>(R.id.pose)
        val shown = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
        view.draw(Canvas(shown))
        val pixels = IntArray(view.width * view.height)
        shown.getPixels(pixels, 0, view.width, 0, 0, view.width, view.height)
        return pixels
    }

    /** Where the view shows the boxes of the people whom Python finds, and a little around them. */
    private fun MainActivity.places(): List<RectF> = findViewById<PoseView>(R.id.pose).run {
        val (w, h) = width - paddingLeft - paddingRight to height - paddingTop - paddingBottom
        val place = PoseView.placed(drawn.width, drawn.height, w, h, false)
        place.postTranslate(paddingLeft.toFloat(), paddingTop.toFloat())
        drawn.case("two").rows("found_xywh").map { (x, y, width, height) ->
            val (left, top) = (x - 0.2 * width).toFloat() to (y - 0.2 * height).toFloat()
            RectF(left, top, left + 1.4f * width.toFloat(), top + 1.4f * height.toFloat()).also(place::mapRect)
        }
    }

    @Test fun aPhotoOfTwoPeopleShowsTwoSkeletons() = start { activity ->
        val photo = bitmap("two")
        activity.look(photo)
        activity.settle()
        val said = activity.described()
        assertTrue(said, Regex("2 people · (2\\d|3[0-4]) of 34 keypoints").matches(said))
        assertEquals(said, activity.text(R.id.found))
        val (places, width) = activity.places() to activity.findViewById<View>(R.id.pose).width
        val counts = IntArray(places.size)
        var beside = 0
        picture(activity)
        val shown = activity.shot()
        activity.screen.pose.show(null, null, photo = photo)
        activity.shot().forEachIndexed { i, plain ->
            if (shown[i] == plain) return@forEachIndexed
            val (x, y) = (i % width).toFloat() to (i / width).toFloat()
            val inside = places.indices.filter { places[it].contains(x, y) }
            inside.forEach { counts[it]++ }
            if (inside.isEmpty()) beside++
        }
        assertTrue("${counts.toList()} pixels of skeletons", counts.all { it > 100 })
        assertEquals("pixels beside both people", 0, beside)
    }

    /** The screen as a picture for people to look at. */
    private fun picture(activity: MainActivity) {
        val root = activity.window.decorView
        val screen = Bitmap.createBitmap(root.width, root.height, Bitmap.Config.ARGB_8888)
        root.draw(Canvas(screen))
        val file = File(System.getProperty("screens")).apply { mkdirs() }.resolve("people.png")
        file.outputStream().use { screen.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }

    @Test fun aPhotoOfNobodySaysSo() = start { activity ->
        val photo = bitmap("nobody")
        activity.look(photo)
        activity.settle()
        assertEquals("Nobody was found", activity.text(R.id.found))
        assertEquals("Nobody was found", activity.described())
        val shown = activity.shot()
        activity.screen.pose.show(null, null, photo = photo)
        assertTrue(shown.contentEquals(activity.shot()))
    }

    private fun MainActivity.frame(name: String) {
        worker.post { onFrame(drawn.picture(name)) }
        settle()
    }

    @Test fun theCameraShowsEveryone() = start { activity ->
        activity.frame("two")
        assertTrue(activity.text(R.id.found), activity.text(R.id.found).startsWith("2 people · "))
        repeat(11) { activity.frame("two") }
        assertTrue(activity.described(), activity.described().startsWith("2 people · "))
        activity.frame("nobody")
        assertEquals("Nobody was found", activity.described())
    }

    @Test fun theDetectorIsNoModelToChoose() {
        assertFalse(ModelStore.DETECTOR in ModelStore(app).names())
        assertTrue(drawn.model.name in ModelStore(app).names())
    }

    @Test fun aDamagedDetectorIsSaidAndOnePersonIsFollowed() {
        File(folder, ModelStore.DETECTOR).writeBytes(drawn.detector.readBytes().copyOf(50_000))
        start { activity ->
            val said = activity.text(R.id.message)
            assertTrue(said, said.startsWith(ModelStore.DETECTOR) && "${drawn.model.name} goes on" in said)
            activity.frame("two")
            assertTrue(activity.described(), Regex("\\d+ of 17 keypoints found").matches(activity.described()))
            activity.look(bitmap("two"))
            activity.settle()
            assertTrue(activity.text(R.id.found), activity.text(R.id.found).endsWith("of 17 keypoints found"))
        }
    }
}
