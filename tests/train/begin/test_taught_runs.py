"""Training with a teacher: the same batches and weights whether or not it was interrupted."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from teachers import SPEC

from poseport import bundle
from poseport.command.cli import main
from poseport.data import coco
from poseport.records import read_json
from poseport.train import fit
from poseport.train.begin import teacher
from poseport.train.begin.teacher import Teacher
from poseport.train.config import TrainConfig
from poseport.train.record import TrainRecord
from poseport.train.request import Reporting, Start, TrainingData
from poseport.train.samples.augment import AugmentConfig
from poseport.train.samples.sample import CropSource
from poseport.train.samples.training_batches import TrainingBatches


def test_taught_batches_depend_on_seed_epoch_and_index_only(people: coco.People, tiny: Teacher) -> None:
    persons = people.for_training().persons
    assert tiny.mixer(SPEC) is None
    mix = replace(tiny, config=replace(tiny.config, targets="heatmaps")).mixer(SPEC)
    assert mix is not None
    source = CropSource(SPEC, persons, AugmentConfig(), seed=3)
    whole = TrainingBatches(source, 8, epochs=3, mix=mix)
    resumed = TrainingBatches(source, 8, epochs=3, first_epoch=1, mix=mix)
    plain = TrainingBatches(source, 8, epochs=3)
    index = whole.steps + 1
    for a, b in zip(whole[index], resumed[1], strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(whole[index][0], plain[index][0])
    assert np.isnan(np.asarray(plain[index][1])).any()
    assert not np.isnan(np.asarray(whole[index][1])).any()  # it is believed everywhere
    for data in (whole, resumed, plain):
        data.close()


def weights(path: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.slow
def test_a_run_taught_by_a_bundle_resumes_with_the_same_weights(
    people: coco.People, tiny_bundle: Path, tmp_path: Path
) -> None:
    """The teacher's maps are part of every batch, also of those after the interruption."""
    settings = TrainConfig(loss="softmax", epochs=2, batch=16, learning_rate=3e-3, eval_every=9)
    asked = teacher.load(tiny_bundle, targets="heatmaps", threshold=1e-6)
    fit.fit(SPEC, settings, TrainingData(people, teacher=asked), tmp_path / "whole")

    def interrupt(line: str, **_: Any) -> None:
        if line.startswith("epoch 1/2"):
            raise KeyboardInterrupt

    with pytest.raises(fit.Interrupted, match="1 whole epochs are kept"):
        fit.fit(
            SPEC, settings, TrainingData(people, teacher=asked), tmp_path / "cut", reporting=Reporting(echo=interrupt)
        )
    for other in (None, teacher.load(tiny_bundle, targets="heatmaps", threshold=0.5)):
        with pytest.raises(ValueError, match="other settings"):
            fit.fit(SPEC, settings, TrainingData(people, teacher=other), tmp_path / "cut", start=Start(resume=True))
    fit.fit(SPEC, settings, TrainingData(people, teacher=asked), tmp_path / "cut", start=Start(resume=True))
    a, b = (weights(tmp_path / run / bundle.WEIGHTS) for run in ("whole", "cut"))
    assert a.keys() == b.keys()
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=1e-4, atol=1e-5, err_msg=name)


def test_the_commands_share_a_cache(
    drawn: Path, people: coco.People, tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    cache, run = str(tmp_path / "c.npz"), tmp_path / "run"
    with_teacher = ["--teacher", str(tiny_models["int8"])]
    told = CliRunner().invoke(main, ["data", "disagree", str(drawn), *with_teacher, "--cache", cache, "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["people"] == len(people)
    train = ["train", "--preset", "mobile-hourglass", "--input-size", "64", "--data", str(drawn), "--epochs", "1"]
    options = [*with_teacher, "--teacher-cache", cache, "--set", "teacher.weight=0.25", "--out", str(run), "--quiet"]
    before = Path(cache).read_bytes()
    ran = CliRunner().invoke(main, [*train, *options])
    assert ran.exit_code == 0, ran.output
    assert Path(cache).read_bytes() == before
    taught = read_json(TrainRecord, run / bundle.TRAIN).train.teacher
    assert taught is not None
    assert (taught.file, taught.targets, taught.weight) == ("tiny.int8.tflite", "keypoints", 0.25)
    refused = CliRunner().invoke(
        main, [*train, *with_teacher, "--set", "teacher.flip=true", "--out", str(run), "--quiet"]
    )
    assert refused.exit_code == 1
    assert "holds a run already" in refused.output
    alone = CliRunner().invoke(main, [*train, "--set", "teacher.weight=0.3", "--out", str(run), "--quiet"])
    assert "name one with --teacher" in alone.output
    assert not (run / teacher.CACHE).exists()
