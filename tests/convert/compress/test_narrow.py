"""Channels that nobody uses can go without a trace, in every family; the rest is refused in words."""

import shutil
from dataclasses import replace

import keras
import numpy as np
import pytest

from poseport import bundle
from poseport.architecture import CpmArchitecture, DeepPoseArchitecture, HourglassArchitecture, MobileNetArchitecture
from poseport.convert.compress import narrow
from poseport.records import read_json
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec
from poseport.train.evaluate import predict_outputs
from poseport.train.networks import models
from poseport.train.progress.callbacks import save_weights
from poseport.train.record import TrainRecord


def heatmaps(architecture):
    return PoseSpec("test", architecture, COCO17, (64, 64), HeatmapOutput(values="gaussian"))


def coords(trunk, score):
    architecture = DeepPoseArchitecture(trunk=trunk, width=0.5, dense_units=24)
    return PoseSpec("test", architecture, COCO17, (96, 96), CoordsOutput(score=score))


FAMILIES = {
    "hourglass": (heatmaps(HourglassArchitecture(stacks=2, width=16, depth=2)), 8),
    "bottleneck": (heatmaps(HourglassArchitecture(width=16, depth=2, block="bottleneck")), 8),
    "cpm": (heatmaps(CpmArchitecture(stages=2, width=16)), 12),
    "plain cpm": (heatmaps(CpmArchitecture(stages=2, width=16, block="plain")), 8),
    "mobilenet": (heatmaps(MobileNetArchitecture(multiplier=0.1, blocks=7, width=32, depth=1)), 16),
    "mobile": (coords("mobile", "sigma"), 0.25),
    "alexnet": (coords("alexnet", "none"), 0.25),
    "resnet18": (coords("resnet18", "visibility"), 0.25),
}


def silence(model, narrower):
    """Switch off, in every group, the channels that a narrower network has no room for."""
    rng = np.random.default_rng(0)
    groups = narrow._groups(model)
    alive = {}
    for layer in narrower.layers:
        if narrow._makes_channels(layer):
            wide = model.get_layer(layer.name).output.shape[-1]
            group = groups[id(model.get_layer(layer.name).output)]
            if group not in alive:
                alive[group] = np.isin(np.arange(wide), rng.permutation(wide)[: layer.output.shape[-1]])
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            on = alive[groups[id(layer.output)]]
            gamma = rng.uniform(0.5, 1.5, gamma.shape)
            layer.set_weights([gamma * on, rng.normal(0, 0.3, beta.shape) * on, mean, variance])


SLOW = ("plain cpm", "resnet18")


@pytest.mark.parametrize("family", [pytest.param(f, marks=pytest.mark.slow if f in SLOW else ()) for f in FAMILIES])
def test_channels_that_say_nothing_leave_no_trace(family):
    spec, width = FAMILIES[family]
    keras.utils.set_random_seed(2)
    old = models.build(spec, keras)
    new = models.build(narrow._with_width(spec, width), keras)
    silence(old, new)
    narrow.copy_channels(old, new)
    assert new.count_params() < 0.8 * old.count_params()
    images = np.random.default_rng(1).random((2, *spec.input_hw, 3)).astype("float32")
    wanted, found = predict_outputs(old, images), predict_outputs(new, images)
    assert np.ptp(wanted) > 1e-3
    np.testing.assert_allclose(found, wanted, atol=1e-4 * np.ptp(wanted))


def test_a_narrow_bundle_is_a_bundle_that_says_where_it_came_from(trained, tmp_path):
    done = narrow.narrow(trained, 8, tmp_path / "cut")
    spec, model = models.load(tmp_path / "cut", keras)
    assert spec.architecture == replace(bundle.read_spec(trained).architecture, width=8)
    assert done.parameters[1] == model.count_params() < done.parameters[0]
    made = read_json(TrainRecord, tmp_path / "cut" / bundle.TRAIN)
    assert (made.epochs_done, made.compression.kind, made.compression.amount) == (0, "narrowed", 8)
    assert made.initial.weights_sha256 == bundle.sha256(trained / bundle.WEIGHTS)
    with pytest.raises(ValueError, match="exists already; name another --out"):
        narrow.narrow(trained, 8, tmp_path / "cut")


@pytest.mark.parametrize(
    ("width", "message"),
    [(16, "has width 16; give a smaller one"), (7.5, "whole number of channels"), (6, "positive multiple of 4")],
)
def test_a_width_that_is_none_is_refused(trained, tmp_path, width, message):
    with pytest.raises(ValueError, match=message):
        narrow.narrow(trained, width, tmp_path / "cut")
    assert not list(tmp_path.iterdir())


def test_a_disk_without_room_is_one_line_and_leaves_nothing(trained, tmp_path, monkeypatch):
    """HDF5 ends the process where the disk is full, so the room is looked for before."""
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=100_000))
    with pytest.raises(ValueError, match=r"0\.\d MB are needed and 0\.1 MB free; make room"):
        narrow.narrow(trained, 8, tmp_path / "cut")
    with pytest.raises(ValueError, match="make room"):
        save_weights(models.load(trained, keras)[1], tmp_path / bundle.WEIGHTS)
    assert not list(tmp_path.iterdir())
