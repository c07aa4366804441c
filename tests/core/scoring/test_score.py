"""All metrics at once: perfect and known imperfect predictions, and what is scored of whom."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseport.data import coco
from poseport.scoring import metrics
from poseport.scoring.official import STATS
from poseport.scoring.score import person_scores, score
from poseport.skeletons import COCO17, LSP14

COMMON = {
    "PCK@0.05/box",
    "PCK@0.1/box",
    "PCK@0.1/box visible",
    "PCK@0.1/box hidden",
    "PCK@0.2/box",
    "PCK@0.2/torso",
    "PCP@0.5",
}


@pytest.fixture(scope="module")
def people(drawn: Path) -> coco.People:
    return coco.load(drawn)


def perfect(people: coco.People) -> np.ndarray:
    """(N, 17, 3) labels with score 1; unlabelled keypoints are somewhere absurd."""
    labels = np.stack([p.keypoints for p in people.persons])
    labels[labels[..., 2] == 0] = -999
    labels[..., 2] = 1
    return labels


def test_perfect_predictions_score_1_by_every_honest_metric(people: coco.People) -> None:
    found = score(people, people.persons, perfect(people))
    assert set(found.values) == {f"OKS-{name}" for name in STATS} | COMMON
    for name in ("OKS-AP", "OKS-AP75", "OKS-AR", *COMMON):
        assert found.values[name] == pytest.approx(1.0), name
    assert found.oks == pytest.approx(np.ones(len(people)))
    assert found.names == COCO17.names
    assert np.nanmax(found.errors_px) == 0.0
    np.testing.assert_array_equal(np.isfinite(found.errors_px), np.stack([p.labelled for p in people.persons]))


def test_one_wrong_keypoint_counts_where_it_is(people: coco.People) -> None:
    wrong = perfect(people)
    nose = COCO17.index("nose")
    wrong[:, nose, :2] += 10_000
    found = score(people, people.persons, wrong)
    labelled = np.stack([p.labelled for p in people.persons])
    assert labelled[:, nose].sum() > 10
    expected = 1 - labelled[:, nose].sum() / labelled.sum()
    assert found.values["PCK@0.1/box"] == pytest.approx(expected)
    by_keypoint = found.by_keypoint["PCK@0.1/box"]
    assert by_keypoint[nose] == 0.0
    assert np.delete(by_keypoint, nose) == pytest.approx(np.ones(16))
    assert found.values["PCP@0.5"] == pytest.approx(1.0)
    assert found.values["OKS-AP"] < 1.0


def test_sizes_are_those_of_the_names(people: coco.People) -> None:
    moved = perfect(people)
    moved[..., 0] += 9.0
    found = score(people, people.persons, moved)
    labels = np.stack([p.keypoints for p in people.persons])
    boxes = np.array([p.box_xywh for p in people.persons])
    labelled = labels[..., 2] > 0
    for t in (0.05, 0.1, 0.2):
        within = np.repeat(t * boxes[:, 2:].max(axis=1)[:, None] >= 9.0, 17, axis=1)[labelled].mean()
        assert found.values[f"PCK@{t}/box"] == pytest.approx(within)
    a, b = COCO17.index("left_shoulder"), COCO17.index("right_hip")
    torso = np.linalg.norm(labels[:, a, :2] - labels[:, b, :2], axis=1)
    known = labelled[:, a] & labelled[:, b]
    within = np.repeat(0.2 * torso[:, None] >= 9.0, 17, axis=1)[labelled & known[:, None]].mean()
    assert 0 < within < 1
    assert found.values["PCK@0.2/torso"] == pytest.approx(within)
    assert np.nanmax(np.abs(found.errors_px - 9.0)) < 1e-9


def test_only_scores_the_named_keypoints(people: coco.People) -> None:
    half = perfect(people)
    half[:, :5, :2] += 10_000
    half[:, :5, 2] = 0.0
    found = score(people, people.persons, half, COCO17.body)
    assert found.names == COCO17.names[5:]
    assert found.values["OKS-AP"] == pytest.approx(1.0)
    assert found.values["PCK@0.2/torso"] == pytest.approx(1.0)
    assert found.errors_px.shape == (len(people), 12)
    assert found.hits["PCK@0.1/box"].shape == (len(people), 12)
    assert found.by_keypoint["PCK@0.1/box"].shape == (12,)
    assert score(people, people.persons, half).values["OKS-AP"] < 0.7
    with pytest.raises(ValueError, match="unknown keypoint 'tail'"):
        score(people, people.persons, half, ("tail",))


def test_a_set_with_heads_has_pckh(people: coco.People) -> None:
    persons = []
    for person in people.persons:
        points = np.column_stack([np.arange(14) * 10.0, np.arange(14) * 7.0, np.full(14, 2)])
        persons.append(replace(person, keypoints=points))
    lsp = replace(people, skeleton=LSP14, persons=tuple(persons))
    labels = np.stack([p.keypoints for p in persons])
    labels[..., 1] += 7.0  # the head is hypot(10, 7) = 12.2 px: 7 px is beyond half of it
    assert score(lsp, persons, labels).values["PCKh@0.5"] == 0.0
    labels[..., 1] -= 1.0
    assert score(lsp, persons, labels).values["PCKh@0.5"] == 1.0


def test_people_who_were_not_predicted_are_missed_only_in_the_same_images(people: coco.People) -> None:
    images = [p.image_id for p in people.persons]
    crowded = next(i for i in images if images.count(i) > 1)
    rows = [k for k, i in enumerate(images) if i == crowded]
    chosen = [people.persons[rows[0]]]
    found = score(people, chosen, perfect(people)[rows[:1]])
    assert found.official.image_ids == (crowded,)
    assert found.values["OKS-AR"] == pytest.approx(1 / len(rows))
    assert found.values["PCK@0.1/box"] == pytest.approx(1.0)


def test_with_a_detector_everybody_of_the_set_counts(people: coco.People) -> None:
    half = len(people) // 2
    boxes = [replace(p, keypoints=np.zeros((17, 3)), annotation_id=0) for p in people.persons[:half]]
    found = score(people, boxes, perfect(people)[:half], box_scores=np.ones(half))
    assert found.values["OKS-AR"] == pytest.approx(half / len(people))
    assert math.isnan(found.values["PCK@0.1/box"])


def test_poses_are_ranked_by_the_mean_score_of_what_is_scored(people: coco.People) -> None:
    points = perfect(people)
    assert person_scores(np.array([[[0, 0, 0.2], [0, 0, 0.6]]])).tolist() == pytest.approx([0.4])
    wrong = np.arange(len(people)) % 2 == 0
    points[wrong, :, :2] += 10_000
    points[wrong, :, 2] = 0.1
    sure = score(people, people.persons, points).values["OKS-AP"]
    points[wrong, :, 2], points[~wrong, :, 2] = 0.9, 0.5
    assert score(people, people.persons, points).values["OKS-AP"] < sure - 0.1


def test_the_scores_of_other_keypoints_do_not_rank(people: coco.People) -> None:
    points = perfect(people)
    wrong = np.arange(len(people)) % 2 == 0
    points[wrong, :, :2] += 10_000
    points[wrong, :5, 2], points[wrong, 5:, 2] = 1.0, 0.1
    points[~wrong, :5, 2], points[~wrong, 5:, 2] = 0.0, 0.3
    by_body = score(people, people.persons, points, COCO17.body).values["OKS-AP"]
    assert by_body > score(people, people.persons, points).values["OKS-AP"] + 0.1


def test_a_network_that_answers_nan_scores_0(people: coco.People) -> None:
    found = score(people, people.persons, np.full((len(people), 17, 3), np.nan))
    assert found.values["OKS-AP"] == 0.0
    for name in COMMON:
        assert found.values[name] == 0.0, name
    assert np.nan_to_num(found.oks).max() == 0.0


def test_values_are_the_rates_of_the_hits(people: coco.People) -> None:
    noisy = perfect(people)
    noisy[..., :2] += np.random.default_rng(0).normal(0, 8, noisy[..., :2].shape)
    found = score(people, people.persons, noisy)
    for name, hits in found.hits.items():
        assert 0 < found.values[name] < 1
        assert found.values[name] == pytest.approx(metrics.rate(hits))
