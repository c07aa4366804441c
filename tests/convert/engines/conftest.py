"""A network whose bad layer is known, people to calibrate and to tune on, and a finished search."""

import keras
import pytest
from poisoned_network import labelled_by, poison, search

from poseport.architecture import DeepPoseArchitecture
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, PoseSpec
from poseport.train.networks import models


@pytest.fixture(scope="session")
def poisoned(tmp_path_factory):
    """Random weights that tell people apart, with a bad channel between `stem_b` and `block0`."""
    keras.utils.set_random_seed(0)
    spec = PoseSpec("dp", DeepPoseArchitecture(width=0.25, dense_units=32), COCO17, (64, 64), CoordsOutput())
    model = models.build(spec, keras)
    kernel, bias = model.get_layer("coords").get_weights()
    # a fresh network fades from layer to layer: its last kernel makes up for it
    model.get_layer("coords").set_weights([3e6 * kernel, bias])
    gamma, beta, *moving = model.get_layer("stem_b_bn").get_weights()
    gamma[3] = beta[3] = 1
    model.get_layer("stem_b_bn").set_weights([gamma, beta, *moving])
    return poison(spec, model, "stem_b_bn", "block0_dw", tmp_path_factory.mktemp("poisoned") / "bundle")


@pytest.fixture(scope="session")
def calib(tmp_path_factory):
    return coco.load(synth.write_people(tmp_path_factory.mktemp("calib"), 30, seed=5))


@pytest.fixture(scope="session")
def tune(poisoned, drawn, tmp_path_factory):
    """Counted ten times as large as they are: in a crop of 64 pixels a step of int8 is no small part of an eye."""
    return labelled_by(poisoned, coco.load(drawn), tmp_path_factory.mktemp("float"), larger=100)


@pytest.fixture(scope="session")
def done(poisoned, calib, tune, tmp_path_factory):
    return search(poisoned, calib, tune, tmp_path_factory.mktemp("done") / "m.tflite")
