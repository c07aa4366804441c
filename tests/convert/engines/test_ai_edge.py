"""Quantizing layer by layer: how a graph is cut into layers, ranges, and what each operation becomes."""

from dataclasses import replace

import numpy as np
import pytest

from poseport.convert import recipes
from poseport.convert.calibration import CalibrationCrops
from poseport.convert.engines import ai_edge, quantizer
from poseport.convert.engines.file_layers import layers_by_name, layers_of, op_types
from poseport.convert.engines.ranges import measure_ranges
from poseport.convert.float_file import FloatFile
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.tflite import inspection
from poseport.tflite.interpreter import Runner


@pytest.fixture(scope="module")
def float_file(tiny_models):
    data = tiny_models["float32"].read_bytes()
    return data, inspection.inspect_bytes(data, "float32")


@pytest.fixture(scope="module")
def persons(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("people"), 6, seed=3)).persons


@pytest.fixture(scope="module")
def ranges(float_file, tiny_bundle, persons):
    from poseport import bundle

    return measure_ranges(float_file[0], bundle.read_spec(tiny_bundle), CalibrationCrops(persons)).at(50)


def test_every_operation_is_in_one_layer(float_file):
    found = float_file[1]
    every = layers_of(found)
    ops = [op for layer in every for op in layer.ops]
    assert sorted(ops) == sorted(op.name for op in found.ops)
    assert sum(layer.macs for layer in every) == found.macs
    assert len(every) == sum(op.weights is not None for op in found.ops) == len({layer.name for layer in every})
    by_name = {layer.name: layer for layer in every}
    kinds = {op.name: op.kind for op in found.ops}
    assert [kinds[op] for op in by_name["stem_c_c_conv"].ops] == ["CONV_2D", "ADD", "MAX_POOL_2D"]


def test_layers_of_one_name_can_be_told_apart(float_file):
    """As in MoveNet, whose four heads each have a separable_conv2d."""
    found = float_file[1]
    weighted = [op for op in found.ops if op.weights is not None][:2]
    alike = {op.name: replace(op, weights=replace(op.weights, name="a/head_1/convolution")) for op in weighted}
    every = layers_of(replace(found, ops=tuple(alike.get(op.name, op) for op in found.ops)))
    assert len({layer.name for layer in every}) == len(every)
    assert {op.name for op in weighted} <= {layer.name for layer in every}


def test_ranges_are_people_s_percentile_but_at_the_ends(ranges, float_file):
    found = float_file[1]
    assert set(ranges) == {t.name for t in found.tensors if not t.constant}
    assert ranges[found.inputs[0].name] == (0, 1)
    assert all(low <= high for low, high in ranges.values())


def test_half_of_the_people_lie_beyond_the_median(ranges, float_file, tiny_bundle, persons):
    from poseport import bundle

    widest = measure_ranges(float_file[0], bundle.read_spec(tiny_bundle), CalibrationCrops(persons)).at(100)
    out = float_file[1].outputs[0].name
    assert ranges[out] == widest[out]
    inner = [name for name in ranges if name not in (out, float_file[1].inputs[0].name)]
    assert all(widest[n][0] <= ranges[n][0] and ranges[n][1] <= widest[n][1] for n in inner)
    assert any(ranges[n][1] < 0.99 * widest[n][1] for n in inner)


@pytest.mark.parametrize("io", ["int8", "float32"])
@pytest.mark.parametrize("kept", ["float32", "int16"])
def test_a_layer_gets_its_type_and_the_others_theirs(kept, io, ranges, float_file):
    data, found = float_file
    every = layers_of(found)
    chosen = layers_by_name(every, ["stem_c_c_conv", every[-1].name])
    made = quantizer.quantize(data, ranges, op_types(every, chosen, kept), (io, io))
    after = inspection.inspect_bytes(made, "mixed")
    types = {op.name: op.dtype.split()[-1] for op in after.ops if op.kind not in ("QUANTIZE", "DEQUANTIZE")}
    assert types == op_types(every, chosen, kept)
    assert {t.dtype for t in (*after.inputs, *after.outputs)} == {io}
    runner = Runner(made, "mixed")
    image = np.random.default_rng(0).random(after.inputs[0].shape)
    assert np.isfinite(runner.dequantize(runner.invoke(runner.quantize(image)))).all()


@pytest.mark.parametrize("name", ["mixed-float32", "mixed-16x8", "mixed-float32-floatio"])
def test_the_output_is_rounded_only_where_its_layer_is(name, tiny_bundle, tiny_models, persons):
    """Rounded to 8 bits, heatmaps that had been computed in float32 moved keypoints half as far again."""
    from poseport import bundle

    floats = FloatFile(bundle.read_spec(tiny_bundle), tiny_models["float32"].read_bytes(), "")
    last, recipe = layers_of(floats.body)[-1].name, recipes.recipe(name)
    outputs = {"stem_c_c_conv": recipe.io, last: "float32" if recipe.kept == "float32" else recipe.io}
    for keep, wanted in outputs.items():
        made = ai_edge.convert(floats, recipe, CalibrationCrops(persons), [keep])
        after = inspection.inspect_bytes(made.flatbuffer, name)
        assert made.ends == (recipe.io, wanted) == (after.inputs[0].dtype, after.outputs[0].dtype)


def test_versions_are_those_of_integers(ranges, float_file):
    """The float file's numbers would let a runtime of 2019 take what it cannot compute."""
    data, found = float_file
    types = op_types(layers_of(found), (), None)
    after = inspection.inspect_bytes(quantizer.quantize(data, ranges, types, ("int8", "int8")), "int8")
    versions = {op.kind: op.version for op in after.ops}
    assert versions["CONV_2D"] == versions["DEPTHWISE_CONV_2D"] == 3
    assert versions["ADD"] == versions["MAX_POOL_2D"] == 2
    assert after.min_runtime == "2.3.0"
    assert after.signatures == found.signatures


def test_an_unknown_layer_lists_the_known(float_file):
    layers = layers_of(float_file[1])
    nearest = next(layer.name for layer in layers if layer.name.startswith("stem_c"))
    with pytest.raises(
        ValueError, match=f"no layer 'stem_c' to keep; there are {nearest}.* and {len(layers) - 8} more$"
    ):
        layers_by_name(layers, ["stem_c"])
    with pytest.raises(ValueError, match=r"no layer 'nothing\*' to keep"):
        layers_by_name(layers, ["nothing*"])


def test_a_pattern_keeps_every_layer_that_matches(float_file):
    layers = layers_of(float_file[1])
    stem = [layer for layer in layers if layer.name.startswith("stem_")]
    assert 1 < len(stem) < len(layers)
    assert layers_by_name(layers, [layers[-1].name, "stem_*", stem[0].name]) == (layers[-1], *stem)
