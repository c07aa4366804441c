package org.poseport.demo.core.people

import org.poseport.demo.core.Picture
import org.poseport.demo.core.Times

/**
 * Everyone in the camera's frames: the detector only in some of them, keypoints in every one, numbers, smoothing; the
 * toolkit's `people/film.py`.
 *
 * The detector runs in the first frame, then every [EVERY] frames, in the frame after somebody was lost, and when
 * frames change size. Unlike in the toolkit it also runs in every frame while nobody is followed: nothing else does
 * then, and whoever comes is seen at once.
 */
class Film(private val everyone: Everyone, clock: () -> Long = System::nanoTime) {
    private val tracks = Tracks(everyone.sigmas, maxOf(Tracks.SURE, everyone.unsure))
    private val smoother = Smoother(clock)
    private var since = EVERY
    private var size: Pair<Int, Int>? = null

    /** How many frames the detector saw. */
    var detected = 0
        private set

    /** The people of the next frame with their numbers. */
    fun next(picture: Picture, times: Times): Found {
        val now = picture.width to picture.height
        if (now != size) {
            tracks.clear()
            size = now
            since = EVERY
        }
        var people = tracks.next()
        var leftOut = 0
        if (since >= EVERY || tracks.lost || people.isEmpty()) {
            val all = detect(picture, people, times)
            people = all.take(MOST)
            leftOut = all.size - people.size
            since = 0
        }
        since++
        val poses = tracks.step(everyone.at(picture, people, times), picture.width, picture.height)
        return Found(smoother.smooth(poses), picture.width, picture.height, leftOut)
    }

    /** The detector's people, and, half as sure, those who are expected and that it does not see; best first. */
    private fun detect(picture: Picture, expected: List<Person>, times: Times): List<Person> {
        detected++
        val seen = everyone.detect(picture, times)
        val others = expected.filter { one -> seen.all { Centers.iou(one.box, it.box) < COVERED } }
        return (seen + others.map { Person(it.box, OVERLOOKED * it.score) }).sortedByDescending(Person::score)
    }

    companion object {
        /** Frames between two runs of the detector while nobody is lost. */
        const val EVERY = 10

        /** People in one frame: each costs one run of the pose network. */
        const val MOST = 6

        /** A person who is expected in a box is not among the detector's people if none overlaps it more. */
        private const val COVERED = 0.3

        /** How sure a person is whom the detector did not see, so that a mistake does not stay for ever. */
        private const val OVERLOOKED = 0.5
    }
}
