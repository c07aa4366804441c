package org.poseport.demo.core.people

import org.poseport.demo.core.Box
import org.poseport.demo.core.Picture
import org.poseport.demo.core.Spec
import org.poseport.demo.core.Times

/** Finds where people are in a picture, best first. */
fun interface Detect {
    fun people(picture: Picture, times: Times): List<Person>
}

/** Finds the keypoints (3 x K, in the picture's pixels) of the person in a box. */
fun interface FindPose {
    fun keypoints(picture: Picture, box: Box, times: Times): DoubleArray
}

/** Everyone in single pictures: boxes, keypoints in each, and each person once; the toolkit's `people/everyone.py`. */
class Everyone(
    val sigmas: DoubleArray, private val detect: Detect, val unsure: Double = UNSURE,
    private val pose: FindPose,
) {
    /** The people of a single picture; unsure finds, of which most are nobody, are left out. */
    fun single(picture: Picture, times: Times): Found {
        val people = detect(picture, times)
        val poses = at(picture, people.take(MOST), times)
        // keypoints that are no numbers are the network's fault, of which one should see something
        val sure = poses.filter { pose -> pose.score >= unsure || pose.keypoints.any { !it.isFinite() } }
        return Found(sure, picture.width, picture.height, maxOf(0, people.size - MOST))
    }

    fun detect(picture: Picture, times: Times): List<Person> = detect.people(picture, times)

    /** The people in boxes, each of them once, best first. */
    fun at(picture: Picture, people: List<Person>, times: Times): List<Pose> {
        val poses = people.map { person ->
            val keypoints = pose.keypoints(picture, person.box, times)
            Pose(keypoints, person.box, person.score * Pose.mean(keypoints), person.score)
        }
        return Similarity.distinct(poses.sortedByDescending(Pose::score), sigmas, ONE_PERSON)
    }

    companion object {
        /** Two finds that are more alike are one person. */
        private const val ONE_PERSON = 0.5

        /** People in one photo: each costs one run of the pose network. */
        const val MOST = 20

        /** A find in a photo with a lower score is left out. */
        const val UNSURE = 0.11

        /** The same for a network, whose spec can say it; the scores of other people's have scales of their own. */
        fun leastScore(spec: Spec) = spec.leastScore ?: if (spec.family == "foreign") 0.0 else UNSURE
    }
}
