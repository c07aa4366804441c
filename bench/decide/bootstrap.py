"""Intervals of an accuracy difference, by a paired bootstrap over images.

Both files were measured on the same people. A resample draws images and takes the predictions of both files on
them, so that what both have in common (hard photos) cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poseport.bench.decide.resampling import draws, resampled_ap
from poseport.bench.record import Accuracy

MOST_PEOPLE = 1_000_000


@dataclass(frozen=True)
class Interval:
    """A value, usually a difference (candidate - baseline), and its 95 % interval.

    Attributes:
        value: The value.
        low: Lower end of the interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Interval:
        """Convert the interval to another unit.

        Args:
            factor: Factor of the new unit.
        """
        return Interval(factor * self.value, factor * self.low, factor * self.high)


def ap_difference(base: Accuracy, candidate: Accuracy, *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Compute AP(candidate) - AP(baseline) on the same images, with its interval.

    Args:
        base: The baseline.
        candidate: The candidate.
        resamples: Number of bootstrap resamples.
        seed: Seed of the draws.

    Returns:
        The difference, in [-1, 1].

    Raises:
        ValueError: if the two were not measured on the same people in the same way, or nobody has a label.
    """
    check_comparable(base, candidate)

    if not sum(base.detections.ground_truths):
        raise ValueError(
            f"{base.data.file}: nobody has a label among the {len(base.keypoints)} scored keypoints, so there is no AP"
        )

    a, b = (resampled_ap(one.detections, resamples, seed) for one in (base, candidate))
    return interval(b[0] - a[0], b[1] - a[1])


def pck(accuracy: Accuracy, threshold: float = 0.1) -> float:
    """Compute `PCK@threshold/box` from the errors of a record.

    Args:
        accuracy: The record.
        threshold: As a share of the box's longer side.

    Returns:
        PCK in [0, 1]; NaN if nobody has a label.
    """
    hits, labels = _person_hits(accuracy, threshold)
    return float(hits.sum() / labels.sum()) if labels.any() else math.nan


def pck_difference(base: Accuracy, candidate: Accuracy, threshold: float = 0.1, *, resamples: int = 2000) -> Interval:
    """Compute the difference of `PCK@threshold/box` (candidate - baseline) with its interval.

    Args:
        base: The baseline.
        candidate: The candidate.
        threshold: As a share of the box's longer side.
        resamples: Number of bootstrap resamples.

    Returns:
        The difference, in [-1, 1]; NaN if nobody has a label.

    Raises:
        ValueError: if the two were not measured on the same people in the same way.
    """
    hits, scored = _hits(base, candidate, threshold)
    gained, labels = hits.sum(axis=1), scored.sum(axis=1)
    if not labels.any():
        return Interval(math.nan, math.nan, math.nan)

    def difference(weights: np.ndarray) -> np.ndarray:
        total = weights @ labels
        return np.divide(weights @ gained, total, out=np.full(len(total), np.nan), where=total > 0)

    return bootstrap(difference, len(labels), resamples)


def keypoint_differences(base: Accuracy, candidate: Accuracy, threshold: float = 0.1) -> list[Interval]:
    """Compute the difference of `PCK@threshold/box` (candidate - baseline) of each keypoint, with its interval.

    Args:
        base: The baseline.
        candidate: The candidate.
        threshold: As a share of the box's longer side.

    Returns:
        One interval per scored keypoint, in the record's order; NaN for a keypoint without a label.

    Raises:
        ValueError: if the two were not measured on the same people in the same way.
    """
    hits, scored = _hits(base, candidate, threshold)
    labelled = scored.sum(axis=0) > 0

    def difference(weights: np.ndarray) -> np.ndarray:
        total = weights @ scored[:, labelled]
        return np.divide(weights @ hits[:, labelled], total, out=np.full(total.shape, np.nan), where=total > 0)

    ends = np.full((3, scored.shape[1]), np.nan)
    if labelled.any():
        ends[:, labelled] = _ends(difference, len(scored), 2000, 0)
    return [Interval(*keypoint_ends) for keypoint_ends in ends.T.tolist()]


def _hits(base: Accuracy, candidate: Accuracy, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Per image and keypoint (I, K): how many more hits the candidate has than the baseline, and how many labels."""
    check_comparable(base, candidate)
    image_rows = {image: i for i, image in enumerate(base.detections.image_ids)}
    difference, labels = np.zeros((2, len(image_rows), len(base.keypoints)))
    for sign, side in ((-1, base), (1, candidate)):
        hits, labelled = _person_hits(side, threshold)
        rows = [image_rows[person.image_id] for person in side.people]
        np.add.at(difference, rows, sign * hits)
        if side is base:
            np.add.at(labels, rows, labelled)
    return difference, labels


def _person_hits(accuracy: Accuracy, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Per person and keypoint (N, K), 0 or 1: whether the error is within the threshold, and whether a label exists."""
    errors = np.array([person.errors_px for person in accuracy.people], float)  # None becomes NaN: never a hit
    limits = threshold * np.array([max(person.box_xywh[2:]) for person in accuracy.people])
    return (errors <= limits[:, None]).astype(int), np.isfinite(errors).astype(int)


def bootstrap(of: Callable[[np.ndarray], np.ndarray], images: int, resamples: int, seed: int = 0) -> Interval:
    """Compute a statistic and its 95 % interval over resampled images.

    Args:
        of: The statistic: takes weights (R, images), how often each image was drawn, and returns (R,) values.
        images: Number of images.
        resamples: Number of resamples.
        seed: Seed of the draws.

    Returns:
        The value over all images, with its interval.
    """
    return Interval(*_ends(of, images, resamples, seed).tolist())


def _ends(of: Callable[[np.ndarray], np.ndarray], images: int, resamples: int, seed: int) -> np.ndarray:
    """Value, lower end and upper end (3, ...) of a statistic `of` that returns (R, ...)."""
    drawn = [of(weights) for weights in draws(images, resamples, seed)]
    low, high = np.nanpercentile(np.concatenate(drawn), [2.5, 97.5], axis=0)
    return np.stack([of(np.ones((1, images)))[0], low, high])


def interval(value: float, drawn: np.ndarray) -> Interval:
    """Make the 95 % interval of a value from its resamples.

    Args:
        value: The value over all images.
        drawn: (R,) values over resampled images; NaN does not count.

    Returns:
        The value with its interval.
    """
    low, high = np.nanpercentile(drawn, [2.5, 97.5]).tolist()
    return Interval(value, low, high)


def check_comparable(base: Accuracy, candidate: Accuracy) -> None:
    """Check that two accuracy records are of the same people, boxes and keypoints.

    Args:
        base: The baseline.
        candidate: The candidate.

    Raises:
        ValueError: if they are not.
    """
    for field in ("data", "boxes", "flip", "keypoints", "decoder"):
        a, b = getattr(base, field), getattr(candidate, field)
        if field == "data":
            a, b = (a.file, a.sha256, a.people), (b.file, b.sha256, b.people)
        if a != b:
            raise ValueError(f"the two were measured with other {field}: {a} and {b}; measure both in one call")
    if base.detections.image_ids != candidate.detections.image_ids:
        raise ValueError("the two were scored on other images of the same set; measure both in one call")


def people_needed(interval: Interval, limit: float, people: int) -> int | None:
    """Estimate how many people would show on which side of `limit` the difference lies, if its value stays the same.

    An interval shrinks with the square root of the number of people; its half towards the limit counts.

    Args:
        interval: The difference as measured.
        limit: The value that it is compared with, in the same unit.
        people: Number of people it was measured on.

    Returns:
        Number of people, or None if it is more than a million.
    """
    half_width = interval.value - interval.low if interval.value > limit else interval.high - interval.value
    distance = abs(interval.value - limit)
    if distance * np.sqrt(MOST_PEOPLE / people) < half_width:
        return None
    return max(people + 1, int(np.ceil(people * (half_width / distance) ** 2)))
