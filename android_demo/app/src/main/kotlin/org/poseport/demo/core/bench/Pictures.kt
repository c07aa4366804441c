package org.poseport.demo.core.bench

import org.poseport.demo.core.Box
import org.poseport.demo.core.PoseModel
import org.poseport.demo.core.Times
import org.poseport.demo.core.people.Detector
import org.poseport.demo.core.people.Everyone
import org.poseport.demo.core.people.Person
import org.poseport.demo.core.people.Pose

/** A person detector alone on whole pictures: mode "detector". */
internal class DetectorAlone(private val run: RunFolder, private val detector: Detector) : Subject {
    override val network get() = detector.network

    override fun first() = look(0).second.invoke

    override fun look(first: Int, count: Int): Looked {
        val all = List(count) { look(first + it) }
        return Looked(mapOf("boxes_xywhs" to all.map { flat(it.first) }) + nanoseconds(all.map { it.second }))
    }

    override fun time(warmUp: Int, repeat: Int): Map<String, Any?> {
        repeat(warmUp) { look(it % run.images.size) }
        return nanoseconds(List(repeat) { look(it % run.images.size).second })
    }

    private fun look(picture: Int): Pair<List<Person>, Times> {
        val times = Times()
        return detector.people(run.picture(run.images[picture]), times) to times
    }

    override fun close() = detector.close()
}

/** A whole picture, from the detector's input to everyone's keypoints: mode "pictures". */
internal class Chain(private val run: RunFolder, private val model: PoseModel, private val detector: Detector) :
    Subject {
    override val network get() = model.first
    private var boxes = emptyList<Person>()
    private var detected = 0L

    // the same steps as in a photo of the gallery, with a look at the clock when the detector is done
    private val everyone = Everyone(
        model.spec.skeleton.sigmas,
        { picture, times ->
            detector.people(picture, times).also {
                boxes = it
                detected = System.nanoTime()
            }
        },
        Everyone.leastScore(model.spec), model::predict,
    )

    private class Sample(val detect: Long, val people: Long, val boxes: List<Person>, val found: List<Pose>)

    private fun look(number: Int): Sample {
        val picture = run.picture(run.images[number % run.images.size])
        val begin = System.nanoTime()
        val found = everyone.single(picture, Times())
        val end = System.nanoTime()
        return Sample(detected - begin, end - detected, boxes, found.poses)
    }

    override fun first() = look(0).let { it.detect + it.people }

    override fun look(first: Int, count: Int): Looked {
        val all = List(count) { look(first + it) }
        val found = all.map { one -> one.found.map { sides(it.box) + it.keypoints.toList() } }
        return Looked(mapOf("boxes_xywhs" to all.map { flat(it.boxes) }, "found" to found))
    }

    override fun time(warmUp: Int, repeat: Int): Map<String, Any?> {
        repeat(warmUp, ::look)
        val all = List(repeat, ::look)
        return mapOf(
            "detect_ns" to all.map { it.detect }, "people_ns" to all.map { it.people },
            "boxes" to all.map { minOf(it.boxes.size, Everyone.MOST) }, "found" to all.map { it.found.size },
        )
    }

    override fun close() {
        model.close()
        detector.close()
    }
}

private fun sides(box: Box) = listOf(box.x, box.y, box.width, box.height)

/** x, y, width, height and score of each, one after another. */
private fun flat(people: List<Person>) = people.flatMap { sides(it.box) + it.score }
