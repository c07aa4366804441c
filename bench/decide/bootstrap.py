"""How sure a difference is: AP recomputed from what was matched, and a paired bootstrap over images.

Both files saw the same people, so a resample draws images and takes both files' predictions on them:
what is common to both (hard photos) cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from poseport.bench.record import Accuracy, Detections

RECALLS = np.linspace(0.0, 1.0, 101)
THRESHOLDS = 10
MOST_PEOPLE = 1_000_000


@dataclass(frozen=True)
class Interval:
    """A figure, most often a difference (candidate - baseline), and the 95 % interval of it."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Interval:
        """In another unit."""
        return Interval(factor * self.value, factor * self.low, factor * self.high)


def average_precision(found: Detections, weights: np.ndarray) -> np.ndarray:
    """OKS-AP of resampled images, (R,) for weights (R, I): how often each image was drawn.

    Weights of one give COCOeval's AP over the area range "all". An image drawn twice counts as two
    images with the same people and predictions.
    """
    weights = np.atleast_2d(np.asarray(weights, np.int32))
    order = np.argsort(-np.asarray(found.score), kind="mergesort")  # stable, as COCOeval sorts
    image = np.asarray(found.image, int)[order]
    matched, ignored = np.asarray(found.matched, int)[order], np.asarray(found.ignored, int)[order]
    truths = weights @ np.asarray(found.ground_truths, np.int32)
    needed = _needed(truths)
    drawn = weights.take(image, axis=1)  # in rows, where an index would leave columns
    total, ranked, counted = np.zeros(len(weights)), None, None
    for t in range(THRESHOLDS):
        counts = (ignored >> t & 1) == 0
        if ranked is None or (counts != counted).any():  # most often nothing is ignored, at any threshold
            ranked, counted = np.maximum(_up_to(drawn * counts), 1).astype(np.float32), counts
        hits = np.flatnonzero((matched >> t & 1 == 1) & counts)
        total += _interpolated(_up_to(drawn.take(hits, axis=1)), ranked.take(hits, axis=1), needed)
    return np.where(truths > 0, total / THRESHOLDS, np.nan)


def _up_to(counts: np.ndarray) -> np.ndarray:
    """Sums of counts (R, N) up to and with each."""
    return np.cumsum(counts, axis=1, dtype=np.int32)


def _needed(truths: np.ndarray) -> np.ndarray:
    """How many of `truths` (R,) people must be found for each of 101 recalls, (R, 101), as COCOeval divides."""
    people = np.maximum(truths, 1)[:, None]
    least = np.ceil(RECALLS * people)
    least += least / people < RECALLS  # as 7 / 20 < RECALLS[35], whose last bit is a rounding error
    least -= (least - 1) / people >= RECALLS
    return np.maximum(least, 0).astype(np.int32)


