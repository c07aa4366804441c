package org.poseport.demo.core

/** All stages of a converted file, ready to find the keypoints of one person. */
class PoseModel(stages: List<Stage>, val name: String, val setting: Setting, engines: Engines) : AutoCloseable {
    val card = stages.first().card
    val spec = card.spec
    private val networks = ArrayList<Network>()

    /** The first stage's network. */
    val first get() = networks.first()

    init {
        try {
            stages.forEachIndexed { i, stage ->
                networks.add(Network(stage, if (i == 0) name else "$name: stage${i + 1}.tflite", engines, setting))
            }
        } catch (error: OutOfMemoryError) {
            close()
            throw Refused("$name: is too large for this phone's memory", Obstacle.MEMORY)
        } catch (error: Throwable) {
            close()
            throw error
        }
    }

    /** Keypoints of the person in a box: 3 x K, x and y in the picture's pixels and a score in [0, 1]. */
    fun predict(picture: Picture, box: Box, times: Times = Times()): DoubleArray {
        val matrix = crop(first, box)
        val inverse = matrix.inverse()
        var found = first.run(picture, matrix, times)
        for (k in 0 until spec.skeleton.size) {
            val (x, y) = found[3 * k] to found[3 * k + 1]
            found[3 * k] = inverse.x(x, y)
            found[3 * k + 1] = inverse.y(x, y)
        }
        for (network in networks.drop(1)) found = refined(network, picture, box, found, times)
        return found
    }

    /** Put the crop of a box into the first network's input. */
    fun show(picture: Picture, box: Box) = first.input.fill(picture, crop(first, box))

    private fun refined(
        network: Network,
        picture: Picture,
        box: Box,
        estimates: DoubleArray,
        times: Times,
    ): DoubleArray {
        val found = DoubleArray(estimates.size)
        Cascade.windows(network.spec, box, estimates).forEachIndexed { k, window ->
            val matrix = crop(network, window)
            Cascade.refine(estimates, k, network.run(picture, matrix, times), matrix.inverse(), found)
        }
        return found
    }

    private fun crop(network: Network, box: Box) =
        Affine.crop(box, network.spec.inputWidth, network.spec.inputHeight, network.spec.padding)

    override fun close() = networks.forEach { it.close() }
}
