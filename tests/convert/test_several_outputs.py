"""Networks whose keypoints lie in two output tensors: SimCC's vectors, trained here or published by others."""

import json
import zipfile
from dataclasses import replace

import keras
import numpy as np
import pytest

from poseport.architecture import MobileNetArchitecture
from poseport.convert import recipes, to_tflite
from poseport.convert.request import AccuracyBudget, QatTraining, Request
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.predict import predict
from poseport.records import dumps
from poseport.skeletons import COCO17
from poseport.spec import PoseSpec, SimccOutput
from poseport.tflite.runner import load
from poseport.train import run_folder
from poseport.train.config import TrainConfig
from poseport.train.networks import models
from poseport.train.record import DataUsed, TrainRecord

ARCHITECTURE = MobileNetArchitecture(multiplier=0.25, blocks=7, dense_units=8)
SPEC = PoseSpec("vectors", ARCHITECTURE, COCO17, (64, 64), SimccOutput(values="logits"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    keras.utils.set_random_seed(3)
    model = models.build(SPEC, keras)
    kernel, bias = model.get_layer("bins").get_weights()
    model.get_layer("bins").set_weights([30 * kernel, bias])  # peaks that rounding does not move
    folder = tmp_path_factory.mktemp("vectors") / "run"
    record = TrainRecord(TrainConfig("softmax", batch=8), DataUsed("p.json", "0", 3), None, {}, 0, epochs_done=1)
    run_folder.write_bundle(folder, SPEC, model, record)
    return folder


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("people"), 24, seed=5))


def converted(source, recipe, people, out, **more):
    return to_tflite.convert(Request(source, recipes.recipe(recipe), out, people, calib_count=12, **more))


@pytest.fixture(scope="module")
def float32(run, people, tmp_path_factory):
    return converted(run, "float32", people, tmp_path_factory.mktemp("float") / "m.tflite").path


def distance(a, b, people):
    wanted, found = (predict(load(path), people.persons)[..., :2] for path in (a, b))
    return np.linalg.norm(wanted - found, axis=-1)


@pytest.mark.parametrize("recipe", ["int8", "int8-p95"])
def test_both_vectors_are_named_and_quantized(recipe, run, float32, people, tmp_path):
    done = converted(run, recipe, people, tmp_path / "m.tflite")
    assert [output.shape for output in done.inspection.outputs] == [(1, 17, 128), (1, 17, 128)]
    assert {output.dtype for output in done.inspection.outputs} == {"int8"}
    assert np.median(distance(float32, done.path, people)) < 3


def test_trained_under_rounding(run, people, tmp_path):
    done = converted(run, "int8-qat", people, tmp_path / "m.tflite", training=QatTraining(people, epochs=1))
    assert np.isfinite(predict(load(done.path), people.persons)).all()


def test_a_budget_counts_both(run, float32, people, tmp_path):
    """The loss on the people to tune on is measured by keypoints, which need both vectors; they are labelled by it."""
    tune = coco.load(synth.write_people(tmp_path / "tune", 16, seed=6))
    found = predict(load(float32), tune.persons)
    labels = [np.column_stack([each[:, :2], np.full(17, 2.0)]) for each in found]
    persons = (replace(person, keypoints=points) for person, points in zip(tune.persons, labels, strict=True))
    tune = replace(tune, persons=tuple(persons))
    done = converted(run, "int8", people, tmp_path / "m.tflite", budget=AccuracyBudget(90.0, tune, 16))
    assert done.card.conversion.budget is not None


def test_a_file_of_others_is_quantized(float32, people, tmp_path):
    """The same network without its card, and a spec beside it that names the tensors."""
    theirs = tmp_path / "theirs.tflite"
    with zipfile.ZipFile(float32) as card:
        begin = min(member.header_offset for member in card.infolist())
    theirs.write_bytes(float32.read_bytes()[:begin])
    spec = json.loads(dumps(SPEC))
    spec["architecture"] = {"kind": "foreign", "source": "somebody"}
    theirs.with_suffix(".json").write_text(json.dumps(spec))
    done = converted(theirs, "int8", people, tmp_path / "m.int8.tflite", io="int8")
    assert np.median(distance(theirs, done.path, people)) < 3


def test_a_decoder_inside_reads_both(run, float32, people, tmp_path):
    done = converted(run, "float32", people, tmp_path / "m.tflite", head="keypoints")
    assert [output.shape for output in done.inspection.outputs] == [(1, 17, 3)]
    assert distance(float32, done.path, people).max() < 0.01
