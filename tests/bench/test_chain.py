"""`bench accuracy --detector`: the whole chain beside the annotated boxes, on drawn people."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from poseport.bench.measure.boxes import found_by
from poseport.command.cli import main
from poseport.data import coco
from poseport.people import detector


def test_the_chain_is_measured_beside_the_annotated_boxes(drawn: Path, tmp_path: Path) -> None:
    command = ["bench", "accuracy", "tiny", "--data", str(drawn), "--detector", "person", "--out", str(tmp_path)]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert "points with the detector's boxes instead of the annotated ones (95 % interval:" in done.output
    records = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    boxes = {record["measured"]["boxes"]: record["measured"]["metrics"]["OKS-AP"] for record in records}
    assert set(boxes) == {"ground truth", "detections person.int8.tflite"}
    given, found = boxes["ground truth"], boxes["detections person.int8.tflite"]
    said = next(line for line in done.output.splitlines() if "points with" in line)
    assert f"AP {100 * (found - given):+.1f} points" in said


def test_finds_of_one_person_are_joined(drawn: Path) -> None:
    people = coco.load(drawn)
    boxes = found_by(detector.load("person"), people)
    doubled = boxes.chosen(np.repeat(np.arange(len(boxes.cropped)), 2))
    rng = np.random.default_rng(0)
    keypoints = np.concatenate(
        [rng.uniform(0, 2000, (len(boxes.cropped), 17, 2)), np.full((len(boxes.cropped), 17, 1), 0.8)], axis=-1
    ).repeat(2, axis=0)
    kept = doubled.distinct(keypoints, np.array(people.skeleton.sigmas))
    assert len(kept) == len(boxes.cropped)
    assert (kept // 2 == np.arange(len(boxes.cropped))).all()
