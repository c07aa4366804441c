"""A detector trains, resumes to the same weights, converts and finds people, by the commands alone."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from places import ROOT

from poseport import bundle
from poseport.command.cli import main
from poseport.people import detector
from poseport.records import read_json
from poseport.tflite import model_file
from poseport.train.detector import fit, network
from poseport.train.detector.record import DetectorRecord
from poseport.train.networks import models


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def train(pose_bundle, people, out, epochs, *more):
    return run(
        "train", "--preset", "person-detector", "--data", people, "--val", people, "--init", pose_bundle, "--out", out,
        "--epochs", epochs, "--batch", 4, "--input-size", 64, "--eval-every", 2, *more,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(pose_bundle, people, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "person"
    found = train(pose_bundle, people, out, 4, "--quiet")
    assert found.exit_code == 0, found.output
    return out


def test_the_head_sits_behind_the_last_sum_of_stride_8(pose_bundle):
    spec, model = network.begin(pose_bundle, (96, 64), keras)
    assert [node.kind for node in spec.architecture.nodes] == [
        "conv", "conv", "conv", "conv", "resize", "join", "depthwise", "conv", "depthwise", "conv", "conv",
    ]  # fmt: skip
    assert model.output_shape[1:] == spec.output_shape == (12, 8, 5)
    _, before = models.load(pose_bundle, keras)
    for mine, its in (("conv1", "conv1"), ("conv3", "conv3"), ("conv4", "conv5")):
        for a, b in zip(model.get_layer(mine).get_weights(), before.get_layer(its).get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_signal_reaches_the_output_of_a_new_head(pose_bundle):
    spec, model = network.begin(pose_bundle, (96, 64), keras)
    pictures = np.random.default_rng(0).random((4, 96, 64, 3), np.float32)
    spread = [
        keras.Model(model.inputs, tensor).predict(pictures, verbose=0).std()
        for tensor in (model.get_layer("depthwise7").input, model.get_layer(spec.output_name).input)
    ]
    assert spread[1] > 0.2 * spread[0]


def test_the_run_is_a_bundle_with_its_record(trained, people):
    record = read_json(DetectorRecord, trained / bundle.TRAIN)
    assert (record.epochs_done, record.train.batch, record.init) == (4, 4, "small")
    assert len((trained / bundle.LOG).read_text().splitlines()) == 5
    assert {"AP50", "recall", "epoch"} <= set(record.best)
    _, model = network.load(trained, keras)
    assert model.count_params() == record.parameters
    with pytest.raises(ValueError, match="is a person detector; expected a pose network"):
        bundle.read_spec(trained)


def test_a_detector_that_is_trained_further_keeps_its_size(trained, people, tmp_path):
    found = run(
        "train", "--preset", "person-detector", "--data", people, "--init", trained, "--out", tmp_path / "on",
        "--epochs", 1, "--batch", 4, "--quiet",
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    assert bundle.read_detector_spec(tmp_path / "on").input_hw == (64, 64)


def test_a_resumed_run_ends_with_the_same_weights(trained, pose_bundle, people, tmp_path, monkeypatch):
    out = tmp_path / "person"
    keep = fit._keep

    def interrupted(*arguments):
        kept = keep(*arguments)
        if kept.epochs_done == 2:
            raise KeyboardInterrupt
        return kept

    monkeypatch.setattr(fit, "_keep", interrupted)
    stopped = train(pose_bundle, people, out, 4)
    assert stopped.exit_code == 130
    assert "--resume continues" in stopped.output
    monkeypatch.undo()
    assert "holds a run already; add --resume" in train(pose_bundle, people, out, 4).output
    assert "was started with other settings" in train(pose_bundle, people, out, 5, "--resume").output
    found = train(pose_bundle, people, out, 4, "--resume", "--data-processes", 1)  # which make the same pictures
    assert found.exit_code == 0, found.output
    mine, theirs = (network.load(folder, keras)[1].get_weights() for folder in (out, trained))
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_array_equal(a, b)
    assert "nothing is left to resume" in train(pose_bundle, people, out, 4, "--resume").output


def test_it_converts_and_finds(trained, people, tmp_path):
    for recipe in ("float32", "int8"):
        out = tmp_path / f"person.{recipe}.tflite"
        found = run("convert", trained, "--recipe", recipe, "--calib", people, "--calib-count", 6, "--out", out)
        assert found.exit_code == 0, found.output
        assert "people that the float network finds in 6 photos" in found.output
        _, card = model_file.read_detector(out)
        assert card.spec == bundle.read_detector_spec(trained)
        with pytest.raises(ValueError, match="is a person detector; expected a pose network"):
            model_file.read(out)
        boxes, scores = detector.load(out, threshold=0.001)(np.zeros((50, 70, 3), np.uint8))
        assert boxes.shape == (len(scores), 4)
    measured = run("bench", "boxes", out, "--data", people, "--json")
    assert measured.exit_code == 0, measured.output
    assert json.loads(measured.output)["detectors"][0]["large_people"] > 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--loss", "mse"), "--loss does not apply to the preset person-detector"),
        (("--set", "train.ema=0.9"), "--set does not apply"),
        (("--patience", "3"), "--patience does not apply"),
    ],
)
def test_options_of_pose_networks_are_refused(more, message, pose_bundle, people, tmp_path):
    found = train(pose_bundle, people, tmp_path / "x", 2, *more)
    assert found.exit_code != 0
    assert message in found.output
    assert not (tmp_path / "x").exists()


def test_it_needs_an_encoder_with_a_way_up(people, tmp_path):
    found = run("train", "--preset", "person-detector", "--data", people, "--out", tmp_path / "x")
    assert "give --init, such as models/starter" in found.output
    found = train(ROOT / "models" / "deeppose", people, tmp_path / "x", 1)
    assert found.exit_code != 0
    assert "begins from an RGB network that `poseport import` read" in found.output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--recipe", "int8-qat", "--data", "PEOPLE"), "which recipe int8-qat cannot train"),
        (("--recipe", "int8", "--calib", "PEOPLE", "--head", "keypoints"), "--head does not apply"),
        (("--recipe", "int8"), "needs people for its activation ranges"),
        (("--recipe", "mixed-float32", "--calib", "PEOPLE"), "--keep goes with mixed-float32"),
        (("--recipe", "int8", "--max-ap-drop", "1", "--tune-on", "PEOPLE"), "and needs --calib"),
        (
            ("--recipe", "float16", "--calib", "PEOPLE", "--max-ap-drop", "1", "--tune-on", "PEOPLE"),
            "--max-ap-drop takes recipe int8",
        ),
    ],
)
def test_conversions_that_do_not_apply_are_refused(words, message, trained, people, tmp_path):
    out = tmp_path / "x.tflite"
    found = run("convert", trained, *(people if word == "PEOPLE" else word for word in words), "--out", out)
    assert found.exit_code != 0
    assert message in found.output
    assert not out.exists()


def test_a_detector_is_described(trained, people, tmp_path):
    out = tmp_path / "person.float32.tflite"
    assert run("convert", trained, "--recipe", "float32", "--out", out).exit_code == 0
    described = run("inspect", out)
    assert described.exit_code == 0, described.output
    assert "person detector, recipe float32" in described.output
    assert "centres of people at stride 8" in described.output
    advice = run("doctor", out, "--json")
    assert advice.exit_code == 0, advice.output
    assert "no-spec" not in {finding["id"] for finding in json.loads(advice.output)["findings"]}
