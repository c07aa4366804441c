"""Zeros and few different weights, in the bundle and still in its int8 file."""

import json
import shutil
import zlib

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from places import ROOT

from poseport import bundle
from poseport.command.cli import main
from poseport.convert import recipes, to_tflite
from poseport.convert.compress import compress, narrow
from poseport.convert.engines import tf_keras_twin
from poseport.convert.request import Request
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.records import read_json
from poseport.tflite import model_file
from poseport.tflite.format.constants import constants
from poseport.train.networks import models
from poseport.train.record import TrainRecord


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("learned"), 24, seed=6))


def treated(folder):
    """Kernels of convolutions that are neither depthwise nor a head."""
    model = models.load(folder, keras)[1]
    chosen = [layer for layer in model.layers if type(layer) is keras.layers.Conv2D and "heatmaps" not in layer.name]
    return {layer.name: layer.get_weights()[0] for layer in chosen}


def test_pruned(trained, people, tmp_path):
    options = ["--data", str(people.path), "--epochs", "2", "--json", "--out", str(tmp_path / "pruned")]
    done = json.loads(_run("prune", str(trained), "--sparsity", "0.6", *options).output)
    zeros = {name: float((kernel == 0).mean()) for name, kernel in treated(tmp_path / "pruned").items()}
    assert all(0.55 < share < 0.65 for share in zeros.values()), zeros
    assert 0.55 < done["zero"] < 0.65
    made = read_json(TrainRecord, tmp_path / "pruned" / bundle.TRAIN)
    assert (made.compression.kind, made.compression.amount, made.epochs_done) == ("pruned", 0.6, 2)
    assert made.initial.weights_sha256 == bundle.sha256(trained / bundle.WEIGHTS)
    left = {}
    for folder in (trained, tmp_path / "pruned"):
        converted = to_tflite.convert(
            Request(folder, recipes.recipe("int8"), tmp_path / "m.tflite", people, calib_count=8)
        )
        stored = constants(model_file.read(converted.path)[0], "m")
        kernels = b"".join(values.tobytes() for values in stored if values is not None and values.dtype == "int8")
        left[folder.name] = len(zlib.compress(kernels, 9)) / len(kernels)
    assert left["pruned"] < left["run"] - 0.1


def test_clustered(trained, people, tmp_path):
    train = tf_keras_twin.settings(trained, 1)
    done = compress.cluster(
        trained, 8, train, tf_keras_twin.choose_people(trained, train, people), tmp_path / "clustered"
    )
    before, after = treated(trained), treated(tmp_path / "clustered")
    assert max(len(np.unique(kernel)) for kernel in after.values()) == done.distinct <= 8
    assert all(not np.array_equal(before[name], after[name]) for name in after)


@pytest.mark.parametrize("name", ["starter", "tiny", "accurate", "deeppose"])
def test_a_shipped_bundle_can_be_trained_further(name):
    assert tf_keras_twin.settings(ROOT / "models" / name, 2).epochs == 2


def test_a_record_in_the_words_of_another_version_is_one_line(trained, tmp_path):
    older = shutil.copytree(trained, tmp_path / "older")
    made = json.loads((older / bundle.TRAIN).read_text())
    made["train"]["step_at"] = 0.7
    (older / bundle.TRAIN).write_text(json.dumps(made))
    for further in (lambda: tf_keras_twin.settings(older, 1), lambda: narrow.narrow(older, 8, tmp_path / "n")):
        with pytest.raises(ValueError, match=r"unknown key 'step_at'.*train the bundle again$"):
            further()
    (older / bundle.TRAIN).unlink()
    with pytest.raises(ValueError, match=r"holds no train.json"):
        narrow.narrow(older, 8, tmp_path / "n")


def test_what_cannot_be_compressed_says_why_and_leaves_nothing(trained, people, tmp_path):
    train = tf_keras_twin.settings(trained, 1)
    with pytest.raises(ValueError, match=r"sparsity 1 must be above 0 and below 1"):
        compress.prune(trained, 1, train, people, tmp_path / "b")
    with pytest.raises(ValueError, match=r"1 clusters of weights; expected at least 2"):
        compress.cluster(trained, 1, train, people, tmp_path / "b")
    with pytest.raises(ValueError, match=r"exists already; name another --out"):
        compress.prune(trained, 0.5, train, people, trained)

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compress.prune(trained, 0.5, train, people, tmp_path / "b", progress=interrupt)
    assert not list(tmp_path.iterdir())


def test_the_other_commands(trained, people, tmp_path):
    found = json.loads(_run("narrow", str(trained), "--width", "8", "--json", "--out", str(tmp_path / "n")).output)
    assert found["parameters"] < found["parameters_before"]
    refused = _run("cluster", str(trained), "--clusters", "1", "--data", str(people.path), "--out", str(tmp_path / "c"))
    assert refused.exit_code == 1
    assert "expected at least 2" in refused.output


def _run(*arguments):
    return CliRunner().invoke(main, ["compress", *arguments])
