"""Box AP, recall and precision on cases that can be counted by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from poseport.data.people import Person
from poseport.scoring import boxes


def person(image_id: int, box: tuple[float, float, float, float], number: int, crowd: bool = False) -> Person:
    return Person(image_id, number, Path("a.png"), (100, 200), box, np.zeros((17, 3)), box[2] * box[3], crowd)


def found(*rows: tuple[float, float, float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(rows, float).reshape(-1, 5)
    return table[:, :4], table[:, 4]


TRUTH = [
    person(1, (10, 10, 40, 60), 1),
    person(1, (100, 10, 40, 60), 2),
    person(2, (10, 10, 20, 20), 3),  # smaller than a fifth of 200
    person(2, (100, 0, 100, 100), 4, crowd=True),
]


def test_perfect_boxes_have_an_ap_of_one():
    score = boxes.evaluate(
        {1: found((10, 10, 40, 60, 0.9), (100, 10, 40, 60, 0.8)), 2: found((10, 10, 20, 20, 0.3))}, TRUTH
    )
    assert (score.ap, score.ap50, score.recall, score.precision, score.large) == (1, 1, 1, 1, 2)
    assert score.ground_truths.tolist() == [2, 1]
    assert score.matched.all()


def test_misses_and_false_finds_count():
    score = boxes.evaluate(
        {1: found((10, 12, 40, 60, 0.9), (60, 10, 40, 60, 0.7), (10, 10, 40, 62, 0.6)), 2: found()}, TRUTH
    )
    assert (score.recall, score.large) == (0.5, 2)
    assert score.precision == pytest.approx(1 / 3)  # one elsewhere, and one person found twice
    assert score.ap50 == pytest.approx(34 / 101)  # recall 1/3 at a precision of one
    assert score.matched.tolist() == [True, False, False]


def test_a_box_in_a_crowd_counts_neither_way():
    score = boxes.evaluate({1: found(), 2: found((120, 10, 50, 80, 0.9), (10, 10, 20, 20, 0.8))}, TRUTH)
    assert math.isnan(score.precision)  # no large box counts: one is in the crowd, the other is small
    assert score.ignored.tolist() == [True, False]
    assert score.ap50 == pytest.approx(34 / 101)


def test_pictures_without_people_or_boxes():
    score = boxes.evaluate({7: found()}, TRUTH)
    assert math.isnan(score.ap)
    assert math.isnan(score.recall)
    score = boxes.evaluate({1: found(), 2: found()}, TRUTH)
    assert (score.ap50, score.recall) == (0, 0)
