"""What the tests of all folders share: a small drawn set, and a tiny network in two recipes."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from poseport import bundle
from poseport.architecture import DeepPoseArchitecture, HourglassArchitecture
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec, Refine

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations of 60 drawn people, in images of 384x288 (width x height)."""
    return synth.write_people(tmp_path_factory.mktemp("drawn"), 60, seed=0)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a small hourglass with random weights: it finds nobody, but it runs, and always alike."""
    import keras

    from poseport.train.networks import models
    from poseport.train.progress import callbacks

    spec = PoseSpec(
        name="tiny",
        architecture=HourglassArchitecture(stacks=1, width=16, depth=2, block="separable"),
        skeleton=COCO17,
        input_hw=(64, 64),
        output=HeatmapOutput(values="logits"),
    )
    directory = tmp_path_factory.mktemp("tiny") / "bundle"
    keras.utils.set_random_seed(0)
    callbacks.save_weights(models.build(spec, keras), directory / bundle.WEIGHTS)
    bundle.write_spec(directory, spec)
    return directory


@pytest.fixture(scope="session")
def tiny_models(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`tiny_bundle` converted: recipe name -> .tflite."""
    from poseport.convert import to_tflite
    from poseport.convert.recipes import recipe
    from poseport.convert.request import Request

    folder = tmp_path_factory.mktemp("tiny_models")
    people = coco.load(synth.write_people(folder / "calibration", 24, seed=1))
    return {
        name: to_tflite.convert(
            Request(tiny_bundle, recipe(name), folder / f"tiny.{name}.tflite", people, calib_count=16)
        ).path
        for name in ("float32", "int8")
    }


@pytest.fixture(scope="session")
def tiny_cascade(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle that refines `tiny_bundle`, with random weights: it moves keypoints by a few pixels, always alike."""
    import keras

    from poseport.train.networks import models
    from poseport.train.progress import callbacks

    spec = PoseSpec(
        name="tiny-refine",
        architecture=DeepPoseArchitecture(width=0.25, dense_units=32),
        skeleton=COCO17,
        input_hw=(32, 32),
        output=CoordsOutput(),
        padding=1.0,
        refine=Refine(box_sigma=1.5),
    )
    directory = tmp_path_factory.mktemp("tiny_cascade") / "bundle"
    keras.utils.set_random_seed(1)
    model = models.build(spec, keras)
    head = model.get_layer("coords")
    kernel, bias = head.get_weights()
    head.set_weights([20 * kernel, bias + 0.05])  # from where a fresh head starts, nothing would move
    callbacks.save_weights(model, directory / bundle.WEIGHTS)
    bundle.write_spec(directory, spec)
    bundle.adopt(tiny_bundle, directory)
    return directory


@pytest.fixture(scope="session")
def tiny_cascades(tiny_cascade: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """`tiny_cascade` converted: recipe name -> .tflite."""
    from poseport.convert import to_tflite
    from poseport.convert.recipes import recipe
    from poseport.convert.request import Request

    folder = tmp_path_factory.mktemp("tiny_cascades")
    people = coco.load(synth.write_people(folder / "calibration", 12, seed=1))
    return {
        name: to_tflite.convert(
            Request(tiny_cascade, recipe(name), folder / f"cascade.{name}.tflite", people, calib_count=8)
        ).path
        for name in ("float32", "int8")
    }


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of 384x288 (width x height) with a drawn person."""
    image, _ = synth.scene(np.random.default_rng(4), (288, 384))
    path = tmp_path_factory.mktemp("photo") / "photo.jpg"
    cv2.imwrite(str(path), image[..., ::-1])
    return path
