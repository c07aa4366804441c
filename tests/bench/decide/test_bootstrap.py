"""AP out of a record is COCO's own, also of resampled images, and intervals behave as intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseport.bench.decide.average_precision import average_precision
from poseport.bench.decide.bootstrap import (
    Interval,
    ap_difference,
    keypoint_differences,
    pck_difference,
    people_needed,
)
from poseport.bench.record import Accuracy, Detections, Result
from poseport.data.people import People, Person
from poseport.scoring.score import Score, score
from poseport.skeletons import COCO17

K = 17


def crowd_scene(seed: int) -> tuple[People, list[Person], np.ndarray, np.ndarray]:
    """81 labelled people in 30 images, beside crowds and unlabelled people, which the evaluation ignores,
    and predictions of a detector: most of the people, somebody twice, somebody on a crowd or on nothing.

    Returns people, the boxes that were predicted, their keypoints (N, 17, 3) and box scores (N,).
    """
    rng = np.random.default_rng(seed)
    persons: list[Person] = []
    found, keypoints = [], []
    for number in range(111):
        kind = "crowd" if number % 11 == 5 else "unlabelled" if number % 11 in (7, 9) else "person"
        corner, size = rng.uniform(0, 300, 2), rng.uniform(40, 200)
        points = np.zeros((K, 3))
        if kind == "person":
            points[:, :2] = corner + size * rng.random((K, 2))
            points[:, 2] = rng.choice([0, 1, 2], K, p=[0.2, 0.2, 0.6])
        one = Person(
            number % 30, number, Path("x.jpg"), (600, 600), (*corner.tolist(), size, size), points, 0.6 * size**2,
            kind == "crowd",
        )  # fmt: skip
        persons.append(one)
        for _ in range(rng.choice([0, 1, 2], p=[0.1, 0.8, 0.1])):
            guess = corner + size * rng.random((K, 2)) if kind != "person" else points[:, :2]
            noise = rng.normal(size=(K, 2)) * size * rng.choice([0.02, 0.06, 0.15, 1.0])
            found.append(replace(one, keypoints=np.zeros((K, 3))))
            keypoints.append(np.column_stack([guess + noise, rng.random(K)]))
    people = People(Path("x.json"), "0" * 64, Path("images"), COCO17, tuple(persons))
    return people, found, np.stack(keypoints), rng.random(len(found))


def detections(scored: Score) -> Detections:
    """What a record keeps of an evaluation."""
    official = scored.official
    bits = 1 << np.arange(10)
    return Detections(
        official.image_ids, tuple(official.ground_truths.tolist()), tuple(official.detection_image.tolist()),
        tuple(official.scores.tolist()), tuple((bits @ official.matched).tolist()),
        tuple((bits @ official.ignored).tolist()),
    )  # fmt: skip


def accuracy(record: Result) -> Accuracy:
    assert isinstance(record.measured, Accuracy)
    return record.measured


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_ap_is_that_of_pycocotools(seed: int) -> None:
    people, found, keypoints, box_scores = crowd_scene(seed)
    scored = score(people, found, keypoints, box_scores=box_scores)
    record = detections(scored)
    assert any(record.ignored)
    assert 0.1 < scored.values["OKS-AP"] < 0.9
    value = average_precision(record, np.ones(len(record.image_ids)))
    np.testing.assert_allclose(value, [scored.values["OKS-AP"]], atol=1e-6)


def test_an_image_drawn_twice_is_two_images() -> None:
    people, found, keypoints, box_scores = crowd_scene(3)
    record = detections(score(people, found, keypoints, box_scores=box_scores))
    rng = np.random.default_rng(0)
    weights = rng.multinomial(30, np.full(30, 1 / 30), 3)
    expected = []
    for row in weights:
        copies = [(image, copy) for image, times in enumerate(row) for copy in range(times)]
        persons, boxes, chosen = [], [], []
        for image, copy in copies:
            new = 1000 * copy + image
            persons += [replace(p, image_id=new) for p in people.persons if p.image_id == image]
            mine = [i for i, p in enumerate(found) if p.image_id == image]
            boxes += [replace(found[i], image_id=new) for i in mine]
            chosen += mine
        again = score(replace(people, persons=tuple(persons)), boxes, keypoints[chosen], box_scores=box_scores[chosen])
        expected.append(again.values["OKS-AP"])
    np.testing.assert_allclose(average_precision(record, weights), expected, atol=1e-6)


def test_a_recall_just_not_reached_is_not_reached() -> None:
    """7 of 20 is less than COCOeval's 0.35, which is 35 times a hundredth in floating point, in every row."""
    every, found = tuple(range(20)), tuple(1023 if i < 7 else 0 for i in range(20))
    record = Detections(every, (1,) * 20, every, tuple(1 - i / 20 for i in every), found, (0,) * 20)
    np.testing.assert_allclose(average_precision(record, np.ones((3, 20))), 3 * [35 / 101])


def test_without_people_there_is_no_ap() -> None:
    people, found, keypoints, box_scores = crowd_scene(0)
    record = detections(score(people, found, keypoints, box_scores=box_scores))
    assert np.isnan(average_precision(record, np.zeros(30))).all()
    nobody_found = replace(record, image=(), score=(), matched=(), ignored=())
    assert average_precision(nobody_found, np.ones(30)).tolist() == [0.0]


