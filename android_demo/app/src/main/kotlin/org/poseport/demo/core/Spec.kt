package org.poseport.demo.core

/** What must be known to use a network; `PoseSpec` of the toolkit, as far as a phone needs it. */
class Spec(
    val name: String,
    val family: String,
    val skeleton: Skeleton,
    val inputHeight: Int,
    val inputWidth: Int,
    val output: Output,
    val padding: Double,
    val mean: DoubleArray,
    val std: DoubleArray,
    val bgr: Boolean,
    /** Of a later stage of a cascade: side of the square around an estimate, in torso diameters. */
    val refineBox: Double?,
    /** From which score on a find in a photo counts; null for the usual one, [people.Everyone.leastScore]. */
    val leastScore: Double?,
) {
    /** The output tensors that the app reads, in the order in which [OutputDecoder] takes them. */
    val tensors get() = output.tensors(inputHeight, inputWidth, skeleton.size)
}

/**
 * Keypoints by name, and the pairs of them that are joined by a line. torso: the pair that measures a person. sigmas:
 * the OKS constant of each keypoint.
 */
class Skeleton(
    val name: String, val names: List<String>, val limbs: List<Pair<Int, Int>>, val torso: Pair<Int, Int>?,
    val sigmas: DoubleArray,
) {
    val size get() = names.size
}

