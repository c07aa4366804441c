"""A MobileNetV2's weights out of a .tflite file: the same features, in every type of weights that a file has."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf
from places import SHARED
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from poseport import bundle, pose
from poseport.architecture import HourglassArchitecture, MobileNetArchitecture
from poseport.convert import recipes, to_tflite
from poseport.convert.request import Request
from poseport.data import batches, coco
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train import fit, phase
from poseport.train.begin import transplant
from poseport.train.config import TrainConfig
from poseport.train.networks import mobilenet, models
from poseport.train.progress.callbacks import save_weights
from poseport.train.request import Start, TrainingData
from poseport.train.samples.augment import AugmentConfig
from poseport.train.samples.sample import CropSource

SPEC = PoseSpec(
    "mobilenet",
    MobileNetArchitecture(multiplier=0.25, blocks=8, width=8),
    COCO17,
    (96, 96),
    HeatmapOutput(values="logits"),
)
PEERS = SHARED / "peers"


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A bundle of random weights and batch normalisations that have seen something, and its network."""
    keras.utils.set_random_seed(1)
    model = models.build(SPEC, keras)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.get_weights()[0].shape
            positive = [random.uniform(0.5, 1.5, shape) for _ in range(2)]
            layer.set_weights([positive[0], *(random.normal(0, 0.3, shape) for _ in range(2)), positive[1]])
    folder = tmp_path_factory.mktemp("encoder") / "bundle"
    bundle.write_spec(folder, SPEC)
    save_weights(model, folder / bundle.WEIGHTS)
    return folder, model


@pytest.fixture(scope="module")
def files(source, drawn, tmp_path_factory):
    """Its converted file of a recipe."""
    folder = tmp_path_factory.mktemp("files")

    def file(recipe):
        path = folder / f"encoder.{recipe}.tflite"
        if not path.exists():
            to_tflite.convert(Request(source[0], recipes.recipe(recipe), path, coco.load(drawn), calib_count=8))
        return path

    return file


def features(model, number, images):
    block = model.get_layer(f"block{number}_project_bn")
    return keras.Model(model.input, block.output).predict_on_batch(images)


@pytest.mark.parametrize(("recipe", "error"), [("float32", 1e-4), ("float16", 3e-3), ("int8", 0.1), ("dynamic", 0.1)])
def test_the_features_are_those_of_the_file(source, files, drawn, recipe, error):
    keras.utils.set_random_seed(2)
    model = models.build(SPEC, keras)
    persons = coco.load(drawn).persons
    found = transplant.transplant(model, SPEC, files(recipe), persons)
    assert found.bundle == files(recipe).name
    assert found.weights_sha256 == bundle.sha256(files(recipe))
    assert found.copied == sum(len(x.weights) for x in model.layers if x.name.startswith(mobilenet.ENCODER))
    assert found.copied < found.arrays == len(model.weights)
    assert "heatmaps" in found.left
    crops = pose.normalise(SPEC, next(batches.batches(SPEC, persons, 8)).crops)
    # what the file's network sees runs from -1 to 1; cells near the lower and right border see other padding
    wanted = features(source[1], 4, 2 * crops - 1)[:, :6, :6]
    got = features(model, 4, crops)[:, :6, :6]
    assert np.sqrt(np.mean((got - wanted) ** 2)) < error * np.std(wanted)


def test_a_batch_normalisation_in_training_changes_nothing_at_first(files, drawn):
    """Its mean and variance are those of people, so a batch of others is normalised to almost the same."""
    model = models.build(SPEC, keras)
    persons = coco.load(drawn).persons
    transplant.transplant(model, SPEC, files("float32"), persons)
    crops = pose.normalise(SPEC, next(batches.batches(SPEC, persons, 48)).crops)
    probe = keras.Model(model.input, model.get_layer("block3_project_bn").output)
    still, training = (np.asarray(probe(crops, training=flag)) for flag in (False, True))
    assert np.corrcoef(still.ravel(), training.ravel())[0, 1] > 0.99
    assert np.abs(still - training).mean() < 0.1 * np.std(still)


