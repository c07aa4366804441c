"""What a training would cost, told before it begins."""

from dataclasses import replace

import keras
import pytest

from poseport.data import coco
from poseport.tflite.inspection import inspect_bytes
from poseport.train import dryrun
from poseport.train.config import TrainConfig
from poseport.train.networks import models

SETTINGS = TrainConfig(loss="softmax", epochs=7, batch=16, optimizer="sgd", momentum=0.9, ema=0.5)


def test_multiply_adds_are_those_of_the_converted_file(tiny_bundle, tiny_models):
    _, model = models.load(tiny_bundle, keras)
    assert dryrun.macs(model) == inspect_bytes(tiny_models["float32"].read_bytes(), "m").macs


def test_two_steps_are_tried_and_sizes_told(drawn, tiny_bundle):
    people = coco.load(drawn)
    spec, model = models.load(tiny_bundle, keras)
    before = sorted(tiny_bundle.iterdir())
    found = dryrun.dry_run(spec, SETTINGS, people, people, init=tiny_bundle)
    assert sorted(tiny_bundle.iterdir()) == before
    assert len(found.losses) == 2
    assert all(0 < loss < 20 for loss in found.losses)
    assert (found.people, found.batch, found.steps_per_epoch, found.epochs) == (60, 16, 3, 7)
    assert found.parameters == model.count_params()
    assert found.weights_bytes == 4 * found.parameters
    # momentum and moving average, each as large as the weights that are trained
    assert found.optimizer_bytes == pytest.approx(8 * found.trainable, abs=100)
    stem = 16 * 32 * 32 * 8 * 4  # batch, rows, columns, channels, bytes of the first convolution's output
    assert found.activations_bytes > 10 * stem
    text = found.text()
    assert f"{found.parameters:,}" in text
    assert f"{2 * found.macs / 1e9:.3f} GFLOPs" in text
    assert "arrays copied" in text


def test_half_precision_needs_less_for_activations(drawn, tiny_bundle):
    people = coco.load(drawn)
    spec, _ = models.load(tiny_bundle, keras)
    whole = dryrun.dry_run(spec, replace(SETTINGS, ema=0), people, None)
    half = dryrun.dry_run(spec, replace(SETTINGS, ema=0, precision="mixed_float16"), people, None)
    assert half.activations_bytes < 0.7 * whole.activations_bytes
    assert half.weights_bytes == whole.weights_bytes
    assert keras.config.dtype_policy().name == "float32"
