"""Teams of workers that cannot be are refused."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from poseport.data import coco
from poseport.train import fit, presets
from poseport.train.begin.teacher import Teacher
from poseport.train.config import TeacherConfig
from poseport.train.request import TrainingData
from poseport.train.workers import jax_launcher, strategy
from poseport.train.workers.team import ALONE, Team


def test_a_team_that_cannot_be_is_refused(drawn, tmp_path, monkeypatch):
    preset = presets.preset("mobile-hourglass")
    with pytest.raises(ValueError, match=r"batch of 10 people .* multiple of 4"):
        Team(devices=4).check(preset.spec, preset.train, 10)
    for options, count, message in (
        ({"precision": "mixed_bfloat16"}, 1, "--precision mixed_bfloat16 has been tested with one worker only"),
        ({"precision": "mixed_bfloat16"}, 2, "--precision mixed_bfloat16 has been tested with one worker only"),
        ({"clip_norm": 1.0}, 1, "train.clip_norm: TensorFlow would apply it on each of 2 devices"),
    ):
        with pytest.raises(ValueError, match=message):
            Team(count=count, devices=2, strategy="any").check(preset.spec, replace(preset.train, **options), 8)
    Team(count=2, devices=2, strategy="any").check(preset.spec, replace(preset.train, clip_norm=1.0), 8)
    two, teacher = Team(devices=2), Teacher(TeacherConfig("t", "0"), preset.spec, np.zeros_like)
    with pytest.raises(ValueError, match="--teacher has been tested with one worker only"):
        fit.fit(preset.spec, preset.train, TrainingData(coco.load(drawn), teacher=teacher), tmp_path, team=two)
    with strategy.joined(1) as team:
        assert team == ALONE
    tf.config.list_logical_devices()  # from here on TensorFlow cannot divide the processor any more
    with pytest.raises(ValueError, match="--workers 64: TensorFlow has"), strategy.joined(64):
        pass
    monkeypatch.setenv(jax_launcher.COUNT, "2")
    with pytest.raises(ValueError, match="KERAS_BACKEND=jax"), strategy.joined():
        pass
    monkeypatch.setenv(jax_launcher.INDEX, "2")
    monkeypatch.setenv(jax_launcher.ADDRESSES, "127.0.0.1:1")
    with pytest.raises(ValueError, match=r"expected host:port .* which one this is, from 0"):
        strategy._place()