def test_training_begins_from_a_file_and_holds_the_encoder_still(files, drawn, tmp_path):
    settings = TrainConfig(
        loss="softmax", epochs=2, batch=30, learning_rate=1e-3, freeze_epochs=1, augment=AugmentConfig()
    )
    people = coco.load(drawn)
    source = CropSource(SPEC, people.persons, settings.augment, settings.seed)
    first = phase.prepare(SPEC, settings, source, phase.PhaseStart(init=files("float32")))
    held = [x.name for x in first.model.layers if x.weights and not x.trainable_weights]
    first.data.close()
    assert held == [x.name for x in first.model.layers if x.weights and x.name.startswith(mobilenet.ENCODER)]
    record = fit.fit(SPEC, settings, TrainingData(people), tmp_path / "run", start=Start(init=files("float32")))
    assert record.epochs_done == 2
    assert record.initial is not None
    assert record.initial.bundle == "encoder.float32.tflite"
    with pytest.raises(ValueError, match="has finished after 2 epochs"):
        fit.fit(SPEC, settings, TrainingData(people), tmp_path / "run", start=Start(init=files("float32"), resume=True))
    with pytest.raises(ValueError, match="was started with another --init"):
        fit.fit(SPEC, settings, TrainingData(people), tmp_path / "run", start=Start(init=files("int8"), resume=True))


def with_(**fields):
    return replace(SPEC, architecture=replace(SPEC.architecture, **fields))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            with_(multiplier=0.5),
            r"begins with 8 channels and the network with 16; give .* \(--set architecture.multiplier=0.25\)",
        ),
        (with_(blocks=12), r"holds 8 of MobileNetV2's blocks; give at most --set architecture.blocks=8"),
        (PoseSpec("hg", HourglassArchitecture(), COCO17, (64, 64), HeatmapOutput()), "only a mobilenet can begin"),
        (replace(SPEC, mean=(9.0, 9.0, 9.0)), "its mean and std do not scale pixels to 0..1"),
    ],
)
def test_what_does_not_fit_is_refused(files, drawn, spec, message):
    with pytest.raises(ValueError, match=message):
        transplant.transplant(models.build(spec, keras), spec, files("float32"), coco.load(drawn).persons)


def test_a_file_without_such_an_encoder_is_refused(tiny_models, drawn):
    with pytest.raises(
        ValueError, match="differs from MobileNetV2 from convolution 3 on; give a MobileNetV2 or a MoveNet"
    ):
        transplant.transplant(models.build(SPEC, keras), SPEC, tiny_models["float32"], coco.load(drawn).persons)


def test_a_classifier_of_keras_has_one(drawn, tmp_path):
    """It pads before it strides, and its classifier comes behind: random weights do, as no pretrained file is here."""
    theirs = keras.applications.MobileNetV2(input_shape=(96, 96, 3), alpha=0.35, weights=None)
    network = tf.function(lambda image: theirs(image, training=False))
    variables = network.get_concrete_function(tf.TensorSpec((1, 96, 96, 3), tf.float32))
    signature = convert_variables_to_constants_v2(variables)
    file = tmp_path / "classifier.tflite"
    file.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([signature]).convert())
    spec = with_(multiplier=0.35, blocks=17)
    model, persons = models.build(spec, keras), coco.load(drawn).persons
    assert transplant.transplant(model, spec, file, persons).copied == 5 * len(
        mobilenet.convolutions(spec.architecture)
    )
    crops = pose.normalise(spec, next(batches.batches(spec, persons, 4)).crops)
    probe = keras.Model(theirs.input, theirs.get_layer("block_3_project_BN").output)
    wanted, got = probe.predict_on_batch(2 * crops - 1)[:, :6, :6], features(model, 3, crops)[:, :6, :6]
    assert np.sqrt(np.mean((got - wanted) ** 2)) < 1e-3 * np.std(wanted)


@pytest.mark.skipif(not PEERS.is_dir(), reason="others' networks are not here")
@pytest.mark.parametrize(("name", "multiplier"), [("movenet_lightning_int8_4", 1.0), ("movenet_thunder_fp16", 1.75)])
def test_movenet_has_one(drawn, name, multiplier):
    spec = with_(multiplier=multiplier, blocks=17)
    found = transplant.transplant(models.build(spec, keras), spec, PEERS / f"{name}.tflite", coco.load(drawn).persons)
    assert found.copied == 5 * len(mobilenet.convolutions(spec.architecture))
