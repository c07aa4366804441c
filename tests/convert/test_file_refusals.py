"""What a .tflite of others must not be to be quantized: one line each, and nothing left behind."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from others import DECODED, MAPS, maps_of, written

from poseport.command.cli import main
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.predict import predict
from poseport.records import write_json
from poseport.skeletons import LSP14
from poseport.spec import CoordsOutput, HeatmapOutput, OffsetsOutput
from poseport.tflite import inspection, sidecar
from poseport.tflite.runner import load

IMAGE = (1, 64, 64, 3)
KERNEL = np.random.default_rng(0).normal(size=(4, 4, 3, 34)).astype(np.float32)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return synth.write_people(tmp_path_factory.mktemp("people"), 8, seed=5)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return written(tmp_path_factory.mktemp("good") / "good.tflite", MAPS, optimized="float32").read_bytes()


def tflite(function, *shapes) -> bytes:
    """A float file; operations of TensorFlow are allowed in it."""
    signature = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    concrete = tf.function(function, autograph=False).get_concrete_function(*signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    return converter.convert()


def maps(image):
    """Heatmaps by one convolution."""
    return tf.nn.conv2d(image, KERNEL[..., :17], 4, "SAME")


def converted(data, spec, people, folder):
    """The command's answer, and the folder of what it wrote."""
    path, out = folder / "theirs.tflite", folder / "out"
    out.mkdir(exist_ok=True)
    path.write_bytes(data)
    write_json(spec, sidecar.spec_path(path))
    run = ["convert", str(path), "--recipe", "int8", "--calib", str(people), "--calib-count", "4"]
    return CliRunner().invoke(main, [*run, "--out", str(out / "m.tflite")]), out


def flex():
    return tflite(lambda image: maps(tf.math.erf(image)), IMAGE)


REFUSED = {
    "flex": (flex, r"CUSTOM:FlexErf \(tensor 'Erf'\) is no operation of TFLite"),
    "custom": (lambda: flex().replace(b"FlexErf", b"TheirOp"), r"CUSTOM:TheirOp \(tensor 'Erf'\) is no operation"),
    "open": (lambda: tflite(maps, (1, None, None, 3)), r"whose size is open"),
    "open batch": (lambda: tflite(maps, (None, 64, 64, 3)), r"whose size is open"),
    "two inputs": (lambda: tflite(lambda a, b: maps(a + b), IMAGE, IMAGE), r"has 2 inputs \('a', 'b'\)"),
    "two outputs": (
        lambda: tflite(lambda image: (maps(image), 2 * maps(image)), IMAGE),
        r"has 2 outputs \('.*' \[1, 16, 16, 17\], .*\); the spec's output needs \"tensor\"",
    ),
    "control flow": (
        lambda: tflite(
            lambda a: tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, 2 * x), (0, maps(a)))[1], IMAGE
        ),
        r"its graph has 3 parts",
    ),
    "no layer": (lambda: tflite(lambda image: tf.nn.relu(image), IMAGE), r"holds no convolution and no dense layer"),
    "text": (lambda: b"not a network" * 9, r"not a TFLite file"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_file_that_is_no_float_network_of_one_image(what, people, tmp_path):
    make, words = REFUSED[what]
    refused_with(words, make(), MAPS, people, tmp_path)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (replace(MAPS, skeleton=LSP14), r"\(1, 16, 16, 17\), its theirs.json says .*\(1, 16, 16, 14\)"),
        (replace(MAPS, input_hw=(96, 96)), r"\(1, 64, 64, 3\) .*says \(1, 96, 96, 3\)"),
        (replace(MAPS, output=HeatmapOutput(stride=8)), r"\(1, 16, 16, 17\), .*\(1, 8, 8, 17\)"),
        (replace(MAPS, output=CoordsOutput()), r"\(1, 16, 16, 17\), .*\(1, 17, 2\)"),
        (DECODED, r"\(1, 16, 16, 17\), .*\(1, 17, 3\)"),
        (
            replace(MAPS, output=OffsetsOutput()),
            r"no output tensor is called 'float_heatmaps'; it has '.*' \[1, 16, 16",
        ),
        (replace(MAPS, output=HeatmapOutput(tensor="maps")), r"no output tensor is called 'maps'"),
    ],
)
def test_a_spec_of_another_output(spec, words, good, people, tmp_path):
    refused_with(words, good, spec, people, tmp_path)


def refused_with(words, data, spec, people, folder):
    found, out = converted(data, spec, people, folder)
    assert found.exit_code == 1, found.output
    assert len(found.output.strip().splitlines()) == 1
    assert not list(out.iterdir())
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(found.output)


def test_only_the_outputs_that_a_spec_names_stay(people, tmp_path):
    """Two of three, in the spec's order, and what the third needs goes."""
    model = maps_of()

    def several(image):
        scaled = image / 127.5 - 1.0
        moves = tf.nn.conv2d(scaled, KERNEL / 100, 4, "SAME")
        return 2 * tf.nn.conv2d(image, KERNEL[..., :5], 2, "SAME"), moves, model(scaled)

    data = tflite(several, IMAGE)
    names = inspection.output_names(data, "several")
    shapes = [tensor.shape[-1] for tensor in inspection.inspect_bytes(data, "several").outputs]
    of = {channels: name for channels, name in zip(shapes, names, strict=True)}
    output = OffsetsOutput(stride=4, heatmaps=of[17], offsets=of[34])
    found, out = converted(data, replace(MAPS, output=output), people, tmp_path)
    assert found.exit_code == 0, found.output
    after = inspection.inspect_bytes((out / "m.tflite").read_bytes(), "m")
    assert [tensor.shape[-1] for tensor in after.outputs] == [17, 34]
    assert inspection.output_names((out / "m.tflite").read_bytes(), "m") == (of[17], of[34])
    assert sum(op.kind == "CONV_2D" for op in after.ops) == 4  # of five
    persons = coco.load(people).persons
    wanted, got = (predict(load(path), persons) for path in (tmp_path / "theirs.tflite", out / "m.tflite"))
    assert np.median(abs(wanted - got)[..., :2]) < 0.5