/** What travels inside a converted file as `poseport.json`. laterSha256: of the files of a cascade's later stages. */
class Card(val spec: Spec, val recipe: String, val laterSha256: List<String>) {
    companion object {
        private const val SCHEMA = 1L

        /** The card of a text; throws [Refused] for what this app cannot read, in whole or in part. */
        fun parse(text: String, where: String): Card {
            val all = fields(text, where)
            val conversion = all.fields("conversion")
            val card = Card(
                spec(all.any("spec"), "$where: spec"),
                conversion.string("recipe"),
                all.list("later", emptyList()).map { later(Fields.of(it, "$where: later")) },
            )
            // how it was made besides is for people, and grows from version to version
            all.done()
            return card
        }

        /** The members of a card's text, of a schema that this app reads. */
        internal fun fields(text: String, where: String): Fields {
            val all = Fields.of(Json.parse(text, where), where)
            val schema = all.long("schema")
            if (schema > SCHEMA) {
                val versions = "schema $schema, this app reads $SCHEMA"
                throw Refused("$where: made by a newer poseport ($versions); update the app")
            }
            if (schema < 1) throw Refused("$where: schema $schema does not exist")
            return all
        }

        private fun later(f: Fields): String {
            f.skip("name", "weights_sha256")
            return f.string("sha256").also { f.done() }
        }

        /** A spec alone, as plain JSON values. */
        fun spec(value: Any?, where: String): Spec {
            val f = Fields.of(value, where)
            if (f.any("kind") == "detector") {
                throw Refused("$where: finds people and no keypoints; choose a pose network")
            }
            val size = f.list("input_hw").map { f.whole(it, "input_hw") }
            if (size.size != 2 || size.any { it !in 16..4096 }) f.fail("input_hw $size is not two sizes of 16 to 4096")
            val skeleton = skeleton(f.fields("skeleton"))
            val architecture = f.fields("architecture")
            val spec = Spec(
                name = f.string("name"),
                family = architecture.string("kind"),
                skeleton = skeleton,
                inputHeight = size[0],
                inputWidth = size[1],
                output = output(f.fields("output")),
                padding = f.double("padding", 1.25),
                mean = f.triple("mean", 0.0),
                std = f.triple("std", 255.0),
                bgr = f.choice("channel_order", "rgb", "rgb", "bgr") == "bgr",
                refineBox = f.fieldsOrNull("refine")?.run { double("box_sigma", 2.0).also { done() } },
                leastScore = f.doubleOrNull("least_score"),
            )
            f.done()
            if (!(spec.padding > 0) || spec.std.any { !(it > 0) }) f.fail("padding and std must be above 0")
            if (spec.leastScore != null && spec.leastScore !in 0.0..1.0) f.fail("least_score must be 0 to 1")
            if (spec.output is Heatmaps && minOf(size[0], size[1]) < spec.output.stride) {
                f.fail("its stride is larger than its input")
            }
            if (spec.refineBox != null) checkRefine(spec, f)
            return spec
        }

        private fun checkRefine(spec: Spec, f: Fields) {
            if (!(spec.refineBox!! > 0) || spec.output !is Coords || spec.output.scored) {
                f.fail("a stage that refines has coordinates as output")
            }
            if (spec.skeleton.torso == null) f.fail("a stage that refines needs a torso pair")
        }

        private fun skeleton(f: Fields): Skeleton {
            val names = f.strings("names")
            if (names.isEmpty() || names.size > 512 || names.toSet().size != names.size) {
                f.fail("names must be unique and not empty")
            }
            fun pair(value: Any?, key: String): Pair<Int, Int> {
                val ends = (value as? List<*>)?.map { names.indexOf(it) }
                if (ends == null || ends.size != 2 || ends.any { it < 0 }) {
                    f.fail("$key holds what is not two of its keypoints")
                }
                return ends[0] to ends[1]
            }
            val found = Skeleton(
                f.string("name"), names, f.list("limbs").map { pair(it, "limbs") },
                f.listOrNull("torso")?.let { pair(it, "torso") },
                f.list("sigmas").map { f.number(it, "sigmas") }.toDoubleArray(),
            )
            if (found.sigmas.size != found.size || found.sigmas.any { !(it > 0) }) {
                f.fail("sigmas must be above 0, one for each keypoint")
            }
            f.skip("flip_pairs", "head", "pcp_limbs")
            f.done()
            return found
        }

        private fun output(f: Fields): Output {
            val kind = f.choice("kind", null, "heatmap", "offsets", "simcc", "landmarks", "coords", "keypoints")
            val found = when (kind) {
                "coords" -> {
                    val score = f.choice("score", "none", "none", "visibility", "sigma")
                    Coords(score != "none", f.string("tensor", ""))
                }
                "keypoints" -> Decoded(f.choice("order", "xys", "xys", "yxs") == "yxs", f.string("tensor", ""))
                "offsets" -> offsets(f)
                "simcc" -> simcc(f)
                "landmarks" -> landmarks(f)
                else -> heatmaps(f)
            }
            f.done()
            return found
        }

        private fun channelsFirst(f: Fields) =
            f.choice("layout", "channels-last", "channels-last", "channels-first") == "channels-first"

        private fun heatmaps(f: Fields): Heatmaps {
            val found = Heatmaps(
                stride = f.whole(f.any("stride", 4L), "stride"),
                sigma = f.double("sigma", 1.5),
                logits = f.choice("values", "gaussian", "gaussian", "logits") == "logits",
                decoder = decoder(f.fieldsOrNull("decode") ?: Fields.of(emptyMap<String, Any>(), f.where)),
                tensor = f.string("tensor", ""),
                channelsFirst = channelsFirst(f),
            )
            if (found.stride < 1 || !(found.sigma > 0)) f.fail("stride and sigma must be above 0")
            return found
        }

        private fun offsets(f: Fields): Offsets {
            val stride = f.whole(f.any("stride", 32L), "stride")
            val grid = Grid(stride, f.double("origin_px", 0.0), f.double("offset_px", 1.0))
            if (stride < 1 || grid.origin !in -4096.0..4096.0 || !(grid.offset > 0) || grid.offset > 4096) {
                f.fail("stride, origin_px or offset_px is out of range")
            }
            val (maps, moves) = twoNames(f, "heatmaps" to "float_heatmaps", "offsets" to "float_short_offsets")
            return Offsets(
                grid,
                pairs = f.choice("order", "y-then-x", "y-then-x", "yx-pairs") == "yx-pairs",
                logits = f.choice("values", "logits", "logits", "scores") == "logits",
                maps, moves, channelsFirst(f),
            )
        }

        private fun simcc(f: Fields): Simcc {
            val ratio = f.double("split_ratio", 2.0)
            if (!(ratio > 0) || ratio > 16) f.fail("split_ratio is out of range")
            val (x, y) = twoNames(f, "x" to "simcc_x", "y" to "simcc_y")
            val logits = f.choice("values", "scores", "scores", "logits") == "logits"
            val sigma = f.double("sigma", 6.0)
            if (!(sigma > 0) || sigma > 1024) f.fail("sigma is out of range")
            return Simcc(ratio, x, y, if (logits) sigma else null)
        }

        private fun twoNames(f: Fields, a: Pair<String, String>, b: Pair<String, String>): Pair<String, String> {
            val (first, second) = f.string(a.first, a.second) to f.string(b.first, b.second)
            if (first.isEmpty() || second.isEmpty() || first == second) f.fail("two output tensors need two names")
            return first to second
        }

        private fun landmarks(f: Fields): Landmarks {
            val auxiliary = f.whole(f.any("auxiliary", 0L), "auxiliary")
            if (auxiliary !in 0..512) f.fail("auxiliary is out of range")
            val score = when (f.choice("score", "visibility", "visibility", "presence", "none")) {
                "visibility" -> 3
                "presence" -> 4
                else -> null
            }
            return Landmarks(f.string("tensor", ""), auxiliary, score)
        }

        private fun decoder(f: Fields): Decoder {
            val method = f.choice("method", "dark", "argmax", "quarter", "dark", "centroid", "oks", "seed")
            val found = Decoder(
                Method.valueOf(method.uppercase()), f.double("blur_cells", 0.0),
                f.whole(f.any("radius_cells", 2L), "radius_cells"), f.double("threshold", 0.04),
            )
            f.done()
            if (found.blurCells !in 0.0..64.0 || found.radiusCells !in 0..64) {
                f.fail("blur_cells or radius_cells is out of range")
            }
            return found
        }
    }
}
