package org.poseport.demo.core.bench

import org.poseport.demo.core.Box
import org.poseport.demo.core.PoseModel
import org.poseport.demo.core.Times

/**
 * A pose network on people, of mode "tensors", whose input tensors were made elsewhere, or of mode "images" with whole
 * images and boxes. people: the latter's; null for tensors.
 */
internal class Persons(
    private val run: RunFolder, private val model: PoseModel, private val people: List<Pair<ImageEntry, Box>>?,
) : Subject {
    override val network get() = model.first

    override fun first(): Long {
        show(0)
        return invokeTime()
    }

    /** Put a person's input into the network. */
    private fun show(person: Int) {
        if (people != null) return people[person].let { (image, box) -> model.show(run.picture(image), box) }
        val size = model.first.input.buffer.capacity()
        model.first.input.buffer.run { rewind(); put(run.map("tensors.bin", person * size.toLong(), size.toLong())) }
    }

    private fun invokeTime(): Long {
        val begin = System.nanoTime()
        model.first.invoke()
        return System.nanoTime() - begin
    }

    override fun look(first: Int, count: Int): Looked {
        if (people != null) return lookAt(people.subList(first, first + count))
        val outputs = ArrayList<ByteArray>()
        val invoke = ArrayList<Long>()
        val keypoints = List(count) { i ->
            show(first + i)
            val begin = System.nanoTime()
            val output = model.first.invoke()
            invoke.add(System.nanoTime() - begin)
            outputs.add(ByteArray(output.remaining()).also { output.get(it) })
            model.first.decode()
        }
        return Looked(mapOf("invoke_ns" to invoke, "input_px" to keypoints), outputs)
    }

    private fun lookAt(some: List<Pair<ImageEntry, Box>>): Looked {
        val all = List(some.size) { Times() }
        val keypoints = some.mapIndexed { i, (image, box) -> model.predict(run.picture(image), box, all[i]) }
        return Looked(nanoseconds(all) + ("image_px" to keypoints))
    }

    override fun time(warmUp: Int, repeat: Int): Map<String, Any?> {
        show(0)
        repeat(warmUp) { model.first.invoke() }
        return mapOf("latency_ns" to List(repeat) { invokeTime() })
    }

    override fun close() = model.close()
}
