"""The file is the network that was trained, layer by layer, in every family; and what is not is refused."""

import functools
from dataclasses import replace

import keras
import numpy as np
import pytest
import tf_keras

from poseport import bundle, pose
from poseport.architecture import CpmArchitecture, DeepPoseArchitecture, HourglassArchitecture, MobileNetArchitecture
from poseport.convert import recipes, to_tflite
from poseport.convert.engines import qat, tf_keras_twin, tflite_converter
from poseport.convert.graph import frozen_graph
from poseport.convert.request import QatTraining, Request
from poseport.convert.verify import layer_parity, recipe_checks
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.skeletons import COCO17, LSP14
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec
from poseport.tflite import inspection
from poseport.tflite.runner import load
from poseport.train.networks import models

QAT = recipes.recipe("int8-qat")


def heatmaps(architecture, values="gaussian"):
    return PoseSpec("test", architecture, COCO17, (64, 64), HeatmapOutput(values=values))


def coords(trunk, score):
    architecture = DeepPoseArchitecture(trunk=trunk, width=0.25, dense_units=24, dropout=0.3)
    return PoseSpec("test", architecture, COCO17, (96, 96), CoordsOutput(score=score))


FAMILIES = {
    "hourglass": heatmaps(HourglassArchitecture(stacks=2, width=16, depth=2), "logits"),
    "bottleneck": heatmaps(HourglassArchitecture(width=16, depth=2, block="bottleneck", head="sigmoid")),
    "cpm": heatmaps(CpmArchitecture(stages=2, width=16), "logits"),
    "plain cpm": heatmaps(CpmArchitecture(stages=2, width=16, block="plain")),
    "mobilenet": heatmaps(MobileNetArchitecture(multiplier=0.25, blocks=7, width=16, depth=1), "logits"),
    "mobile": coords("mobile", "sigma"),
    "alexnet": coords("alexnet", "none"),
    "resnet18": coords("resnet18", "visibility"),
}


SLOW = ("plain cpm", "alexnet", "resnet18")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("learned"), 24, seed=6))


@functools.cache
def rounded(family):
    """A rounding network with random weights that has seen some images, frozen; those images; its file."""
    spec = FAMILIES[family]
    keras.utils.set_random_seed(3)
    images = pose.normalise(spec, np.random.default_rng(0).integers(0, 256, (4, *spec.input_hw, 3)).astype(np.uint8))
    network = qat.rounding(tf_keras_twin.twin(spec, models.build(spec, keras)))
    for layer in (getattr(layer, "layer", layer) for layer in network.layers):
        if isinstance(layer, tf_keras.layers.BatchNormalization):
            layer.momentum = 0.0  # statistics of these images, or values would be few steps large
    network(images, training=True)
    frozen = qat.freeze(spec, network)
    return frozen, images[:2], tflite_converter.convert(frozen, QAT)


@pytest.mark.parametrize("family", [pytest.param(f, marks=pytest.mark.slow if f in SLOW else ()) for f in FAMILIES])
def test_every_layer_of_the_file_is_the_trained_one_within_a_step(family):
    """Per channel, `pixel - 128`, nothing in float: and no layer computes something else than what was trained."""
    frozen, images, flatbuffer = rounded(family)
    found = inspection.inspect_bytes(flatbuffer, "m.tflite")
    recipe_checks.check_recipe(found, QAT, frozen.spec)
    assert found.macs_by_dtype == {"int8": found.macs}
    layers = layer_parity.compare_layers(frozen.model, flatbuffer, images)
    assert len(layers) >= 8
    assert max(layer.largest for layer in layers) <= 1
    assert min(layer.equal for layer in layers) > 0.7  # a pooling's average is rounded in two steps


def test_a_layer_that_is_another_one_is_named():
    frozen, images, flatbuffer = rounded("hourglass")
    kernel = next(w for w in frozen.model.get_layer("quant_hg0_feature_conv").weights if "kernel" in w.name)
    trained = kernel.numpy()
    kernel.assign(1.2 * trained)
    with pytest.raises(ValueError, match=r"differ from the trained ones: hg0_feature_relu by \d+ steps"):
        layer_parity.compare_layers(frozen.model, flatbuffer, images)
    kernel.assign(trained)


def test_converted_with_training(trained, people, tmp_path):
    """One file: int8 as promised, its training in its card, its ranges from no calibration people."""
    seen = []
    training = QatTraining(people, 2, teacher_weight=0.5)
    done = to_tflite.convert(
        Request(trained, QAT, tmp_path / "m.tflite", people, seed=1, training=training), seen.append
    )
    model = load(done.path)
    assert model.byte_exact
    made = model.card.conversion
    assert (made.recipe, made.calibration) == ("int8-qat", None)
    assert (made.finetuning.people, made.finetuning.epochs, made.finetuning.teacher) == (24, 2, 0.5)
    assert made.finetuning.annotations_sha256 == people.sha256
    assert made.finetuning.learning_rate == pytest.approx(1e-4)
    assert sum(seen) == 2 * 24 + 24  # trained on, then compared
    assert max(layer.largest for layer in done.layers) <= 1
    assert done.card.conversion.weights_sha256 == bundle.sha256(trained / bundle.WEIGHTS)


def test_learning_lowers_the_loss_under_rounding(trained, people):
    settings = tf_keras_twin.settings(trained, 8, 2e-3)
    spec, model = frozen_graph.load(trained)
    network = qat.rounding(tf_keras_twin.twin(spec, model))
    data = tf_keras_twin.TrainingBatches(tf_keras_twin.CropSource(spec, people.persons, settings.augment), 24)
    images, targets = data.make(0)
    loss = tf_keras_twin.losses.for_spec(spec, settings.loss)
    before = float(loss(targets, network(images, training=True)))
    tf_keras_twin.finetune(network, trained, settings, people, teacher_weight=0)
    assert float(loss(targets, network(images, training=True))) < before - 0.05


def test_an_interrupted_training_leaves_nothing(trained, people, tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    training = QatTraining(people, 1)
    with pytest.raises(KeyboardInterrupt):
        to_tflite.convert(Request(trained, QAT, tmp_path / "m.tflite", people, training=training), interrupt)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_tuned_says_why(trained, tiny_bundle, tiny_cascade, people, tmp_path):
    out = tmp_path / "m.tflite"
    with pytest.raises(ValueError, match=r"trains the network further; give --data DIR and --epochs"):
        to_tflite.convert(Request(trained, QAT, out, people))
    with pytest.raises(ValueError, match=r"holds no train.json, so how to train it further is not known"):
        qat.train(tiny_bundle, QatTraining(people, 1))
    with pytest.raises(ValueError, match=r"later stage of a cascade"):
        qat.train(tiny_cascade, QatTraining(people, 1))
    with pytest.raises(ValueError, match=r"none of 0 people has 5 labelled keypoints"):
        qat.train(trained, QatTraining(people, 1), exclude=people)
    with pytest.raises(ValueError, match=r"skeleton 'lsp14', but .* was trained for 'coco17'"):
        qat.train(trained, QatTraining(replace(people, skeleton=LSP14), 1))
    assert not out.exists()


def test_missing_packages_are_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_model_optimization", None)
    with pytest.raises(ValueError, match=r'is not installed; run `pip install "poseport\[convert\]"`'):
        tf_keras_twin.packages()
