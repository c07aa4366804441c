"""OKS-AP computed from the matches in a record, for many resamples of the images at once."""

from __future__ import annotations

import numpy as np

from poseport.bench.record import Detections

RECALLS = np.linspace(0.0, 1.0, 101)
THRESHOLDS = 10


def average_precision(found: Detections, weights: np.ndarray) -> np.ndarray:
    """OKS-AP of resampled images.

    Weights of one give COCOeval's AP over the area range "all". An image drawn twice counts as two images with the
    same people and predictions.

    Args:
        found: The matches of a record, over I images.
        weights: (R, I) int, how often each of R resamples drew each image.

    Returns:
        (R,) AP in [0, 1]; NaN for a resample without labelled people.
    """
    weights = np.atleast_2d(np.asarray(weights, np.int32))
    order = np.argsort(-np.asarray(found.score), kind="mergesort")  # stable, as COCOeval sorts
    image = np.asarray(found.image, int)[order]
    matched, ignored = np.asarray(found.matched, int)[order], np.asarray(found.ignored, int)[order]
    truths = weights @ np.asarray(found.ground_truths, np.int32)
    needed = _needed(truths)
    drawn = weights.take(image, axis=1)  # keeps rows contiguous, unlike an index
    total, ranked, counted = np.zeros(len(weights)), None, None
    for threshold in range(THRESHOLDS):
        counts = (ignored >> threshold & 1) == 0
        if ranked is None or (counts != counted).any():  # usually nothing is ignored, at any threshold
            ranked, counted = np.maximum(_up_to(drawn * counts), 1).astype(np.float32), counts
        hits = np.flatnonzero((matched >> threshold & 1 == 1) & counts)
        total += _interpolated(_up_to(drawn.take(hits, axis=1)), ranked.take(hits, axis=1), needed)
    return np.where(truths > 0, total / THRESHOLDS, np.nan)


def _up_to(counts: np.ndarray) -> np.ndarray:
    """Cumulative sums of counts (R, N), each up to and including its own column."""
    return np.cumsum(counts, axis=1, dtype=np.int32)


def _needed(truths: np.ndarray) -> np.ndarray:
    """How many of `truths` (R,) people must be matched to reach each of 101 recalls, (R, 101), as COCOeval divides."""
    people = np.maximum(truths, 1)[:, None]
    least = np.ceil(RECALLS * people)
    least += least / people < RECALLS  # for example 7 / 20 < RECALLS[35] because of rounding
    least -= (least - 1) / people >= RECALLS
    return np.maximum(least, 0).astype(np.int32)


def _interpolated(true: np.ndarray, ranked: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Mean over 101 recalls of the highest precision at that recall or above, (R,).

    Args:
        true: (R, H) number of hits up to and including each of H hits.
        ranked: (R, H) number of predictions up to and including each hit. Between two hits, recall is constant and
            precision falls, so hits alone are enough.
        needed: (R, 101) number of hits that reach each recall.
    """
    rows, hits = true.shape
    if hits == 0:
        return np.zeros(rows)
    row = np.arange(rows, dtype=np.int32)[:, None]
    # one search for all rows: the shift puts each row's counts above those of the row before
    shift = row * (max(true.max(), needed.max()) + 1)
    at = np.searchsorted((true + shift).ravel(), (needed + shift).ravel()).reshape(rows, -1)
    reached = at < hits * (row + 1)
    precision = np.zeros(rows * hits + 1, np.float32)  # the last is for recalls that the last row never reaches
    np.divide(true.astype(np.float32), ranked, out=precision[:-1].reshape(rows, hits))
    # the highest from each recall to the next, then from each to the last. Non-negative floats have the same order as
    # their bits, and NumPy compares integers several times as fast
    highest = np.maximum.reduceat(precision.view(np.int32), at.ravel()).view(np.float32).reshape(at.shape) * reached
    highest = np.maximum.accumulate(highest[:, ::-1], axis=1)
    return np.asarray(highest.sum(axis=1, dtype=float) / len(RECALLS))
