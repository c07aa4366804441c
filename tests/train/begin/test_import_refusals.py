"""What cannot be imported is one line, whatever is wrong with the file."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from their_network import SPEC, converted, maps_of, theirs

from poseport.command.cli import main
from poseport.records import write_json
from poseport.skeletons import LSP14
from poseport.spec import CoordsOutput, HeatmapOutput, OffsetsOutput
from poseport.tflite import sidecar
from poseport.train.begin import read_network


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("theirs") / "theirs.tflite"
    path.write_bytes(converted(theirs()))
    write_json(SPEC, sidecar.spec_path(path))
    return path


def refused(arguments: list[str]) -> str:
    found = CliRunner().invoke(main, ["import", *arguments])
    assert found.exit_code == 1
    assert len(found.output.strip().splitlines()) == 1
    return found.output


def test_what_cannot_be_imported_is_one_line(file, tmp_path):
    out = ["--out", str(tmp_path / "out")]
    assert "has 2 outputs" in refused([str(file), *out])
    assert "no operation gives a tensor 'nothing'; near:" in refused([str(file), "--until", "nothing", *out])
    spec = tmp_path / "spec.json"
    until = ["--until", maps_of(file), "--spec", str(spec)]
    shown = f"tensor {maps_of(file)!r} has shape [16, 16, 17], the spec expects "
    write_json(replace(SPEC, skeleton=LSP14), spec)
    assert f"{shown}[16, 16, 14]: heatmap of 14 keypoints" in refused([str(file), *until, *out])
    write_json(replace(SPEC, input_hw=(96, 96)), spec)
    assert "its input is (64, 64) and the spec says (96, 96)" in refused([str(file), *until, *out])
    write_json(replace(SPEC, output=HeatmapOutput(stride=8, values="logits")), spec)
    assert f"{shown}[8, 8, 17]" in refused([str(file), *until, *out])
    write_json(replace(SPEC, output=CoordsOutput()), spec)
    assert f"{shown}[17, 2]: coords of 17 keypoints" in refused([str(file), *until, *out])
    write_json(replace(SPEC, output=OffsetsOutput()), spec)
    assert "its output is offsets, which cannot be trained" in refused([str(file), *until, *out])
    write_json(replace(SPEC, output=HeatmapOutput(values="logits", tensor="maps")), spec)
    assert "no output is called 'maps'; it has 'Identity', 'Identity_1'" in refused(
        [str(file), "--spec", str(spec), *out]
    )
    assert not (tmp_path / "out").exists()
    other = tmp_path / "their.onnx"
    other.write_bytes(b"something else")
    assert "docs/transfer.md says how a network from PyTorch or ONNX" in refused(
        [str(other), "--spec", str(spec), *out]
    )
    (tmp_path / "out").mkdir()
    assert "exists already" in refused([str(file), "--until", maps_of(file), *out])


def test_an_unknown_operation_is_named_with_where_to_cut(tmp_path):
    image = keras.Input((64, 64, 3))
    maps = keras.layers.Conv2D(17, 3, 4, padding="same")(image)
    path = tmp_path / "m.tflite"
    path.write_bytes(converted(keras.Model(image, keras.ops.sin(maps))))
    with pytest.raises(ValueError, match=r"SIN \(tensor .* cannot be rebuilt: .*--until .*\[1, 16, 16, 17\]"):
        read_network.read(path.read_bytes(), "m.tflite")


def test_operations_that_are_not_tflite_s_own_are_named(tmp_path):
    """One of TensorFlow (Flex), and one of somebody."""
    kernel = np.random.default_rng(0).normal(size=(4, 4, 3, 17)).astype(np.float32)

    def network(image):
        first = tf.nn.conv2d(image, kernel[..., :3], 1, "SAME")
        return tf.nn.conv2d(tf.math.erf(first), kernel, 4, "SAME")

    concrete = tf.function(network).get_concrete_function(tf.TensorSpec((1, 64, 64, 3), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    data, path, out = converter.convert(), tmp_path / "theirs.tflite", tmp_path / "out"
    write_json(SPEC, sidecar.spec_path(path))
    for name in ("FlexErf", "TheirOp"):
        path.write_bytes(data.replace(b"FlexErf", name.encode()))
        found = refused([str(path), "--out", str(out)])
        assert f"CUSTOM:{name} (tensor 'Erf') cannot be rebuilt: it is none of TFLite's own; cut the graph" in found
    assert not out.exists()


def test_a_network_of_two_inputs_and_of_open_shape_are_refused(tmp_path):
    one, two = keras.Input((64, 64, 3)), keras.Input((64, 64, 3))
    model = keras.Model([one, two], keras.layers.Add()([one, two]))
    function = tf.function(lambda a, b: model([a, b]))
    specs = [tf.TensorSpec((1, 64, 64, 3), tf.float32)] * 2
    concrete = function.get_concrete_function(*specs)
    path = tmp_path / "two.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())
    with pytest.raises(ValueError, match="has 2 inputs"):
        read_network.read(path.read_bytes(), "m.tflite")
    open_ = tf.function(lambda a: tf.nn.relu(a)).get_concrete_function(tf.TensorSpec((1, None, None, 3), tf.float32))
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([open_]).convert())
    with pytest.raises(ValueError, match=r"expected \(1, height, width, 3\), fixed"):
        read_network.read(path.read_bytes(), "m.tflite")


def test_damaged_bytes_never_raise_anything_else(file):
    """The reader after `flatbuffer.verify`: options, shapes and constants of a file with bytes changed at random."""
    data, name, random = file.read_bytes(), maps_of(file), np.random.default_rng(0)
    refusals = []
    for _ in range(300):
        changed = bytearray(data)
        for place in random.integers(len(data) - 3000, len(data), 3):
            changed[place] = random.integers(256)
        try:
            read_network.read(bytes(changed), "damaged.tflite", name)
        except ValueError as error:
            refusals.append(str(error))
    assert refusals
    assert not [one for one in refusals if "\n" in one]
