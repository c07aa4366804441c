package org.poseport.demo.core

import org.poseport.demo.core.people.Detector
import org.poseport.demo.core.people.Everyone
import org.poseport.demo.core.people.Film
import org.poseport.demo.core.people.Found
import org.poseport.demo.core.people.Pose

/**
 * The people of pictures, found and followed from one to the next with one model: everyone where there is a detector,
 * the one who fills most of the picture where there is none. Everything happens on the thread that calls: a GPU
 * delegate may only be used by the thread that made it.
 */
class Follower(val model: PoseModel, private val detector: Detector? = null) : AutoCloseable {
    private val everyone = detector?.let {
        Everyone(model.spec.skeleton.sigmas, it, Everyone.leastScore(model.spec), model::predict)
    }
    private val film = everyone?.let(::Film)
    private var box: Box? = null
    val rate = Rate()
    val whole = Percentiles()
    val prepare = Percentiles()
    val invoke = Percentiles()
    val decode = Percentiles()

    /** Who was in the last picture; null before the first. */
    var found: Found? = null
        private set

    /** Look at the next picture of a film. Its times are those of everyone in it, and of the detector where it ran. */
    fun next(picture: Picture): Found {
        val times = Times()
        val now = film?.next(picture, times) ?: central(picture, times)
        prepare.add(times.prepare)
        invoke.add(times.invoke)
        decode.add(times.decode)
        whole.add(times.prepare + times.invoke + times.decode)
        rate.count()
        return now.also { found = it }
    }

    private fun central(picture: Picture, times: Times): Found {
        val pose = look(picture, box ?: Box.whole(picture.width, picture.height), times)
        box = follow(pose, picture)
        return one(pose, picture)
    }

    /** Look at a single picture; without a detector once at the whole of it, and once closer at who was found. */
    fun single(picture: Picture): Found {
        val now = everyone?.single(picture, Times()) ?: run {
            val first = look(picture, Box.whole(picture.width, picture.height), Times())
            one(follow(first, picture)?.let { look(picture, it, Times()) } ?: first, picture)
        }
        return now.also { found = it }
    }

    private fun look(picture: Picture, box: Box, times: Times): Pose {
        val keypoints = model.predict(picture, box, times)
        return Pose(keypoints, box, Pose.mean(keypoints))
    }

    private fun follow(pose: Pose, picture: Picture) =
        Tracker.follow(pose.keypoints, picture.width, picture.height, THRESHOLD)

    private fun one(pose: Pose, picture: Picture) =
        Found(listOf(pose), picture.width, picture.height, everyone = false)

    override fun close() {
        model.close()
        detector?.close()
    }

    companion object {
        /** Keypoints that score less are neither drawn nor followed; the toolkit draws with the same. */
        const val THRESHOLD = 0.2
    }
}
