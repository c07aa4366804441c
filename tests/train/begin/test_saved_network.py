"""Saved Keras and TensorFlow networks: what they compute is imported, what they would run is refused."""

import shutil
import zipfile
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


@pytest.mark.parametrize("name", ["TFSMLayer", "TorchModuleWrapper", "JaxLayer", "TextVectorization", "StringLookup"])
def test_layers_of_keras_that_load_something_else_are_refused(mine, name, tmp_path):
    """Graphs, pickles and vocabularies from elsewhere, named in place of a layer of the file."""
    path, changed = saved(mine, tmp_path, ".keras"), tmp_path / "changed.keras"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(changed, "w") as new:
        for part in old.namelist():
            new.writestr(part, old.read(part).replace(b'"Rescaling"', f'"{name}"'.encode()))
    found = imported(changed, tmp_path)
    assert (found.exit_code, name in found.output, len(found.output.splitlines())) == (1, True, 1), found.output
    assert "poseport never does" in found.output or "reads words from files" in found.output
    assert not (tmp_path / "out").exists()


def test_other_sources_are_refused_in_one_line(mine, tmp_path):
    class Reaching(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3))])
        def serve(self, image):
            return image + tf.strings.to_number(tf.io.read_file("/etc/hostname"))

    tf.saved_model.save(module := Reaching(), str(tmp_path / "reaching"), signatures=module.serve)

    class Open(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3))])
        def serve(self, image):
            return image

    tf.saved_model.save(module := Open(), str(tmp_path / "several"), signatures={"a": module.serve, "b": module.serve})

    class Unknown(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 32, 32, 3))])
        def serve(self, image):
            return tf.math.erf(image)

    tf.saved_model.save(module := Unknown(), str(tmp_path / "unknown"), signatures=module.serve)
    gray = keras.Input((32, 32, 1))
    keras.Model(gray, keras.layers.Conv2D(17, 3)(gray)).save(tmp_path / "gray.keras")
    keras.Sequential([keras.layers.Conv2D(17, 3)]).save(tmp_path / "unbuilt.keras")
    shutil.copytree(tmp_path / "several", tmp_path / "cut")
    (tmp_path / "cut/saved_model.pb").write_bytes((tmp_path / "several/saved_model.pb").read_bytes()[:100])
    two = keras.Model(pair := [keras.Input((32, 32, 3)), keras.Input((32, 32, 3))], keras.layers.Add()(pair))
    two.save(tmp_path / "two.keras")
    (tmp_path / "empty").mkdir()
    (tmp_path / "broken.keras").write_bytes(b"PK and nothing")
    for name, words in (
        ("reaching", "its graph holds ReadFile"),
        ("two.keras", "has 2 inputs"),
        ("several", "has 2 signatures (a, b), none of which is 'serving_default'"),
        ("unknown", "TFLite has no operation Erf"),
        ("cut", "is no SavedModel"),
        ("gray.keras", "takes float32 (None, 32, 32, 1), the spec's image is (1, 32, 32, 3)"),
        ("unbuilt.keras", "was saved before it was built"),
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
