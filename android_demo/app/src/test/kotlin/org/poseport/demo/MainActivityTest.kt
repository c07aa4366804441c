package org.poseport.demo

import android.app.Activity
import android.app.Application
import android.content.ComponentName
import android.content.Intent
import android.content.pm.PackageManager
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Color
import android.graphics.PorterDuff
import android.net.Uri
import android.os.Build
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.FileNotFoundException
import org.junit.Assert.assertEquals
import org.junit.Assert.assertFalse
import org.junit.Assert.assertNull
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.poseport.demo.core.Box
import org.poseport.demo.core.Card
import org.poseport.demo.core.Models
import org.poseport.demo.core.people.Found
import org.poseport.demo.core.people.Pose
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.annotation.GraphicsMode
import org.robolectric.shadows.ShadowDialog
import org.robolectric.shadows.ShadowLooper
import org.robolectric.util.ReflectionHelpers

/** The shipped Activity with the shipped manifest and resources, and real models on the real library. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
@GraphicsMode(GraphicsMode.Mode.NATIVE)
class MainActivityTest {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val models = Models()
    private val folder get() = ModelStore(app).folder!!

    @Before fun emptyFolder() {
        folder.listFiles()!!.forEach { it.delete() }
    }

    private fun put(recipe: String = "hourglass.float32", name: String = "first.tflite"): String {
        models.files.first { recipe in it.name }.copyTo(File(folder, name))
        return name
    }

    private fun start(work: (MainActivity) -> Unit) = control { work(it.get()) }

    private fun control(work: (ActivityController<MainActivity>) -> Unit) =
        Robolectric.buildActivity(MainActivity::class.java).use { work(it.setup()) }

    /** Until what was posted to the worker has come back to the screen. */
    private fun MainActivity.settle() = repeat(3) {
        shadowOf(worker.looper).idle()
        ShadowLooper.idleMainLooper()
    }

    private fun MainActivity.text(id: Int) = findViewById<TextView>(id).text.toString()

    @Test fun withoutAFileThePackedModelRunsOrItSaysWhereToPutOne() = start { activity ->
        activity.settle()
        val packed = ModelStore(app).names().firstOrNull()
        val empty = activity.findViewById<View>(R.id.empty).visibility == View.VISIBLE
        assertEquals(packed == null, empty)
        if (packed != null) assertTrue(activity.text(R.id.status).startsWith(Words(app).model(packed)))
        val asked = shadowOf(activity).lastRequestedPermission.requestedPermissions
        assertEquals("android.permission.CAMERA", asked.single())
    }

    @Test fun withoutThePermissionItSaysSoUntilThePermissionIsThere() {
        put()
        start { activity ->
            activity.settle()
            val camera = arrayOf("android.permission.CAMERA")
            activity.onRequestPermissionsResult(1, camera, intArrayOf(PackageManager.PERMISSION_DENIED))
            assertEquals(activity.getString(R.string.no_camera), activity.text(R.id.message))
            assertEquals(View.VISIBLE, activity.findViewById<View>(R.id.message).visibility)
            shadowOf(app).grantPermissions(*camera)
            activity.onRequestPermissionsResult(1, camera, intArrayOf(PackageManager.PERMISSION_GRANTED))
            assertEquals(View.GONE, activity.findViewById<View>(R.id.message).visibility)
        }
    }

    private fun MainActivity.choose(content: (Uri) -> ByteArray) {
        val uri = Uri.parse("content://gallery/1")
        shadowOf(contentResolver).registerInputStreamSupplier(uri) { content(uri).inputStream() }
        findViewById<View>(R.id.photo).performClick()
        val asked = shadowOf(this).nextStartedActivityForResult.intent
        assertEquals("image/*", asked.type)
        shadowOf(this).receiveResult(asked, Activity.RESULT_OK, Intent().setData(uri))
        settle()
    }

    @Test fun aPhotoComesFromTheGalleryAndOneThatIsNoneIsRefused() {
        put()
        start { activity ->
            activity.settle()
            activity.choose { "no picture".toByteArray() }
            assertTrue(activity.text(R.id.message), "no picture" in activity.text(R.id.message))
            val pixels = models.picture.pixels.map { it or (0xff shl 24) }.toIntArray()
            val bitmap = Bitmap.createBitmap(pixels, models.width, models.height, Bitmap.Config.ARGB_8888)
            val png = ByteArrayOutputStream().also { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }.toByteArray()
            activity.choose { png }
            val pose = activity.findViewById<PoseView>(R.id.pose)
            assertTrue(pose.contentDescription.toString(), FOUND.matches(pose.contentDescription))
        }
    }

    @Test fun otherHardwareIsChosenAndOneThatIsNotThereLeavesTheModelRunning() {
        put()
        start { activity ->
            activity.settle()
            activity.choose(R.id.run_on, "CPU, 1 thread")
            assertEquals("first · float32", activity.text(R.id.status))
            assertTrue(activity.text(R.id.ran), activity.text(R.id.ran).startsWith("CPU, 1 thread"))
            activity.choose(R.id.run_on, "GPU")
            val said = activity.text(R.id.message)
            assertTrue(said, "GPU" in said && "first.tflite goes on" in said)
            assertTrue(activity.text(R.id.ran), activity.text(R.id.ran).startsWith("CPU, 1 thread"))
        }
    }

    /** The rows of the panel that a button opens, as name and line. */
    private fun MainActivity.rows(button: Int): List<Pair<View, String>> {
        findViewById<View>(button).performClick()
        settle()
        val rows = ShadowDialog.getLatestDialog().findViewById<ViewGroup>(R.id.rows)
        return (1 until rows.childCount).map { rows.getChildAt(it) }.map { row ->
            row to listOf(R.id.name, R.id.about).joinToString(": ") { row.findViewById<TextView>(it).text }
        }
    }

    private fun MainActivity.choose(button: Int, name: String) {
        rows(button).single { it.second.startsWith("$name: ") }.first.performClick()
        repeat(2) { settle() }
    }

    @Test fun nnapiIsOfferedUpToAndroid14() {
        put()
        start { activity ->
            activity.settle()
            fun offered() = activity.rows(R.id.run_on).map { it.second.substringBefore(":") }
            val always = listOf("CPU, 1 thread", "CPU, 2 threads", "CPU, 4 threads", "GPU")
            assertEquals(always, offered())
            try {
                ReflectionHelpers.setStaticField(Build.VERSION::class.java, "SDK_INT", 34)
                assertEquals(always + "NNAPI", offered())
            } finally {
                ReflectionHelpers.setStaticField(Build.VERSION::class.java, "SDK_INT", 35)
            }
        }
    }

    @Test fun theModelsAreListedWithWhatTheyAreOrWhyTheyCannotBeUsed() {
        put()
        File(folder, "torn.tflite").writeBytes(File(folder, "first.tflite").readBytes().copyOf(5000))
        start { activity ->
            activity.settle()
            val rows = activity.rows(R.id.model)
            val (first, about) = rows.single { it.second.startsWith("first: ") }
            assertTrue(about, Regex("first: 13\\d kB · float32 · 64 × 64 pixels, 17 keypoints").matches(about))
            assertTrue(first.isSelected)
            assertTrue(rows.single { it.second.startsWith("torn: ") }.second.startsWith("torn: carries no readable"))
            assertEquals("Add a model from this phone", rows.last().second.substringBefore(":"))
        }
    }

    @Test fun aModelOfThePhoneIsAddedAndOneThatIsNoneIsNot() {
        put()
        start { activity ->
            activity.settle()
            val file = models.files.first { "coords.int8" in it.name }.readBytes()
            for (expected in listOf("model", "model-2")) {
                activity.add(file)
                assertEquals("$expected · int8", activity.text(R.id.status))
            }
            activity.add(file.copyOf(3000))
            assertTrue(activity.text(R.id.message), "carries no readable" in activity.text(R.id.message))
            assertEquals("model-2 · int8", activity.text(R.id.status))
            assertEquals(setOf("first.tflite", "model.tflite", "model-2.tflite"), folder.list()!!.toSet())
        }
    }

    private fun MainActivity.add(content: ByteArray) {
        val uri = Uri.parse("content://files/1")
        shadowOf(contentResolver).registerInputStreamSupplier(uri) { content.inputStream() }
        choose(R.id.model, "Add a model from this phone")
        receive(uri)
        settle()
    }

    private fun MainActivity.receive(uri: Uri) {
        val asked = shadowOf(this).nextStartedActivityForResult.intent
        shadowOf(this).receiveResult(asked, Activity.RESULT_OK, Intent().setData(uri))
        settle()
    }

    @Test fun aPhotoIsShownWithItsSkeletonAndShared() {
        put()
        start { activity ->
            activity.settle()
            val status = activity.text(R.id.status)
            assertEquals("first · float32", status)
            assertEquals("CPU, 2 threads", activity.text(R.id.ran))
            val pixels = models.picture.pixels.map { it or (0xff shl 24) }.toIntArray()
            val bitmap = Bitmap.createBitmap(pixels, models.width, models.height, Bitmap.Config.ARGB_8888)
            activity.look(bitmap)
            activity.settle()
            val pose = activity.findViewById<PoseView>(R.id.pose)
            assertTrue(pose.contentDescription.toString(), FOUND.matches(pose.contentDescription))
            activity.findViewById<View>(R.id.share).performClick()
            activity.settle()
            val chosen = shadowOf(activity).nextStartedActivity
            assertEquals(Intent.ACTION_CHOOSER, chosen.action)
            val spec = mapOf(
                "name" to "m", "architecture" to mapOf("kind" to "foreign"), "skeleton" to STICK,
                "input_hw" to listOf(64L, 64L), "output" to mapOf("kind" to "coords"),
            )
            val keypoints = doubleArrayOf(180.0, 60.0, 1.0, 150.0, 140.0, 1.0, 210.0, 140.0, 1.0, 300.0, 20.0, 0.1)
            val drawn = Pose(keypoints, Box.whole(models.width, models.height), 0.8)
            val found = Found(listOf(drawn), models.width, models.height)
            pose.show(found, Card.spec(spec, "stick").skeleton, photo = bitmap)
            picture(activity, "photo")
        }
    }

    @Test fun aRefusedModelLeavesTheLastGoodOneRunning() {
        put()
        File(folder, "torn.tflite").writeBytes(File(folder, "first.tflite").readBytes().copyOf(5000))
        control { controller ->
            val activity = controller.get()
            activity.settle()
            controller.newIntent(Intent().putExtra("model", "torn.tflite"))
            activity.settle()
            val said = activity.text(R.id.message)
            assertTrue(said, said.startsWith("torn.tflite") && "first.tflite goes on" in said)
            assertEquals("first.tflite", ModelStore(app).last)
        }
    }

    @Test fun aRefusedModelAtTheStartGivesWayToTheNext() {
        put(name = "second.tflite")
        File(folder, "first.tflite").writeBytes(File(folder, "second.tflite").readBytes().copyOf(5000))
        start { activity ->
            activity.settle()
            val said = activity.text(R.id.message)
            assertTrue(said, said.startsWith("first.tflite") && "second.tflite goes on" in said)
            assertTrue(activity.text(R.id.status).startsWith("second · "))
        }
    }

    @Test fun everyModelIsTaken() {
        for (file in models.files.filter { "mixed-16x8" !in it.name }) { // those are too new for this runtime
            put(file.name, "one.tflite")
            start { activity ->
                activity.settle()
                assertEquals(file.name, View.GONE, activity.findViewById<View>(R.id.message).visibility)
            }
            File(folder, "one.tflite").delete()
        }
    }

    @Test fun nothingLeavesThePhone() {
        val manager = app.packageManager
        val asked = manager.getPackageInfo(app.packageName, PackageManager.GET_PERMISSIONS).requestedPermissions!!
        assertEquals(listOf("android.permission.CAMERA"), asked.toList())
        val bench = manager.getActivityInfo(ComponentName(app, BenchmarkActivity::class.java), 0)
        assertEquals("android.permission.DUMP", bench.permission)
        assertFalse(manager.getProviderInfo(ComponentName(app, SharedPictures::class.java), 0).exported)
    }

    @Test fun onlyTheSharedPictureIsHandedOut() {
        val provider = Robolectric.setupContentProvider(SharedPictures::class.java)
        for (path in listOf("/other.png", "/../files/models/first.tflite", "")) {
            val uri = Uri.parse("content://org.poseport.demo.pictures$path")
            assertThrows(FileNotFoundException::class.java) { provider.openFile(uri, "r") }
        }
        assertNull(provider.insert(Uri.EMPTY, null))
    }

    /** An address that was granted once reads neither the next picture nor, after it, its own. */
    @Test fun everySharedPictureHasAnAddressOfItsOwnThatEnds() {
        val provider = Robolectric.setupContentProvider(SharedPictures::class.java)
        val picture = Bitmap.createBitmap(8, 8, Bitmap.Config.ARGB_8888)
        @Suppress("DEPRECATION")
        fun address() = SharedPictures.intent(app, picture).getParcelableExtra<Intent>(Intent.EXTRA_INTENT)!!
            .getParcelableExtra<Uri>(Intent.EXTRA_STREAM)!!
        val first = address()
        provider.openFile(first, "r").close()
        val second = address()
        assertFalse("$first", first == second)
        provider.openFile(second, "r").close()
        assertThrows(FileNotFoundException::class.java) { provider.openFile(first, "r") }
        SharedPictures.end(app)
        assertThrows(FileNotFoundException::class.java) { provider.openFile(second, "r") }
    }

    @Test fun aModelThatAnIntentAsksForIsShownAndNotRemembered() {
        put()
        put(name = "second.tflite")
        control { controller ->
            val activity = controller.get()
            activity.settle()
            assertEquals("first.tflite", ModelStore(app).last)
            controller.newIntent(Intent().putExtra("model", "second.tflite"))
            activity.settle()
            assertTrue(activity.text(R.id.status), activity.text(R.id.status).startsWith("second · "))
            assertEquals("first.tflite", ModelStore(app).last)
        }
    }

    @Config(sdk = [35], qualifiers = "+night")
    @Test fun dark() = screen("dark")

    @Config(sdk = [35], fontScale = 2f)
    @Test fun largeText() = screen("large-text")

    @Config(sdk = [35], qualifiers = "+land")
    @Test fun onItsSide() = screen("landscape")

    /** Every button can be reached and says what it is. */
    private fun screen(name: String) {
        put()
        start { activity ->
            activity.settle()
            picture(activity, name)
            for (id in listOf(R.id.model, R.id.run_on, R.id.camera, R.id.photo, R.id.share)) {
                val button = activity.findViewById<View>(id)
                val words = button.contentDescription
                assertTrue("$name: $words", button.isClickable && words == button.tooltipText && words.isNotBlank())
            }
        }
    }

    private companion object {
        val FOUND = Regex("Nobody was found|1 person · \\d+ of 17 keypoints|\\d+ of 17 keypoints found")

        /** The last keypoint is unsure: neither it nor its limb is drawn. */
        val STICK = mapOf(
            "name" to "stick", "names" to listOf("nose", "left_hip", "right_hip", "left_wrist"),
            "limbs" to listOf(
                listOf("nose", "left_hip"), listOf("nose", "right_hip"), listOf("left_hip", "right_hip"),
                listOf("nose", "left_wrist"),
            ),
            "sigmas" to listOf(0.1, 0.1, 0.1, 0.1),
        )
    }

    /** The screen as a picture for people to look at. */
    private fun picture(activity: MainActivity, name: String) {
        val root = activity.window.decorView
        val bitmap = Bitmap.createBitmap(root.width, root.height, Bitmap.Config.ARGB_8888)
        Canvas(bitmap).run { root.draw(this); drawColor(Color.BLACK, PorterDuff.Mode.DST_OVER) }
        val folder = File(System.getProperty("screens")).apply { mkdirs() }
        File(folder, "$name.png").outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
    }
}