def test_identical_predictions_differ_by_exactly_nothing(scored: Callable[..., Result]) -> None:
    base, same = accuracy(scored("float32")), accuracy(scored("int8"))
    assert ap_difference(base, same, resamples=200) == Interval(0.0, 0.0, 0.0)
    assert pck_difference(base, same, resamples=200) == Interval(0.0, 0.0, 0.0)


def test_the_interval_holds_the_value_and_swaps_with_the_sides(scored: Callable[..., Result]) -> None:
    base, worse = accuracy(scored("float32")), accuracy(scored("int8", own=0.05, seed=1))
    there, back = ap_difference(base, worse), ap_difference(worse, base)
    a, b = base.metrics["OKS-AP"], worse.metrics["OKS-AP"]
    assert a is not None
    assert b is not None
    assert there.value == pytest.approx(b - a, abs=2e-6)  # a record's metrics are rounded
    assert there.low < there.value < there.high < 0
    np.testing.assert_allclose([back.value, back.low, back.high], [-there.value, -there.high, -there.low])
    assert ap_difference(base, worse) == there


def test_a_pairs_interval_is_narrower_than_that_of_two_strangers(scored: Callable[..., Result]) -> None:
    """Hard photos are hard for both: that is why the same images are drawn for both."""
    base, near = accuracy(scored("float32")), accuracy(scored("int8", own=0.01, seed=1))
    paired = ap_difference(base, near)
    images = len(base.detections.image_ids)
    weights = np.random.default_rng(0).multinomial(images, np.full(images, 1 / images), (2, 500))
    strangers = average_precision(near.detections, weights[0]) - average_precision(base.detections, weights[1])
    low, high = np.percentile(strangers, [2.5, 97.5])
    assert paired.high - paired.low < 0.5 * (high - low)


def test_pck_difference_is_that_of_the_metrics(scored: Callable[..., Result]) -> None:
    base, worse = accuracy(scored("float32")), accuracy(scored("int8", own=0.05, seed=1))
    found = pck_difference(base, worse)
    a, b = base.metrics["PCK@0.1/box"], worse.metrics["PCK@0.1/box"]
    assert a is not None
    assert b is not None
    # errors are kept to 0.01 px: somebody at the very limit may fall on the other side
    assert found.value == pytest.approx(b - a, abs=2e-3)
    assert found.low <= found.value <= found.high < 0


def test_keypoint_differences_are_those_of_the_metrics(scored: Callable[..., Result]) -> None:
    base, worse = accuracy(scored("float32")), accuracy(scored("int8", own=0.05, seed=1))
    found = keypoint_differences(base, worse)
    for one, a, b in zip(found, *(r.by_keypoint["PCK@0.1/box"] for r in (base, worse)), strict=True):
        assert a is not None
        assert b is not None
        assert one.value == pytest.approx(b - a, abs=0.04)  # one of 60 people may fall on the other side
        assert one.low <= one.value <= one.high
    assert keypoint_differences(base, base) == [Interval(0.0, 0.0, 0.0)] * K


@pytest.mark.parametrize("change", ["data", "boxes", "flip", "keypoints"])
def test_what_was_measured_otherwise_is_not_compared(scored: Callable[..., Result], change: str) -> None:
    base = accuracy(scored("float32"))
    others = {
        "data": replace(base, data=replace(base.data, sha256="f" * 64)),
        "boxes": replace(base, boxes="detections d.json"),
        "flip": replace(base, flip=True),
        "keypoints": replace(base, keypoints=base.keypoints[::-1]),
    }
    for compare in (ap_difference, pck_difference):
        with pytest.raises(ValueError, match=f"other {change}.*measure both in one call"):
            compare(base, others[change])


def test_people_needed_grows_with_the_square() -> None:
    assert people_needed(Interval(-1.0, -2.0, 0.0), -1.5, 100) == 400
    assert people_needed(Interval(-1.0, -2.0, 0.0), -1.25, 100) == 1600


def drawn_pair(rng: np.random.Generator, people: int) -> tuple[Detections, Detections]:
    """A network and its quantized self on as many photos of one person: hard photos are hard for both."""
    hard = rng.beta(2, 4, people)
    pair = []
    for loss in (0.0, 0.02):
        oks = np.clip(1 - hard - loss + rng.normal(0, 0.05, people), 0, 1)
        trust = np.clip(0.6 * oks + rng.normal(0.2, 0.1, people), 0, 1)
        bits = ((oks[:, None] > 0.5 + 0.05 * np.arange(10)) << np.arange(10)).sum(axis=1)
        every, ones, zeros = tuple(range(people)), (1,) * people, (0,) * people
        pair.append(Detections(every, ones, every, tuple(trust.tolist()), tuple(bits.tolist()), zeros))
    return pair[0], pair[1]


@pytest.mark.slow
def test_an_interval_of_95_percent_covers_the_truth_in_95_percent(scored: Callable[..., Result]) -> None:
    """1,000 drawn evaluations of 400 people each against the difference on 400,000."""
    base = scored("float32").measured
    assert isinstance(base, Accuracy)
    a, b = (average_precision(side, np.ones(400_000))[0] for side in drawn_pair(np.random.default_rng(10**6), 400_000))
    covered, rng = 0, np.random.default_rng(0)
    for seed in range(1000):
        pair = [replace(base, detections=side) for side in drawn_pair(rng, 400)]
        d = ap_difference(*pair, resamples=400, seed=seed)
        covered += d.low <= b - a <= d.high
    assert 930 <= covered <= 970
