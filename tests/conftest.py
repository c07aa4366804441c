"""What the tests of all folders share: a small drawn set, and a tiny network in two recipes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from poseport import bundle, coco, synth
from poseport.skeleton import COCO17
from poseport.spec import HeatmapOutput, HourglassArchitecture, PoseSpec

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Annotations of 60 drawn people, in images of 384x288 (width x height)."""
    return synth.write_people(tmp_path_factory.mktemp("drawn"), 60, seed=0)


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of a small hourglass with random weights: it finds nobody, but it runs, and always alike."""
    import keras

    from poseport.train import callbacks, models

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
    from poseport.convert import quantize
    from poseport.convert.recipes import recipe

    folder = tmp_path_factory.mktemp("tiny_models")
    people = coco.load(synth.write_people(folder / "calibration", 24, seed=1))
    return {
        name: quantize.convert(tiny_bundle, recipe(name), folder / f"tiny.{name}.tflite", people, count=16).path
        for name in ("float32", "int8")
    }
