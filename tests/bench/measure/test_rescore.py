"""Recorded predictions are scored again without the network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from accuracy_records import detected, recorded

from poseport.bench.measure import accuracy, boxes, rescore
from poseport.bench.record import Result
from poseport.data.people import People
from poseport.scoring.official import evaluate
from poseport.skeletons import COCO17
from poseport.tflite import runner


def test_predictions_are_scored_again_without_the_network(
    tiny_models: dict[str, Path], people: People, measured: Result
) -> None:
    same = recorded(rescore.rescore(measured, people))
    assert same.metrics == recorded(measured).metrics
    assert same.detections.matched == recorded(measured).detections.matched
    body = recorded(rescore.rescore(measured, people, COCO17.body))
    model = runner.load(tiny_models["int8"])
    assert body.metrics == recorded(accuracy.measure(model, people, only=COCO17.body)[0]).metrics
    points = np.reshape(recorded(measured).people[0].keypoints, (17, 3))
    corrected = replace(people.persons[0], keypoints=np.column_stack([points[:, :2], np.full(17, 2.0)]))
    persons = (corrected, *people.persons[1:])
    assert recorded(rescore.rescore(measured, replace(people, persons=persons))).people[0].oks == 1.0
    with pytest.raises(ValueError, match="1 of its 60 people are not in"):
        rescore.rescore(measured, replace(people, persons=people.persons[1:]))


def test_predictions_in_a_detectors_boxes_are_scored_again_too(
    tiny_models: dict[str, Path], people: People, tmp_path: Path
) -> None:
    entries = [
        {"image_id": p.image_id, "bbox": p.box_xywh, "score": 0.9 - 0.01 * i} for i, p in enumerate(people.persons[:40])
    ]
    path = detected(tmp_path / "d.json", entries)
    [found] = accuracy.measure(runner.load(tiny_models["int8"]), people, boxes=boxes.detected(people, path))
    assert recorded(found).data.people == len(boxes.persons_with_labels(people))
    again = recorded(rescore.rescore(found, people))
    assert again.metrics == recorded(found).metrics
    assert again.people == recorded(found).people
    assert rescore.coco_results(found)[1]["score"] == pytest.approx(
        0.89 * np.mean(recorded(found).people[1].keypoints[2::3]), abs=1e-5
    )
    elsewhere = tuple(p for p in people.persons if p.image_id != people.persons[0].image_id)
    with pytest.raises(ValueError, match="of its 40 people are not in"):
        rescore.rescore(found, replace(people, persons=elsewhere))
    older = [replace(p, box_score=None) for p in recorded(found).people]
    with pytest.raises(ValueError, match="measure anew"):
        rescore.rescore(replace(found, measured=replace(recorded(found), people=tuple(older))), people)


def test_predictions_are_kept_as_coco_reads_them(measured: Result, people: People) -> None:
    """pycocotools itself, on the file alone, gives the AP of the record."""
    found = rescore.coco_results(measured)
    truth = people.persons
    again = evaluate(
        [e["image_id"] for e in found], np.array([e["keypoints"] for e in found]).reshape(-1, 17, 3),
        np.array([e["score"] for e in found]), np.asarray(COCO17.sigmas), truth,
    )  # fmt: skip
    assert again.stats["AP"] == pytest.approx(recorded(measured).metrics["OKS-AP"], abs=2e-3)
