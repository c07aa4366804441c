package org.poseport.demo.core

/** What was found in one picture: 3 x K keypoints in its pixels, and how many of them count. */
class Found(val keypoints: DoubleArray, val width: Int, val height: Int, val sure: Int)

/**
 * One person, followed from picture to picture with one model. Everything happens on the thread that calls: a GPU
 * delegate may only be used by the thread that made it.
 */
class Follower(val model: PoseModel) : AutoCloseable {
    private var box: Box? = null
    val rate = Rate()
    val whole = Percentiles()
    val prepare = Percentiles()
    val invoke = Percentiles()
    val decode = Percentiles()

    /** Look at the next picture of a film. */
    fun next(picture: Picture): Found {
        val times = Times()
        val found = look(picture, box ?: Box.whole(picture.width, picture.height), times)
        box = Tracker.follow(found.keypoints, picture.width, picture.height, THRESHOLD)
        prepare.add(times.prepare)
        invoke.add(times.invoke)
        decode.add(times.decode)
        whole.add(times.prepare + times.invoke + times.decode)
        rate.count()
        return found
    }

    /** Look at a single picture: once at the whole of it, and once closer at who was found. */
    fun single(picture: Picture): Found {
        val whole = look(picture, Box.whole(picture.width, picture.height), Times())
        val closer = Tracker.follow(whole.keypoints, picture.width, picture.height, THRESHOLD) ?: return whole
        return look(picture, closer, Times())
    }

    private fun look(picture: Picture, box: Box, times: Times): Found {
        val keypoints = model.predict(picture, box, times)
        val sure = (0 until model.spec.skeleton.size).count { keypoints[3 * it + 2] >= THRESHOLD }
        return Found(keypoints, picture.width, picture.height, sure)
    }

    override fun close() = model.close()

    companion object {
        /** Keypoints that score less are neither drawn nor followed; the toolkit draws with the same. */
        const val THRESHOLD = 0.2
    }
}
