package org.poseport.demo

import android.app.Application
import android.os.Build
import java.io.File
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Assume.assumeTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.poseport.demo.core.Models
import org.poseport.demo.core.Refused
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import org.robolectric.util.ReflectionHelpers

/** Which file a name stands for: the one that is packed into the app, or one in the folder of models. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [35])
class ModelStoreTest {
    private val app: Application = RuntimeEnvironment.getApplication()
    private val store = ModelStore(app)
    private val folder = store.folder!!.apply { listFiles()!!.forEach { it.delete() } }
    private val packed = store.names()
    private val planted = Models().files.first { "hourglass.float32" in it.name }

    private fun on(release: Int) = ReflectionHelpers.setStaticField(Build.VERSION::class.java, "SDK_INT", release)

    @After fun backToTheRealRelease() = on(35)

    private fun spec(name: String) = store.read(name).first().card.spec.name

    /** Android 8 to 10: other apps can write into the folder. */
    @Test fun thePackedModelWinsWhereOtherAppsReachTheFolder() {
        assumeTrue("an app without a model of its own", packed.isNotEmpty())
        val name = packed.first()
        val own = spec(name)
        planted.copyTo(File(folder, name))
        planted.copyTo(File(folder, "0.tflite"))
        for (release in 26..29) {
            on(release)
            assertEquals(own, spec(name))
            assertEquals(packed + "0.tflite", store.names())
        }
        for (release in 30..36) {
            on(release)
            assertEquals("hourglass", spec(name))
            assertEquals((packed + "0.tflite").sorted(), store.names())
        }
    }

    @Test fun aNameLeadsToNoOtherFolder() {
        planted.copyTo(File(folder.parentFile, "outside.tflite"), overwrite = true)
        for (name in listOf("../outside.tflite", "/outside.tflite", "a/../../outside.tflite", ".tflite", "")) {
            val refused = assertThrows(Refused::class.java) { store.read(name) }
            assertTrue(refused.message!!, "is no name of a model" in refused.message!!)
        }
    }
}
