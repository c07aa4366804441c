"""The record of an accuracy holds every person, and its metrics are those of its poses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from accuracy_records import recorded

from poseport.bench.decide.average_precision import average_precision
from poseport.bench.measure import accuracy, boxes
from poseport.bench.record import Result
from poseport.data.people import People
from poseport.predict import Variant
from poseport.scoring.score import score
from poseport.skeletons import COCO17


def test_every_person_is_in_the_record(measured: Result, people: People) -> None:
    m = recorded(measured)
    labelled = boxes.persons_with_labels(people)
    assert (m.data.people, m.data.file, m.data.sha256) == (len(labelled), people.path.name, people.sha256)
    assert [(p.image_id, p.annotation_id) for p in m.people] == [(p.image_id, p.annotation_id) for p in labelled]
    assert m.keypoints == COCO17.names
    assert m.boxes == "ground truth"
    assert not m.flip
    for sample, person in zip(m.people, labelled, strict=True):
        assert len(sample.keypoints) == 3 * 17
        assert [e is not None for e in sample.errors_px] == person.labelled.tolist()
        assert (Path(m.data.images_dir) / sample.file_name) == person.image_path
    assert m.metrics["OKS-AP"] is not None
    assert set(m.by_keypoint) >= {"PCK@0.1/box", "PCK@0.2/torso"}


def test_perfect_predictions_score_all(people: People) -> None:
    persons = boxes.persons_with_labels(people)
    keypoints = np.stack([p.keypoints for p in persons]).astype(float)
    found = accuracy.record(
        people, boxes.annotated(people), Variant(), keypoints, score(people, persons, keypoints), 1.0
    )
    assert found.metrics["OKS-AP"] == pytest.approx(1.0)
    assert found.metrics["PCK@0.05/box"] == 1.0
    assert {p.oks for p in found.people} == {1.0}
    assert {e for p in found.people for e in p.errors_px} == {0.0, None}
    assert average_precision(found.detections, np.ones(len(found.detections.image_ids)))[0] == pytest.approx(1.0)
    assert sum(found.detections.ground_truths) == len(persons)


def test_visible_and_hidden_keypoints_are_told_apart(people: People) -> None:
    persons = boxes.persons_with_labels(people)
    labels = np.stack([p.keypoints for p in persons]).astype(float)
    hidden = labels[..., 2] == 1
    assert hidden.any()
    values = score(people, persons, labels + np.where(hidden, 1e3, 0.0)[..., None]).values
    assert (values["PCK@0.1/box visible"], values["PCK@0.1/box hidden"]) == (1.0, 0.0)
    assert values["PCK@0.1/box"] == pytest.approx((labels[..., 2] == 2).sum() / (labels[..., 2] > 0).sum())
