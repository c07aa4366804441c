"""A budget of box AP: what is measured of a candidate, and a search from the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from places import ROOT

from poseport.command.cli import main
from poseport.convert.engines.box_candidate import BoxMeasure
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.people import detector
from poseport.people.detector import CenterDetector
from poseport.tflite import model_file, shipped


@pytest.fixture(scope="module")
def person() -> CenterDetector:
    found = detector.load("person")
    assert isinstance(found, CenterDetector)
    return found


def test_the_float_file_itself_loses_nothing(person: CenterDetector, drawn: Path) -> None:
    data, _ = model_file.read_detector(shipped.model("person"))
    people = coco.load(drawn)
    measure = BoxMeasure(person.spec, data, people, people.persons[:12])
    result = measure(data)
    assert (result.moved, result.moved_px, result.bytes) == (0, 0, len(data))
    assert 0.2 < result.ap <= 1
    # boxes that are elsewhere, and boxes that are gone
    moved = {i: (boxes + np.array([20.0, 0, 0, 0]), np.ones(len(boxes))) for i, boxes in measure.wanted.items()}
    overlap, away_px = measure._moved(moved)
    assert 0 < overlap < 0.9
    assert 5 < away_px < 60
    nobody = {i: (np.zeros((0, 4)), np.zeros(0)) for i in measure.wanted}
    assert measure._moved(nobody) == (0, pytest.approx(np.hypot(*person.spec.input_hw)))


@pytest.mark.slow
def test_the_shipped_detector_within_a_budget(tmp_path: Path) -> None:
    people, others = (synth.write_people(tmp_path / name, 24, seed=seed) for name, seed in (("a", 5), ("b", 6)))
    out = tmp_path / "p.tflite"
    words = ["convert", ROOT / "models" / "person", "--recipe", "int8", "--calib", people, "--calib-count", 12]
    words += ["--tune-on", others, "--tune-count", 12, "--max-ap-drop", 30, "--out", out, "--json"]
    found = CliRunner().invoke(main, [str(word) for word in words])
    assert found.exit_code == 0, found.output
    _, card = model_file.read_detector(out)
    assert card.conversion.budget is not None
    assert card.conversion.budget.curve[0].recipe == "int8"
    assert json.loads(found.output)["recipe"] == "int8"
    assert not out.with_name("p.tflite.search.json").exists()