def _interpolated(true: np.ndarray, ranked: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Mean over 101 recalls of the highest precision at that recall or beyond, (R,).

    true: (R, H) how many hits there are up to and with each of H hits, ranked: how many predictions. Between hits
    recall stays and precision falls, so nothing is lost by looking at hits alone.
    """
    rows, hits = true.shape
    if hits == 0:
        return np.zeros(rows)
    row = np.arange(rows, dtype=np.int32)[:, None]
    # one search for all rows: each row's counts lie beyond all of the row before
    shift = row * (max(true.max(), needed.max()) + 1)
    at = np.searchsorted((true + shift).ravel(), (needed + shift).ravel()).reshape(rows, -1)
    reached = at < hits * (row + 1)
    precision = np.zeros(rows * hits + 1, np.float32)  # one more, where the last row's recalls end that nobody reached
    np.divide(true.astype(np.float32), ranked, out=precision[:-1].reshape(rows, hits))
    # the highest from each recall to the next, then from each to the last. The bits of floats that are not negative
    # have the order of the floats, and NumPy compares integers several times as fast
    highest = np.maximum.reduceat(precision.view(np.int32), at.ravel()).view(np.float32).reshape(at.shape) * reached
    highest = np.maximum.accumulate(highest[:, ::-1], axis=1)
    return np.asarray(highest.sum(axis=1, dtype=float) / len(RECALLS))


def ap_difference(base: Accuracy, candidate: Accuracy, *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Interval of AP(candidate) - AP(baseline) on the same images.

    Raises:
        ValueError: if the two were not measured on the same people in the same way, or nobody has a label.
    """
    check_comparable(base, candidate)

    if not sum(base.detections.ground_truths):
        raise ValueError(
            f"{base.data.file}: nobody has a label among the {len(base.keypoints)} scored keypoints, so there is no AP"
        )

    def difference(weights: np.ndarray) -> np.ndarray:
        return average_precision(candidate.detections, weights) - average_precision(base.detections, weights)

    return bootstrap(difference, len(base.detections.image_ids), resamples, seed)


def pck(accuracy: Accuracy, threshold: float = 0.1) -> float:
    """`PCK@threshold/box` in [0, 1], from the errors of a record; NaN if nobody has a label."""
    hits, labels = _person_hits(accuracy, threshold)
    return float(hits.sum() / labels.sum()) if labels.any() else math.nan


def pck_difference(base: Accuracy, candidate: Accuracy, threshold: float = 0.1, *, resamples: int = 2000) -> Interval:
    """Interval of the difference of `PCK@threshold/box`; NaN if nobody has a label."""
    hits, scored = _hits(base, candidate, threshold)
    gained, labels = hits.sum(axis=1), scored.sum(axis=1)
    if not labels.any():
        return Interval(math.nan, math.nan, math.nan)

    def difference(weights: np.ndarray) -> np.ndarray:
        total = weights @ labels
        return np.divide(weights @ gained, total, out=np.full(len(total), np.nan), where=total > 0)

    return bootstrap(difference, len(labels), resamples)


def keypoint_differences(base: Accuracy, candidate: Accuracy, threshold: float = 0.1) -> list[Interval]:
    """The same for each scored keypoint alone, in their order; NaN for a keypoint without a label."""
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
    """Per person and keypoint (N, K): whether it is within the threshold, and whether it has a label; 0 or 1."""
    errors = np.array([person.errors_px for person in accuracy.people], float)  # None becomes NaN, which is no hit
    limits = threshold * np.array([max(person.box_xywh[2:]) for person in accuracy.people])
    return (errors <= limits[:, None]).astype(int), np.isfinite(errors).astype(int)


def bootstrap(of: Callable[[np.ndarray], np.ndarray], images: int, resamples: int, seed: int = 0) -> Interval:
    """The value of a statistic `of` weights (R, images), and its 95 % interval over resampled images.

    of: (R,) values for how often each image was drawn.
    """
    return Interval(*_ends(of, images, resamples, seed).tolist())


def _ends(of: Callable[[np.ndarray], np.ndarray], images: int, resamples: int, seed: int) -> np.ndarray:
    """Value, lowest and highest (3, ...) of what `bootstrap` resamples; of: (R, ...)."""
    rng = np.random.default_rng(seed)
    drawn = []
    for start in range(0, resamples, 50):  # in parts, so that memory stays small
        count = min(50, resamples - start)
        picks = rng.integers(0, images, (count, images))
        rows = np.repeat(np.arange(count), images)
        weights = np.bincount(rows * images + picks.ravel(), minlength=count * images).reshape(count, images)
        drawn.append(of(weights))
    low, high = np.nanpercentile(np.concatenate(drawn), [2.5, 97.5], axis=0)
    return np.stack([of(np.ones((1, images)))[0], low, high])


def check_comparable(base: Accuracy, candidate: Accuracy) -> None:
    """ValueError when two accuracy records are not of the same people, boxes and keypoints."""
    for what in ("data", "boxes", "flip", "keypoints", "decoder"):
        a, b = getattr(base, what), getattr(candidate, what)
        if what == "data":
            a, b = (a.file, a.sha256, a.people), (b.file, b.sha256, b.people)
        if a != b:
            raise ValueError(f"the two were measured with other {what}: {a} and {b}; measure both in one call")
    if base.detections.image_ids != candidate.detections.image_ids:
        raise ValueError("the two were scored on other images of the same set; measure both in one call")


def people_needed(interval: Interval, limit: float, people: int) -> int | None:
    """How many people would settle on which side of `limit` the difference lies, if it stays what it is.

    An interval shrinks with the square root of the number of people; its side towards the limit counts.
    None: more than a million, so that no set of people will tell.
    """
    side = interval.value - interval.low if interval.value > limit else interval.high - interval.value
    distance = abs(interval.value - limit)
    if distance * np.sqrt(MOST_PEOPLE / people) < side:
        return None
    return max(people + 1, int(np.ceil(people * (side / distance) ** 2)))
