"""Metrics of single poses. The name of a metric carries its definition: `PCK@0.1/box`, `PCKh@0.5`, `PCP@0.5`.

In shapes, N are people, K keypoints and L limbs. Predictions (N, K, 2 or more) and labels (N, K, 3) are in image
pixels; the third number of a label is COCO's visibility (0 unlabelled, 1 hidden, 2 visible). Unlabelled keypoints are
not scored.

`pck` and `pcp` return hits, (N, K) or (N, L) float64: 1 hit, 0 miss, NaN not scored. `rate` averages them.
"""

from __future__ import annotations

import numpy as np

from poseport.skeleton import Skeleton


def rate(hits: np.ndarray) -> float:
    """Compute the share of hits among everything that was scored.

    Args:
        hits: any shape, 1 hit, 0 miss, NaN not scored.

    Returns:
        A share in [0, 1]; NaN if nothing was scored.
    """
    scored = np.isfinite(hits)
    return float(hits[scored].mean()) if scored.any() else float("nan")


def rate_by_column(hits: np.ndarray) -> np.ndarray:
    """Compute the share of hits of each keypoint or limb.

    Args:
        hits: (N, K), 1 hit, 0 miss, NaN not scored.

    Returns:
        (K,) shares in [0, 1]; NaN where nobody was scored.
    """
    scored = np.isfinite(hits)
    count = scored.sum(axis=0)
    total = np.where(scored, hits, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(hits.shape[1], np.nan), where=count > 0)


def distances(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Compute the Euclidean distances between predictions and labels.

    Args:
        predicted: (N, K, 2 or more) x, y in image pixels.
        labels: (N, K, 3) x, y in image pixels and visibility.

    Returns:
        (N, K) float64 in pixels: NaN for unlabelled keypoints, infinite where the prediction is NaN.
    """
    away = np.linalg.norm(predicted[..., :2] - labels[..., :2], axis=-1)
    return np.where(labels[..., 2] > 0, np.where(np.isfinite(away), away, np.inf), np.nan)


def oks(predicted: np.ndarray, labels: np.ndarray, areas: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """Compute the object keypoint similarity of each prediction with the labels of its own person.

    As in the COCO keypoint evaluation, it is the mean over labelled keypoints of exp(-d^2 / (2 s^2 k^2)), with the
    distance d, the square root s of the area, and k = 2 sigma.

    Args:
        predicted: (N, K, 2 or more) x, y in image pixels.
        labels: (N, K, 3) x, y in image pixels and visibility.
        areas: (N,) segment areas in square pixels.
        sigmas: (K,) of the skeleton.

    Returns:
        (N,) float64 in [0, 1]; NaN for a person without labels.
    """
    variances = (2 * np.asarray(sigmas)) ** 2
    error = distances(predicted, labels) ** 2 / variances / (np.asarray(areas)[:, None] + np.spacing(1)) / 2
    labelled = ~np.isnan(error)
    similar = np.where(labelled, np.exp(-np.where(labelled, error, 0.0)), 0.0)
    count = labelled.sum(axis=1)
    return np.divide(similar.sum(axis=1), count, out=np.full(len(labels), np.nan), where=count > 0)


def pck(predicted: np.ndarray, labels: np.ndarray, sizes: np.ndarray, threshold: float) -> np.ndarray:
    """Score correct keypoints (PCK): a hit lies within `threshold` x size of its label (Yang and Ramanan 2013).

    Args:
        predicted: (N, K, 2 or more) x, y in image pixels.
        labels: (N, K, 3) x, y in image pixels and visibility.
        sizes: (N,) in pixels: `torso_sizes` for `PCK@t/torso`, `box_sizes` for `PCK@t/box`, `head_sizes` for
            `PCKh@t`. A person whose size is NaN is not scored.
        threshold: as a share of the size.

    Returns:
        (N, K) hits.
    """
    away = distances(predicted, labels)
    limit = threshold * np.asarray(sizes, float)[:, None]
    return np.where(~np.isnan(away) & np.isfinite(limit), (away <= limit).astype(float), np.nan)


def torso_sizes(labels: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Measure the distance between the two keypoints of the skeleton's torso pair.

    Args:
        labels: (N, K, 3) x, y in image pixels and visibility.
        skeleton: its keypoints.

    Returns:
        (N,) float64 in pixels; NaN where a keypoint is unlabelled, where both are one point, or if the skeleton has
        no torso pair.
    """
    return _pair_sizes(labels, skeleton, skeleton.torso)


def head_sizes(labels: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Measure the length of the skeleton's head segment (Andriluka et al. 2014).

    Args:
        labels: (N, K, 3) x, y in image pixels and visibility.
        skeleton: its keypoints.

    Returns:
        (N,) float64 in pixels; NaN as in `torso_sizes`.
    """
    return _pair_sizes(labels, skeleton, skeleton.head)


def box_sizes(boxes_xywh: np.ndarray) -> np.ndarray:
    """Measure the longer side of each box.

    Args:
        boxes_xywh: (N, 4) left, top, width, height in pixels.

    Returns:
        (N,) float64 in pixels.
    """
    return np.asarray(boxes_xywh, float)[:, 2:].max(axis=1)


def pcp(predicted: np.ndarray, labels: np.ndarray, limbs: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Score correct parts (PCP): both ends of a limb lie within `threshold` x its length of their labels.

    This is the strict variant of Ferrari et al. 2008.

    Args:
        predicted: (N, K, 2 or more) x, y in image pixels.
        labels: (N, K, 3) x, y in image pixels and visibility.
        limbs: (L, 2) int channels of both ends.
        threshold: as a share of the limb's labelled length.

    Returns:
        (N, L) hits.
    """
    away = distances(predicted, labels)[:, limbs]
    length = np.linalg.norm(labels[:, limbs[:, 0], :2] - labels[:, limbs[:, 1], :2], axis=-1)
    scored = ~np.isnan(away).any(axis=-1)
    limit = np.where(scored, threshold * length, 0.0)
    return np.where(scored, (np.nan_to_num(away, posinf=np.inf) <= limit[..., None]).all(axis=-1).astype(float), np.nan)


def _pair_sizes(labels: np.ndarray, skeleton: Skeleton, pair: tuple[str, str] | None) -> np.ndarray:
    if pair is None:
        return np.full(len(labels), np.nan)
    a, b = (labels[:, skeleton.index(name)] for name in pair)
    size = np.linalg.norm(a[:, :2] - b[:, :2], axis=-1)
    return np.where((a[:, 2] > 0) & (b[:, 2] > 0) & (size > 0), size, np.nan)
