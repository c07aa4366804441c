"""Saved Keras and TensorFlow networks: what they compute is imported, what they would run is refused."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner

from poseport import pose
from poseport.architecture import ForeignArchitecture
from poseport.command.cli import main
from poseport.records import write_json
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train import evaluate
from poseport.train.networks import models

SPEC = PoseSpec(
    "mine", ForeignArchitecture(source="me"), COCO17, (32, 32), HeatmapOutput(), mean=(0.0,) * 3, std=(1.0,) * 3
)


@pytest.fixture(scope="module")
def mine():
    """A network of open size that normalises its own pixels."""
    keras.utils.set_random_seed(0)
    image = keras.Input((None, None, 3))
    x = keras.layers.Rescaling(1 / 127.5, -1.0)(image)
    x = keras.layers.Conv2D(8, 3, 2, padding="same", use_bias=False)(x)
    x = keras.layers.Activation("silu")(keras.layers.BatchNormalization()(x))
    return keras.Model(image, keras.layers.Conv2D(17, 3, 2, padding="same")(x))


def saved(model, folder, form):
    """The network as Keras or TensorFlow saves it."""
    path = folder / f"mine{form}"
    model.export(path, verbose=False) if not form else model.save(path)
    return path


def imported(source, folder, spec=SPEC):
    """The command's answer; exit code and output."""
    write_json(spec, folder / "spec.json")
    asked = ["import", str(source), "--spec", str(folder / "spec.json"), "--out", str(folder / "out")]
    return CliRunner().invoke(main, asked)


@pytest.mark.parametrize("form", [".keras", ".h5", ""])
def test_a_saved_network_becomes_a_bundle(mine, form, tmp_path):
    found = imported(saved(mine, tmp_path, form), tmp_path)
    assert found.exit_code == 0, found.output
    spec, model = models.load(tmp_path / "out", keras)
    assert spec.mean == pytest.approx((127.5,) * 3, rel=1e-5)
    crops = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    wanted = np.asarray(mine(crops.astype(np.float32)))
    assert np.abs(evaluate.predict_outputs(model, pose.normalise(spec, crops)) - wanted).max() < 1e-4 * np.ptp(wanted)


@keras.saving.register_keras_serializable("theirs")
class Custom(keras.layers.Layer):
    """A layer that only its makers have."""

    def call(self, x):
        return x


def ran_it(x):
    """What a Lambda would run."""
    raise AssertionError("code out of a file ran")


@pytest.mark.parametrize("form", [".keras", ".h5"])
@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (lambda: keras.layers.Lambda(lambda x: 2 * x), "holds a Lambda, which runs code"),
        (Custom, "layer Custom is not"),
    ],
    ids=["lambda", "custom"],
)
def test_code_of_a_file_never_runs(layer, words, form, tmp_path, monkeypatch):
    image = keras.Input((32, 32, 3))
    path = saved(keras.Model(image, keras.layers.Conv2D(17, 3, 4, padding="same")(layer()(image))), tmp_path, form)
    monkeypatch.setattr(keras.saving, "load_model", ran_it)
    found = imported(path, tmp_path)
    assert (found.exit_code, words in found.output, len(found.output.splitlines())) == (1, True, 1), found.output
    assert not (tmp_path / "out").exists()


def test_other_sources_are_refused_in_one_line(mine, tmp_path):
    class Reaching(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3))])
        def serve(self, image):
            return image + tf.strings.to_number(tf.io.read_file("/etc/hostname"))

    tf.saved_model.save(module := Reaching(), str(tmp_path / "reaching"), signatures=module.serve)
    two = keras.Model(pair := [keras.Input((32, 32, 3)), keras.Input((32, 32, 3))], keras.layers.Add()(pair))
    two.save(tmp_path / "two.keras")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.keras").write_bytes(b"PK and nothing")
    for name, words in (
        ("reaching", "its graph holds ReadFile"),
        ("two.keras", "has 2 inputs; expected one"),
        ("empty", "is no SavedModel"),
        ("broken.keras", "cannot be read as a saved Keras model"),
        ("nothing.keras", "cannot be read as a saved Keras model"),
    ):
        found = imported(tmp_path / name, tmp_path)
        assert (found.exit_code, words in found.output, len(found.output.splitlines())) == (1, True, 1), found.output
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0"])
def test_an_encoder_of_keras_applications_is_a_trunk(name, tmp_path):
    """With random weights; whoever has theirs loads them in the first line."""
    trunk = getattr(keras.applications, name)(input_shape=(64, 64, 3), include_top=False, weights=None)
    x = keras.layers.Conv2DTranspose(8, 16, 8, padding="same")(trunk.output)
    model = keras.Model(trunk.input, keras.layers.Conv2D(17, 1)(x))
    model.save(tmp_path / "trunk.keras")
    found = imported(tmp_path / "trunk.keras", tmp_path, replace(SPEC, input_hw=(64, 64)))
    assert found.exit_code == 0, found.output
    spec, rebuilt = models.load(tmp_path / "out", keras)
    crops = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), np.uint8)
    wanted, got = (
        np.asarray(model(crops.astype(np.float32))),
        evaluate.predict_outputs(rebuilt, pose.normalise(spec, crops)),
    )
    assert np.abs(got - wanted).max() < 1e-4 * np.ptp(wanted)
