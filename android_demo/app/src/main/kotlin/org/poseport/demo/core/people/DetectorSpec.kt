package org.poseport.demo.core.people

import org.poseport.demo.core.Card
import org.poseport.demo.core.Cells
import org.poseport.demo.core.Fields
import org.poseport.demo.core.Refused
import org.poseport.demo.core.Skeleton
import org.poseport.demo.core.Spec

/** A person detector: its input, and which of its boxes count; the toolkit's `people/detector_spec.py`. */
class DetectorSpec(
    val name: String,
    val inputHeight: Int,
    val inputWidth: Int,
    /** Input pixels per cell of the output. */
    val stride: Int,
    /** From which score on a box is somebody. */
    val threshold: Double,
    /** Of two boxes with a larger intersection over union, the one with the lower score is dropped. */
    val overlap: Double,
    /** The largest number of people in one picture. */
    val most: Int,
    val mean: DoubleArray,
    val std: DoubleArray,
    /** From which score on a box is worth a look by a pose network. */
    val lookFrom: Double,
) {
    val rows get() = inputHeight / stride
    val columns get() = inputWidth / stride

    /** What the interpreter must know: a network without keypoints, whose output is the numbers of the cells. */
    val network: Spec
        get() {
            val nothing = Skeleton("", emptyList(), emptyList(), null, DoubleArray(0))
            val cells = Cells(stride, CHANNELS)
            return Spec(name, "detector", nothing, inputHeight, inputWidth, cells, 1.0, mean, std, false, null, null)
        }

    companion object {
        /** Numbers of a cell: the centre's logit, x and y to the centre, logs of width and height, all in cells. */
        const val CHANNELS = 5
        private const val MAX_PEOPLE = 1000

        /** The spec of a detector's card; throws Refused for what this app cannot read, in whole or in part. */
        fun parse(text: String, where: String): DetectorSpec {
            val all = Card.fields(text, where)
            all.fields("conversion")
            return of(all.any("spec"), "$where: spec").also { all.done() }
        }

        /** A spec as plain JSON values; Refused for what this app cannot read, in whole or in part. */
        fun of(value: Any?, where: String): DetectorSpec {
            val f = Fields.of(value, where)
            if (f.any("skeleton") != null) {
                throw Refused("$where: finds keypoints and no people; expected a person detector")
            }
            f.choice("kind", "detector", "detector")
            f.skip("architecture")
            val size = f.list("input_hw").map { f.whole(it, "input_hw") }
            if (size.size != 2 || size.any { it !in 16..4096 }) f.fail("input_hw $size is not two sizes of 16 to 4096")
            val threshold = f.double("threshold", 0.3)
            val lookFrom = f.doubleOrNull("look_from") ?: threshold
            val spec = DetectorSpec(
                f.string("name"), size[0], size[1], f.whole(f.any("stride", 8L), "stride"), threshold,
                f.double("overlap", 0.6), f.whole(f.any("most", 100L), "most"), f.triple("mean", 0.0),
                f.triple("std", 255.0), minOf(lookFrom, threshold),
            )
            f.done()
            if (spec.stride < 1 || size.any { it % spec.stride != 0 }) f.fail("input_hw is no multiple of its stride")
            val counts = spec.threshold > 0 && spec.threshold < 1 && spec.overlap > 0 && spec.overlap <= 1
            if (!(lookFrom > 0 && lookFrom < 1)) f.fail("look_from must be from 0 to 1")
            if (!counts || spec.most !in 1..MAX_PEOPLE || spec.std.any { !(it > 0) }) {
                f.fail("threshold, overlap, most or std is out of range")
            }
            return spec
        }
    }
}
