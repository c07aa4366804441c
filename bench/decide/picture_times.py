"""The time of a picture by the number of people in it, and what each further person costs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseport.bench.decide.bootstrap import Interval, bootstrap
from poseport.bench.record import Pictures

# a straight line needs this many pictures with this many different numbers of boxes, and must explain this share of
# the variance of their times
LEAST_PICTURES, LEAST_COUNTS, LEAST_EXPLAINED = 8, 3, 0.8
# a 90th percentile of fewer samples is one of the two slowest
LEAST_SAMPLES = 20


@dataclass(frozen=True)
class Group:
    """The samples with one number of people.

    Attributes:
        people: Number of people that were found.
        pictures: Number of different pictures.
        samples: Number of samples.
        boxes: Mean number of boxes that the pose network looked at.
        detect_p50_ms: Median time of the detector.
        p50_ms: Median time of the picture.
        p90_ms: 90th percentile of it; None if there are fewer than 20 samples.
    """

    people: int
    pictures: int
    samples: int
    boxes: float
    detect_p50_ms: float
    p50_ms: float
    p90_ms: float | None


@dataclass(frozen=True)
class Line:
    """A straight line through the median times of the pictures.

    Attributes:
        start_ms: The time of a picture without a box.
        per_box_ms: The time of each further box, with its interval over pictures.
        explained: Share of the variance that the line explains, in [0, 1].
    """

    start_ms: float
    per_box_ms: Interval
    explained: float


def groups(m: Pictures) -> list[Group]:
    """Group the samples by the number of people that were found.

    Args:
        m: The record.

    Returns:
        One group per number, ascending.
    """
    people, picture, boxes = np.array(m.people), np.array(m.picture), np.array(m.boxes)
    whole, detect = m.whole_ms, np.array(m.detect_us) / 1e3
    found = []
    for number in sorted(set(m.people)):
        of = people == number
        p90 = float(np.percentile(whole[of], 90)) if of.sum() >= LEAST_SAMPLES else None
        middle = float(np.median(detect[of])), float(np.median(whole[of]))
        found.append(Group(number, len(set(picture[of])), int(of.sum()), float(boxes[of].mean()), *middle, p90))
    return found


def line(m: Pictures, *, resamples: int = 2000) -> Line | None:
    """Fit a straight line to the pictures' median times over their number of boxes, by least squares.

    Args:
        m: The record.
        resamples: Number of bootstrap resamples over pictures.

    Returns:
        The line. None where it would mean nothing: few pictures or few different numbers of boxes, processes that
        disagree, a slope that may be 0, or times that do not lie on a line.
    """
    picture, boxes, whole = np.array(m.picture), np.array(m.boxes, float), m.whole_ms
    each = sorted(set(m.picture))
    x = np.array([np.median(boxes[picture == one]) for one in each])
    y = np.array([np.median(whole[picture == one]) for one in each])
    if len(each) < LEAST_PICTURES or len(set(x)) < LEAST_COUNTS or not m.is_steady:
        return None

    def slope(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        mean_x, mean_y = weights @ x / total, weights @ y / total
        spread = weights @ x**2 / total - mean_x**2
        together = weights @ (x * y) / total - mean_x * mean_y
        return np.divide(together, spread, out=np.full(len(total), np.nan), where=spread > 1e-9)

    per_box = bootstrap(slope, len(each), resamples)
    start = float(y.mean() - per_box.value * x.mean())
    left = float(np.var(y - start - per_box.value * x))
    explained = 1 - left / float(np.var(y)) if np.var(y) > 0 else 0.0
    return Line(start, per_box, explained) if per_box.low > 0 and explained >= LEAST_EXPLAINED else None
