package org.poseport.demo.core.people

import java.nio.ByteBuffer
import org.poseport.demo.core.Card
import org.poseport.demo.core.Engines
import org.poseport.demo.core.Network
import org.poseport.demo.core.Obstacle
import org.poseport.demo.core.Picture
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Setting
import org.poseport.demo.core.Stage
import org.poseport.demo.core.Times

/** A person detector that `poseport convert` wrote. Throws [Refused] for a file that cannot run here. */
class Detector(val spec: DetectorSpec, data: ByteBuffer, name: String, setting: Setting, engines: Engines) :
    Detect, AutoCloseable {
    val network = try {
        Network(Stage(Card(spec.network, "", emptyList()), data), name, engines, setting)
    } catch (error: OutOfMemoryError) {
        throw Refused("$name: is too large for this phone's memory", Obstacle.MEMORY)
    }

    override fun people(picture: Picture, times: Times): List<Person> {
        val begin = System.nanoTime()
        val box = Centers.letterbox(picture, spec.inputHeight, spec.inputWidth)
        times.prepare += System.nanoTime() - begin
        val output = network.run(box.picture, box.crop, times)
        val read = System.nanoTime()
        val people = Centers.decode(spec, output, box.matrix, spec.lookFrom)
        times.decode += System.nanoTime() - read
        return people
    }

    override fun close() = network.close()
}
