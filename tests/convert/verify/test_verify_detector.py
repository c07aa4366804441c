"""`poseport verify` of a person detector: the shipped file against its weights, and files that are not theirs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from places import ROOT

from poseport.command.cli import main
from poseport.convert.verify import box_parity
from poseport.data import coco
from poseport.people import detector
from poseport.people.detector import CenterDetector
from poseport.tflite import model_file, shipped

BUNDLE = ROOT / "models" / "person"


def verify(*words: object) -> Result:
    return CliRunner().invoke(main, ["verify", *map(str, words)])


def test_the_shipped_file_is_its_network(drawn: Path) -> None:
    found = verify("person", "--bundle", BUNDLE, "--data", drawn, "--count", 12, "--json")
    assert found.exit_code == 0, found.output
    answer = json.loads(found.output)
    assert answer["passed"] is True
    assert answer["photos"] == 12
    assert answer["people"] > 0
    assert "the same network" in verify("person", "--against", shipped.model("person"), "--data", drawn).output


def test_a_file_that_finds_others_differs(drawn: Path) -> None:
    file = detector.load("person")
    assert isinstance(file, CenterDetector)
    persons = coco.load(drawn).persons[:24]
    moved = box_parity.compare(file.spec, lambda picture: np.roll(file.output(picture), 9, axis=1), file, persons)
    assert moved.people > 0
    assert moved.passed is False
    silent = box_parity.compare(file.spec, lambda picture: np.full_like(file.output(picture), -9), file, persons[:2])
    assert silent.passed is None


def test_what_does_not_fit_is_one_line(drawn: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    for words, said in (
        (("--bundle", tiny_bundle), "is no person detector, but"),
        (("--bundle", BUNDLE, "--within", 2), "to which --within does not apply"),
        (("--bundle", BUNDLE, "--serial", "x"), "to which --serial does not apply"),
        (("--bundle", BUNDLE, "--against", shipped.model("person")), "name what to compare with"),
        ((), "name what to compare with"),
    ):
        found = verify("person", *words, "--data", drawn)
        assert found.exit_code == 1
        assert said in found.output
        assert "Traceback" not in found.output
    other = tmp_path / "other"
    shutil.copytree(BUNDLE, other)
    weights = other / "model.weights.h5"
    weights.write_bytes(weights.read_bytes() + b"x")
    assert "was converted from other weights" in verify("person", "--bundle", other, "--data", drawn).output


@pytest.mark.parametrize("name", ["starter", "tiny"])
def test_a_pose_network_is_no_conversion_of_it(name: str, drawn: Path) -> None:
    assert not model_file.is_detector(model_file.read_bytes(shipped.model(name)))
    found = verify("person", "--against", shipped.model(name), "--data", drawn)
    assert found.exit_code == 1
    assert "Traceback" not in found.output
    assert len(found.output.strip().splitlines()) == 1
