"""Files of others as they are converted: read as float32, quantized but for what decodes, and carrying a card."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from others import DECODED, MAPS, SOURCE, written
from places import ROOT, SHARED

from poseport import bundle, pose
from poseport.command.cli import main
from poseport.convert import float_file, recipes, to_tflite
from poseport.convert.request import QatTraining, Request
from poseport.data import batches, coco
from poseport.data.drawn import synth
from poseport.predict import predict
from poseport.tflite import inspection, model_file
from poseport.tflite.interpreter import Runner
from poseport.tflite.runner import load

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")


@pytest.fixture(scope="module")
def calib(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("calib"), 20, seed=5))


@pytest.fixture(scope="module")
def theirs(tmp_path_factory):
    """A float16 file that decodes its keypoints."""
    return written(tmp_path_factory.mktemp("theirs") / "theirs.tflite", DECODED)


@pytest.fixture(scope="module")
def their_maps(tmp_path_factory):
    """A float32 file that gives heatmaps."""
    return written(tmp_path_factory.mktemp("maps") / "maps.tflite", MAPS, optimized="float32")


@pytest.mark.parametrize("optimized", ["float16", "dynamic"])
def test_weights_become_float32_and_nothing_else_changes(optimized, calib, tmp_path):
    file = written(tmp_path / "m.tflite", DECODED, optimized=optimized)
    read = float_file.read(file, float_file.read_card(file), recipes.recipe("int8"))
    found = inspection.inspect_bytes(read.flatbuffer, "float")
    assert {op.dtype for op in found.ops if op.kind in CONVOLUTIONS} == {"float32"}
    assert "DEQUANTIZE" not in found.op_counts
    assert not {t.dtype for t in found.tensors} & {"float16", "int8"}
    assert found.signatures == ("serving_default",)
    crop = pose.normalise(DECODED, next(batches.batches(DECODED, calib.persons, 1)).crops)
    theirs, ours = Runner(file.read_bytes(), "theirs"), Runner(read.flatbuffer, "ours")
    wanted, got = (one.invoke(one.quantize(crop)) for one in (theirs, ours))
    assert np.abs(wanted - got).max() < (1e-6 if optimized == "float16" else 0.1)


def test_normalisation_and_decoding_are_outside(theirs):
    read = float_file.read(theirs, float_file.read_card(theirs), recipes.recipe("int8"))
    every = inspection.inspect_bytes(read.flatbuffer, "float").ops
    inside = [op.kind for op in read.body.ops]
    assert sorted(inside) == sorted([*["CONV_2D"] * 3, "DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D", "CONCATENATION"])
    assert {"CAST", "MUL", "ARG_MAX", "GATHER_ND"} <= {op.kind for op in every if op.name in read.outside}
    assert len(read.outside) + len(inside) == len(every)


@pytest.mark.parametrize(
    ("recipe", "io", "ends", "weights"),
    [
        pytest.param("float32", "same", ("int32", "float32"), "float32", marks=pytest.mark.slow),
        ("float16", "same", ("int32", "float32"), "float32"),
        ("dynamic", "same", ("int32", "float32"), "int8 weights x float32"),
        ("int8", "same", ("int32", "float32"), "int8"),
        ("int8", "int8", ("int8", "float32"), "int8"),
        pytest.param("int8-floatio", "same", ("float32", "float32"), "int8", marks=pytest.mark.slow),
        pytest.param("int8-p95", "same", ("int32", "float32"), "int8", marks=pytest.mark.slow),
        pytest.param("int8-per-tensor", "same", ("int32", "float32"), "int8", marks=pytest.mark.slow),
        pytest.param("16x8", "same", ("int32", "float32"), "int8 weights x int16", marks=pytest.mark.slow),
    ],
)
def test_every_recipe_of_a_file_that_decodes(recipe, io, ends, weights, theirs, calib, tmp_path):
    asked = Request(theirs, recipes.recipe(recipe), tmp_path / "m.tflite", calib, calib_count=12, io=io)
    done = to_tflite.convert(asked)
    found = done.inspection
    assert (found.inputs[0].dtype, found.outputs[0].dtype) == ends
    assert {op.dtype for op in found.ops if op.kind in CONVOLUTIONS} == {weights}
    assert {op.dtype for op in found.ops if op.kind in ("LOGISTIC", "SQRT", "GATHER_ND", "DIV")} <= {"float32"}
    conversion = model_file.read(done.path)[1].conversion
    assert (conversion.recipe, conversion.weights_sha256) == (recipe, bundle.sha256(theirs))
    assert (conversion.calibration is not None) == recipes.recipe(recipe).full
    wanted, got = (predict(load(path), calib.persons) for path in (theirs, done.path))
    away = np.linalg.norm((wanted - got)[..., :2], axis=-1)
    assert np.median(away) < 1
    assert done.parity.p99_px == 0 or recipes.recipe(recipe).weights == "int8"


def test_a_layer_of_a_file_can_be_kept(theirs, calib, tmp_path):
    recipe = recipes.recipe("mixed-float32")
    with pytest.raises(ValueError, match="there is no layer 'x' to keep; there are stem, deep, wide, maps"):
        to_tflite.convert(Request(theirs, recipe, tmp_path / "m.tflite", calib, calib_count=4, keep=("x",)))
    done = to_tflite.convert(Request(theirs, recipe, tmp_path / "m.tflite", calib, calib_count=4, keep=("deep",)))
    types = {op.kind: op.dtype for op in done.inspection.ops if op.kind in CONVOLUTIONS}
    assert types == {"CONV_2D": "int8", "DEPTHWISE_CONV_2D": "float32"}
    assert done.card.conversion.kept == ("deep",)


def test_heatmaps_of_a_file_can_be_decoded_inside(their_maps, calib, tmp_path):
    asked = Request(
        their_maps, recipes.recipe("int8"), tmp_path / "m.tflite", calib, calib_count=12, head="keypoints", io="int8"
    )
    done = to_tflite.convert(asked)
    assert done.card.spec.output.kind == "keypoints"
    assert done.card.spec.architecture == SOURCE
    assert (done.inspection.inputs[0].dtype, done.inspection.outputs[0].dtype) == ("int8", "float32")
    wanted, got = (predict(load(path), calib.persons) for path in (their_maps, done.path))
    assert np.median(np.linalg.norm((wanted - got)[..., :2], axis=-1)) < 2


def test_the_commands_take_it(theirs, drawn, calib, tmp_path):
    """convert, then inspect, verify and doctor on what it wrote; the spec lies elsewhere."""
    alone, out = tmp_path / "alone.tflite", tmp_path / "t.int8.tflite"
    alone.write_bytes(theirs.read_bytes())
    spec = ["--spec", str(theirs.with_suffix(".json"))]
    run = ["convert", str(alone), "--recipe", "int8", "--calib", str(calib.path), "--calib-count", "12", *spec]
    found = CliRunner().invoke(main, [*run, "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert "against the float network" in found.output
    assert "by AI Edge Quantizer" in found.output
    seen = CliRunner().invoke(main, ["inspect", str(out)])
    assert seen.exit_code == 0, seen.output
    assert SOURCE.source in seen.output
    same = ["verify", str(out), "--against", str(theirs), "--data", str(calib.path), "--count", "8", "--within", "64"]
    assert CliRunner().invoke(main, same).exit_code == 0
    again = CliRunner().invoke(main, ["convert", str(out), *run[2:], "--out", str(tmp_path / "again.tflite")])
    assert "is quantized already: 4 of its 4 convolutions and dense layers compute in int8" in again.output
    assert not (tmp_path / "again.tflite").exists()


def test_damaged_bytes_are_refused_in_one_line_or_read(theirs):
    """The reader of float files on bytes changed at random, near the end, where graph and options lie."""
    card, recipe = float_file.read_card(theirs), recipes.recipe("int8")
    data, random = theirs.read_bytes(), np.random.default_rng(0)
    refusals = []
    for _ in range(100):
        changed = bytearray(data)
        for place in random.integers(max(0, len(data) - 6000), len(data), 3):
            changed[place] = random.integers(256)
        try:
            float_file.from_bytes(bytes(changed), "damaged.tflite", card, recipe)
        except ValueError as error:
            refusals.append(str(error))
    assert refusals
    assert not [one for one in refusals if "\n" in one]


def test_what_a_file_cannot_become_is_one_line(theirs, tiny_bundle, calib, tmp_path):
    out = tmp_path / "m.tflite"

    def refused(source=theirs, recipe="int8", **more):
        with pytest.raises(ValueError, match=r".") as error:
            to_tflite.convert(Request(source, recipes.recipe(recipe), out, calib, calib_count=4, **more))
        assert "\n" not in str(error.value)
        assert not out.exists()
        return str(error.value)

    assert "to which --spec and --io do not apply" in refused(tiny_bundle, io="int8")
    assert "--io int8 goes with recipes whose input is int8" in refused(recipe="16x8", io="int8")
    bare = tmp_path / "bare.tflite"
    bare.write_bytes(theirs.read_bytes())
    assert "needs its spec beside it" in refused(bare)
    spec = tmp_path / "bare.json"
    spec.write_text(theirs.with_suffix(".json").read_text().replace("64", "96"))
    assert "says (1, 96, 96, 3)" in refused(bare)
    with pytest.raises(ValueError, match=r"takes a bundle; make one of .* with `poseport import`"):
        to_tflite.convert(Request(theirs, recipes.recipe("int8-qat"), out, calib, training=QatTraining(calib, 1)))


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "peers").is_dir(), reason="others' networks are not here")
def test_thunder_in_int8_loses_half_a_point_at_most(tmp_path):
    """Its four heads stay in float; calibrated on people of two sets, measured on others of both, COCO's AP."""
    file, out = tmp_path / "thunder.tflite", tmp_path / "t.mixed-float32.tflite"
    file.write_bytes((SHARED / "peers/movenet_thunder_fp16.tflite").read_bytes())
    file.with_suffix(".json").write_bytes((ROOT / "docs/specs/movenet_thunder.json").read_bytes())
    data = SHARED / "data"
    heads = ["--recipe", "mixed-float32", "--keep", "*kpt_*", "--keep", "*center_0*"]
    sets = [data / "lspet/person_keypoints_train.json", data / "coco_small/person_keypoints_train.json"]
    calibrated = [word for one in sets for word in ("--calib", str(one))]
    found = CliRunner().invoke(main, ["convert", str(file), *heads, *calibrated, "--out", str(out)])
    assert found.exit_code == 0, found.output
    assert len(model_file.read(out)[1].conversion.kept) == 12
    for others in ("lspet/person_keypoints_val.json", "coco_mini/person_keypoints_mini.json"):
        measured = ["bench", "accuracy", str(file), str(out), "--data", str(data / others), "--out", str(tmp_path)]
        found = CliRunner().invoke(main, measured)
        assert found.exit_code == 0, found.output
        records = sorted(tmp_path.glob(f"*.accuracy.{Path(others).stem}.*json"))
        after, before = (json.loads(record.read_text())["measured"]["metrics"]["OKS-AP"] for record in records)
        assert 100 * (before - after) <= 0.5
