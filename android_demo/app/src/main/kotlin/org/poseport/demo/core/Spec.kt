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
) {
    /** How many numbers the network says about one person. */
    val outputSize: Int
        get() = when (output) {
            is Heatmaps -> (inputHeight / output.stride) * (inputWidth / output.stride) * skeleton.size
            is Coords -> skeleton.size * if (output.scored) 3 else 2
            is Decoded -> skeleton.size * 3
        }
}

/** Keypoints by name, and the pairs of them that are joined by a line. torso: the pair that measures a person. */
class Skeleton(val name: String, val names: List<String>, val limbs: List<Pair<Int, Int>>, val torso: Pair<Int, Int>?) {
    val size get() = names.size
}

sealed class Output

/** One map a keypoint. logits: the maps become a distribution over the cells by softmax. */
class Heatmaps(val stride: Int, val sigma: Double, val logits: Boolean, val decoder: Decoder) : Output()

/** x and y from the input's middle in sides of the input; scored: a third number, the score less a half. */
class Coords(val scored: Boolean) : Output()

/** x, y and a score in [0, 1], decoded by the network itself. yFirst: as the network writes them. */
class Decoded(val yFirst: Boolean) : Output()

enum class Method { ARGMAX, QUARTER, DARK, CENTROID, SEED }

/** How a map becomes a point; the numbers serve DARK, CENTROID and SEED, in this order. */
class Decoder(val method: Method, val blurCells: Double, val radiusCells: Int, val threshold: Double)

/** What travels inside a converted file as `poseport.json`. laterSha256: of the files of a cascade's later stages. */
class Card(val spec: Spec, val recipe: String, val laterSha256: List<String>) {
    companion object {
        private const val SCHEMA = 1L

        /** The card of a text; throws [Refused] for what this app cannot read, in whole or in part. */
        fun parse(text: String, where: String): Card {
            val all = Fields.of(Json.parse(text, where), where)
            val schema = all.long("schema")
            if (schema > SCHEMA) throw Refused("$where: made by a newer poseport (schema $schema, this app reads $SCHEMA); update the app")
            if (schema < 1) throw Refused("$where: schema $schema does not exist")
            val conversion = all.fields("conversion")
            val card = Card(
                spec(all.any("spec"), "$where: spec"),
                conversion.string("recipe"),
                all.list("later", emptyList()).map { Fields.of(it, "$where: later").run { skip("name", "weights_sha256"); string("sha256").also { done() } } },
            )
            // how it was made besides is for people, and grows from version to version
            all.done()
            return card
        }

        /** A spec alone, as plain JSON values. */
        fun spec(value: Any?, where: String): Spec {
            val f = Fields.of(value, where)
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
            )
            f.done()
            if (!(spec.padding > 0) || spec.std.any { !(it > 0) }) f.fail("padding and std must be above 0")
            if (spec.output is Heatmaps && minOf(size[0], size[1]) < spec.output.stride) f.fail("its stride is larger than its input")
            if (spec.refineBox != null) {
                if (!(spec.refineBox > 0) || spec.output !is Coords || spec.output.scored) f.fail("a stage that refines has coordinates as output")
                if (skeleton.torso == null) f.fail("a stage that refines needs a torso pair")
            }
            return spec
        }

        private fun skeleton(f: Fields): Skeleton {
            val names = f.strings("names")
            if (names.isEmpty() || names.size > 512 || names.toSet().size != names.size) f.fail("names must be unique and not empty")
            fun pair(value: Any?, key: String): Pair<Int, Int> {
                val ends = (value as? List<*>)?.map { names.indexOf(it) }
                if (ends == null || ends.size != 2 || ends.any { it < 0 }) f.fail("$key holds what is not two of its keypoints")
                return ends[0] to ends[1]
            }
            val found = Skeleton(
                f.string("name"), names, f.list("limbs").map { pair(it, "limbs") }, f.listOrNull("torso")?.let { pair(it, "torso") },
            )
            f.skip("flip_pairs", "sigmas", "head", "pcp_limbs")
            f.done()
            return found
        }

