package org.poseport.demo

import android.app.Activity
import android.graphics.Bitmap
import org.poseport.demo.core.Picture
import org.poseport.demo.core.Skeleton
import org.poseport.demo.core.people.Found

/** Hands a picture with its skeletons to an app that the person chooses; belongs to the worker's thread. */
internal class Sharing(private val activity: Activity) {
    private var asked: ((Picture, Found) -> Unit)? = null

    fun photo(shown: Bitmap, found: Found, skeleton: Skeleton) =
        send(Photos.painted(shown, SkeletonPainter(skeleton), found, false))

    /** The next frame that [frame] gets, as the preview shows it. */
    fun nextFrame(skeleton: Skeleton, mirrored: Boolean) {
        asked = { frame, found ->
            send(Photos.painted(Photos.bitmap(frame, mirrored), SkeletonPainter(skeleton), found, mirrored))
        }
    }

    fun frame(frame: Picture, found: Found) {
        asked?.let { it(frame, found); asked = null }
    }

    private fun send(picture: Bitmap) {
        val intent = SharedPictures.intent(activity, picture)
        activity.runOnUiThread { activity.startActivity(intent) }
    }
}
