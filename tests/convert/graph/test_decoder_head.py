"""The decoder inside a file is the decoder outside it, and what stands before it is not touched."""

import json
from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from golden_arrays import FOLDER, Arrays, numbers, spec_of
from made_tflite import tflite

from poseport import bundle, pose
from poseport.architecture import ForeignArchitecture
from poseport.convert import recipes, to_tflite
from poseport.convert.graph import decoder_head
from poseport.convert.request import Request
from poseport.data import batches, coco
from poseport.skeletons import LSP14
from poseport.spec import CoordsOutput, KeypointsOutput, PoseSpec, SimccOutput
from poseport.tflite import inspection, model_file
from poseport.tflite.card import Conversion, ModelCard
from poseport.tflite.interpreter import Runner, from_steps
from poseport.tflite.quiet import quiet
from poseport.tflite.runner import Network

DATA = Arrays((FOLDER / "decode.bin").read_bytes())
CASES = {
    case["name"]: case
    for case in json.loads((FOLDER / "decode.json").read_text())["cases"]
    if case["spec"]["architecture"]["kind"] != "foreign"
}

OUTPUT_DATA = Arrays((FOLDER / "outputs.bin").read_bytes())
OUTPUTS = {case["name"]: case for case in json.loads((FOLDER / "outputs.json").read_text())["cases"]}


def raw_of(case):
    return from_steps(DATA.get(case["raw"]), case["quant_scale"], case["zero_point"])[None]


def pixels(case, keypoints):
    return pose.decode_input(replace(spec_of(case), output=KeypointsOutput()), keypoints)[0]


@pytest.mark.parametrize("name", list(CASES))
def test_the_graph_decodes_as_the_golden_vectors_say(name):
    case = CASES[name]
    found = decoder_head.function(spec_of(case))(tf.constant(raw_of(case))).numpy()
    wanted = numbers(case["expected"]["input_px"])
    np.testing.assert_allclose(pixels(case, found)[:, :2], wanted[:, :2], atol=0.01)
    np.testing.assert_allclose(found[0, :, 2], wanted[:, 2], atol=1e-5)


@pytest.mark.parametrize("name", list(OUTPUTS))
def test_the_graph_decodes_the_tensors_of_other_projects(name):
    case = OUTPUTS[name]
    spec, tensors = spec_of(case), OUTPUT_DATA.stored(case["tensors"])
    scales = [case["quantization"][tensor.name] for tensor in spec.output_tensors]
    arrays = [
        from_steps(tensors[tensor.name][None], how["quant_scale"], how["zero_point"])
        for tensor, how in zip(spec.output_tensors, scales, strict=True)
    ]
    found = decoder_head.function(spec)(*map(tf.constant, arrays)).numpy()
    wanted = numbers(case["expected"]["input_px"])
    np.testing.assert_allclose(pixels(case, found)[:, :2], wanted[:, :2], atol=0.01)
    np.testing.assert_allclose(found[0, :, 2], wanted[:, 2], atol=1e-5)


@pytest.mark.parametrize("int8", [False, True])
def test_a_head_is_appended_to_several_tensors(int8):
    """SimCC's vectors as float32, and as int8 tensors of different scales."""
    spec = PoseSpec("theirs", ForeignArchitecture(), LSP14, (32, 48), SimccOutput())
    data = tflite({"simcc_x": (14, 96), "simcc_y": (14, 64)}, spec.input_hw, int8=int8)
    card = ModelCard(spec, Conversion("float32", "test", "0" * 64, versions={}))
    grafted, decoded = decoder_head.append_decoder(data, card)
    plain, inside = Network(data, card, "plain"), Network(grafted, decoded, "inside")
    assert len({output["quantization"] for output in plain.runner.outputs}) == (2 if int8 else 1)
    tensors = plain.prepare(np.random.default_rng(0).integers(0, 256, (3, 32, 48, 3), np.uint8))
    wanted = pose.decode_input(spec, plain.infer(tensors))
    assert np.abs(wanted[0, :, :2] - wanted[1, :, :2]).max() > 1
    np.testing.assert_allclose(pose.decode_input(decoded.spec, inside.infer(tensors)), wanted, atol=0.01)


@pytest.mark.parametrize("name", ["logits, dark", "gaussian, dark blurred", "gaussian, seed", "coords, score sigma"])
def test_and_so_does_what_it_converts_to(name):
    case = CASES[name]
    with quiet():
        data = tf.lite.TFLiteConverter.from_concrete_functions([decoder_head.function(spec_of(case))]).convert()
    found = pixels(case, Runner(data, name).invoke(raw_of(case)))
    np.testing.assert_allclose(found, numbers(case["expected"]["input_px"]), atol=0.01)


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_grafted_file_is_the_same_network(recipe, tiny_models, drawn):
    data, card = model_file.read(tiny_models[recipe])
    grafted, decoded = decoder_head.append_decoder(data, card)
    plain, inside = Network(data, card, "plain"), Network(grafted, decoded, "inside")
    assert inside.spec.output == KeypointsOutput(order="xys")
    (part,) = batches.batches(card.spec, coco.load(drawn).persons[:8])
    tensors = plain.prepare(part.crops)
    np.testing.assert_array_equal(inside.prepare(part.crops), tensors)
    wanted = pose.decode_input(plain.spec, plain.infer(tensors))
    found = pose.decode_input(inside.spec, inside.infer(tensors))
    # an untrained network's maps are nearly flat: there rounding decides whether a step is a cell, and is not taken
    away = np.abs(found - wanted).max(axis=-1)
    assert np.mean(away < 0.1) > 0.98
    assert away.max() < 6
    before, after = (
        inspection.inspect_bytes(model_file.pack(d, c), "m") for d, c in ((data, card), (grafted, decoded))
    )
    assert after.ops[: len(before.ops)] == before.ops
    assert after.inputs == before.inputs
    assert after.outputs[0].dtype == "float32"
    assert after.signatures == before.signatures
    assert after.macs_by_dtype == before.macs_by_dtype


def test_convert_puts_it_in_and_compares_it_with_keras(tiny_bundle, drawn, tmp_path):
    out = tmp_path / "m.tflite"
    done = to_tflite.convert(
        Request(tiny_bundle, recipes.recipe("float32"), out, coco.load(drawn), calib_count=8, head="keypoints")
    )
    assert done.parity.p99_px < 0.2
    assert model_file.read(out)[1].spec.output == KeypointsOutput()


def test_a_head_that_is_not_there_is_refused(tiny_bundle, tiny_cascade, tmp_path):
    spec = bundle.read_spec(tiny_bundle)
    assert not decoder_head.wants_decoder(spec, None)
    assert not decoder_head.wants_decoder(spec, "heatmap")
    with pytest.raises(ValueError, match=r"--head 'coords': tiny has heatmap .as trained. or keypoints"):
        decoder_head.wants_decoder(spec, "coords")
    with pytest.raises(ValueError, match="is a cascade, which decodes between its stages; leave out --head keypoints"):
        decoder_head.wants_decoder(bundle.read_spec(tiny_cascade), "keypoints")
    assert bundle.read_spec(tiny_cascade).output == CoordsOutput()


def test_a_bundle_does_not_claim_a_decoder(tiny_bundle, tmp_path):
    bundle.write_spec(tmp_path, replace(bundle.read_spec(tiny_bundle), output=KeypointsOutput()))
    (tmp_path / bundle.WEIGHTS).write_bytes(b"")
    with pytest.raises(ValueError, match=r"which a network gets when it is converted .--head keypoints"):
        bundle.read_spec(tmp_path)