        private fun output(f: Fields): Output {
            val found = when (f.choice("kind", null, "heatmap", "coords", "keypoints")) {
                "coords" -> Coords(f.choice("score", "none", "none", "visibility", "sigma") != "none")
                "keypoints" -> Decoded(f.choice("order", "xys", "xys", "yxs") == "yxs")
                else -> Heatmaps(
                    stride = f.whole(f.any("stride", 4L), "stride"),
                    sigma = f.double("sigma", 1.5),
                    logits = f.choice("values", "gaussian", "gaussian", "logits") == "logits",
                    decoder = decoder(f.fieldsOrNull("decode") ?: Fields.of(emptyMap<String, Any>(), f.where)),
                ).also { if (it.stride < 1 || !(it.sigma > 0)) f.fail("stride and sigma must be above 0") }
            }
            f.done()
            return found
        }

        private fun decoder(f: Fields): Decoder {
            val method = f.choice("method", "dark", "argmax", "quarter", "dark", "centroid", "seed")
            val found = Decoder(
                Method.valueOf(method.uppercase()), f.double("blur_cells", 0.0), f.whole(f.any("radius_cells", 2L), "radius_cells"),
                f.double("threshold", 0.04),
            )
            f.done()
            if (found.blurCells !in 0.0..64.0 || found.radiusCells !in 0..64) f.fail("blur_cells or radius_cells is out of range")
            return found
        }
    }
}

/** The members of one JSON object: each is asked for once, and [done] refuses those that nobody asked for. */
private class Fields(private val members: Map<*, *>, val where: String) {
    private val asked = HashSet<String>()

    fun fail(what: String): Nothing = throw Refused("$where: $what; convert it again with this app's version of poseport")

    fun any(key: String, default: Any? = null): Any? {
        asked.add(key)
        return members[key] ?: default
    }

    fun skip(vararg keys: String) {
        asked.addAll(keys)
    }

    fun done() {
        val unknown = members.keys.firstOrNull { it !in asked } ?: return
        fail("unknown key \"$unknown\"")
    }

    private inline fun <reified T> typed(key: String, value: Any?): T = value as? T ?: fail(if (value == null) "key \"$key\" is missing" else "$key is of another type")

    fun string(key: String): String = typed(key, any(key))

    fun long(key: String): Long = typed(key, any(key))

    fun whole(value: Any?, key: String): Int = typed<Long>(key, value).let { if (it in -1_000_000..1_000_000) it.toInt() else fail("$key is out of range") }

    fun number(value: Any?, key: String): Double = typed<Number>(key, value).toDouble().also { if (!it.isFinite()) fail("$key is not a finite number") }

    fun double(key: String, default: Double): Double = number(any(key, default), key)

    fun triple(key: String, default: Double): DoubleArray {
        val found = list(key, listOf(default, default, default)).map { number(it, key) }
        if (found.size != 3) fail("$key is not three numbers")
        return found.toDoubleArray()
    }

    fun choice(key: String, default: String?, vararg known: String): String {
        val value = typed<String>(key, any(key, default))
        if (value !in known) fail("$key \"${value.take(40)}\" is not one of ${known.joinToString()}")
        return value
    }

    fun list(key: String, default: List<Any?>? = null): List<Any?> = typed(key, any(key, default))

    fun listOrNull(key: String): List<Any?>? = any(key)?.let { typed(key, it) }

    fun strings(key: String): List<String> = list(key).map { typed(key, it) }

    fun fields(key: String): Fields = of(any(key), "$where: $key")

    fun fieldsOrNull(key: String): Fields? = any(key)?.let { of(it, "$where: $key") }

    companion object {
        fun of(value: Any?, where: String) = Fields(value as? Map<*, *> ?: throw Refused("$where: expected an object; convert it again"), where)
    }
}
