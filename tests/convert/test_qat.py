"""The file is the network that was trained, layer by layer, in every family; and what is not is refused."""

import keras
import numpy as np
import pytest

from poseport import bundle, coco, pose, synth
from poseport.convert import graph, inspect, mirror, qat, quantize, recipes, steps
from poseport.runner import load
from poseport.skeleton import COCO17, LSP14
from poseport.spec import (
    CoordsOutput,
    CpmArchitecture,
    DeepPoseArchitecture,
    HeatmapOutput,
    HourglassArchitecture,
    PoseSpec,
)

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
    "mobile": coords("mobile", "sigma"),
    "alexnet": coords("alexnet", "none"),
    "resnet18": coords("resnet18", "visibility"),
}


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("learned"), 24, seed=6))


def rounded(spec, images):
    """A rounding network with random weights that has seen some images, frozen, and its file."""
    keras.utils.set_random_seed(3)
    model = graph.models.build(spec, keras)
    network = qat.rounding(mirror.mirror(spec, model))
    network(images, training=True)
    frozen = qat.freeze(spec, network)
    return frozen, quantize.to_flatbuffer(frozen, QAT, [])


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_layer_of_the_file_is_the_trained_one_within_a_step(family):
    """Per channel, `pixel - 128`, nothing in float: and no layer computes something else than what was trained."""
    spec = FAMILIES[family]
    images = pose.normalise(spec, np.random.default_rng(0).integers(0, 256, (4, *spec.input_hw, 3)).astype(np.uint8))
    frozen, flatbuffer = rounded(spec, images)
    found = inspect.inspect_bytes(flatbuffer, "m.tflite")
    quantize.verify(found, QAT, spec)
    assert found.macs_by_dtype == {"int8": found.macs}
    layers = steps.layer_steps(frozen.model, flatbuffer, images[:2])
    assert len(layers) > 8
    assert max(layer.largest for layer in layers) <= 1
    assert min(layer.equal for layer in layers) > 0.95


def test_a_layer_that_was_changed_after_the_conversion_is_named():
    spec = FAMILIES["hourglass"]
    images = np.random.default_rng(0).random((2, 64, 64, 3)).astype("float32")
    frozen, flatbuffer = rounded(spec, images)
    kernel = next(w for w in frozen.model.get_layer("quant_hg0_feature_conv").weights if "kernel" in w.name)
    kernel.assign(1.2 * kernel)
    with pytest.raises(ValueError, match=r"differ from the trained ones: hg0_feature_relu by \d+ steps"):
        steps.layer_steps(frozen.model, flatbuffer, images)


def test_converted_with_training(trained, people, tmp_path):
    """One file: int8 as promised, its training in its card, its ranges from no calibration people."""
    seen = []
    tune = qat.Tuner(people, 2, believe=0.5, seed=1, progress=seen.append)
    done = quantize.convert(trained, QAT, tmp_path / "m.tflite", people, tune=tune)
    model = load(done.path)
    assert model.byte_exact
    made = model.card.conversion
    assert (made.recipe, made.calibration) == ("int8-qat", None)
    assert (made.tuning.people, made.tuning.epochs, made.tuning.teacher) == (24, 2, 0.5)
    assert made.tuning.annotations_sha256 == people.sha256
    assert made.tuning.learning_rate == pytest.approx(1e-4)
    assert sum(seen) == 2 * 24
    assert max(layer.largest for layer in done.layers) <= 1
    assert done.card.conversion.weights_sha256 == bundle.sha256(trained / bundle.WEIGHTS)


def test_learning_lowers_the_loss_under_rounding(trained, people):
    """The float network as it is, and its rounding twin after training, on what it was trained on."""
    spec, model = graph.load(trained)
    settings = mirror.settings(trained, 8, 2e-3)
    network = qat.rounding(mirror.mirror(spec, model))
    data = mirror.TrainingPeople(spec, people.persons, settings.augment, 24, 0)
    images, targets = data.make(0)
    loss = mirror.losses.for_spec(spec, settings.loss)
    before = float(loss(targets, model.predict_on_batch(images)))
    mirror.finetune(network, trained, settings, people, believe=0)
    assert float(loss(targets, network.predict_on_batch(images))) < before - 0.05


def test_an_interrupted_training_leaves_nothing(trained, people, tmp_path):
    def interrupt(_):
        raise KeyboardInterrupt

    tune = qat.Tuner(people, 1, progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        quantize.convert(trained, QAT, tmp_path / "m.tflite", people, tune=tune)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_tuned_says_why(trained, tiny_bundle, tiny_cascade, people, tmp_path):
    out = tmp_path / "m.tflite"
    with pytest.raises(ValueError, match=r"trains the network further; give --data DIR and --epochs"):
        quantize.convert(trained, QAT, out, people)
    with pytest.raises(ValueError, match=r"holds no train.json, so how to train it further is not known"):
        qat.Tuner(people, 1)(tiny_bundle)
    with pytest.raises(ValueError, match=r"later stage of a cascade"):
        qat.Tuner(people, 1)(tiny_cascade)
    with pytest.raises(ValueError, match=r"none of 0 people has 5 labelled keypoints"):
        qat.Tuner(people, 1, exclude=people)(trained)
    with pytest.raises(ValueError, match=r"skeleton 'lsp14', but .* was trained for 'coco17'"):
        qat.Tuner(coco.replace(people, skeleton=LSP14), 1)(trained)
    assert not out.exists()


def test_missing_packages_are_one_line(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_model_optimization", None)
    with pytest.raises(ValueError, match=r'is not installed; run `pip install "poseport\[convert\]"`'):
        mirror.packages()
