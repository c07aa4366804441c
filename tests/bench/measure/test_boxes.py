"""The boxes that people are cropped by: of labels, moved, and of a detector."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accuracy_records import detected, recorded
from click.testing import CliRunner

from poseport.bench.cli import bench
from poseport.bench.measure import accuracy, boxes
from poseport.bench.record import Result
from poseport.data.people import People
from poseport.scoring.score import score
from poseport.tflite import runner


def test_boxes_of_a_detector(tiny_models: dict[str, Path], people: People, tmp_path: Path) -> None:
    """Who was not found counts as missed, and a box has no labels of its own to compare with."""
    half = people.persons[: len(people) // 2]
    entries = [{"image_id": p.image_id, "bbox": p.box_xywh, "score": 0.5 + 0.001 * i} for i, p in enumerate(half)]
    entries += [
        {"image_id": 10**6, "bbox": [0, 0, 9, 9], "score": 1.0},  # of no image of the set
        {"image_id": half[0].image_id, "bbox": [5, 5, 0, 9], "score": 1.0},  # of no area
    ]
    path = detected(tmp_path / "d.json", entries)
    m = recorded(accuracy.measure(runner.load(tiny_models["int8"]), people, boxes=boxes.detected(people, path))[0])
    assert m.boxes == "detections d.json"
    assert len(m.people) == len(half)
    assert sum(m.detections.ground_truths) == len(boxes.persons_with_labels(people))
    assert m.metrics["PCK@0.1/box"] is None
    assert {p.oks for p in m.people} == {None}
    [first, second] = m.people[0].box_xywh, half[0].box_xywh
    assert first == pytest.approx(second)


def test_the_score_of_a_box_ranks_the_poses(people: People) -> None:
    """Two poses of one person, one right: which the detector trusts more decides."""
    person = boxes.persons_with_labels(people)[0]
    right = person.keypoints.astype(float)
    wrong = right + np.array([500.0, 0.0, 0.0])
    alone = replace(people, persons=(person,))
    found = [replace(person, keypoints=np.zeros_like(right))] * 2
    values = [
        score(alone, found, np.stack([right, wrong]), box_scores=np.array(trust)).values["OKS-AP"]
        for trust in ([0.9, 0.1], [0.1, 0.9])
    ]
    assert values == pytest.approx([1.0, 0.5], abs=0.01)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a COCO results file"),
        ('{"annotations": []}', "not a COCO results file"),
        ('[{"image_id": 1, "score": 1}]', "KeyError: 'bbox'"),
        ('[{"image_id": 1, "bbox": "none", "score": 1}]', "not a COCO results file"),
        ("[]", "no box of a usable size"),
        ('[{"image_id": -1, "bbox": [0, 0, 5, 5], "score": 1}]', "no box of a usable size"),
        (None, "cannot be read (No such file or directory)"),
    ],
)
def test_a_broken_detections_file_is_one_line(
    tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, text: str | None, message: str
) -> None:
    path = tmp_path / "d.json"
    if text is not None:
        path.write_text(text)
    out = tmp_path / "out"
    options = ["--data", str(drawn), "--detections", str(path), "--out", str(out)]
    ran = CliRunner().invoke(bench, ["accuracy", str(tiny_models["int8"]), *options])
    assert ran.exit_code == 1
    last = ran.output.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert "d.json" in last
    assert message in last
    assert "Traceback" not in ran.output
    assert not out.exists()


def test_boxes_that_were_moved_cost_accuracy_and_nothing_else(
    tiny_models: dict[str, Path], people: People, measured: Result
) -> None:
    """The labels and the size that errors are compared with stay the annotated ones."""
    moved = boxes.moved(people, 0.3)
    sides = np.array([[p.box_xywh for p in some] for some in (moved.cropped, moved.scored)])
    shares = np.abs(sides[0, :, :2] - sides[1, :, :2]) / sides[1, :, 2:]
    assert 0.2 < shares.max() <= 0.3
    m = recorded(accuracy.measure(runner.load(tiny_models["int8"]), people, boxes=moved)[0])
    assert m.boxes == "ground truth, edges moved up to 30 %, seed 0"
    assert m.people[0].box_xywh == pytest.approx(moved.cropped[0].box_xywh)
    labels = score(people, moved.scored, np.stack([p.keypoints for p in moved.scored]).astype(float))
    assert labels.values["PCK@0.05/box"] == 1.0
    assert m.conditions != recorded(measured).conditions
    for amount in (0.0, 0.5):
        with pytest.raises(ValueError, match="--jitter"):
            boxes.moved(people, amount)
