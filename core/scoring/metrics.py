"""Metrics of a pose, a person at a time. A metric's name carries its definition.

Letters: N people, K keypoints, L limbs. Predictions (N, K, 2 or more) and labels (N, K, 3) are in image
pixels; a label's third number is COCO's visibility. Unlabelled keypoints are never scored (but for
`pck_seed`, which reproduces a published variant that does).

Every hit function returns (N, K) or (N, L) float64: 1 hit, 0 miss, NaN not scored. `rate` averages them.
"""

from __future__ import annotations

import numpy as np

from poseport.skeleton import Skeleton


def rate(hits: np.ndarray) -> float:
    """Share of hits over everything scored; NaN when nothing was."""
    scored = np.isfinite(hits)
    return float(hits[scored].mean()) if scored.any() else float("nan")


def rate_by_column(hits: np.ndarray) -> np.ndarray:
    """(K,) share of hits of each keypoint or limb; NaN for those that nobody has."""
    scored = np.isfinite(hits)
    count = scored.sum(axis=0)
    total = np.where(scored, hits, 0.0).sum(axis=0)
    return np.divide(total, count, out=np.full(hits.shape[1], np.nan), where=count > 0)


def distances(predicted: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(N, K) Euclidean distance in pixels; NaN for unlabelled keypoints, infinite for a prediction of NaN."""
    away = np.linalg.norm(predicted[..., :2] - labels[..., :2], axis=-1)
    return np.where(labels[..., 2] > 0, np.where(np.isfinite(away), away, np.inf), np.nan)


def oks(predicted: np.ndarray, labels: np.ndarray, areas: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    """(N,) object keypoint similarity of each prediction with its own person (COCO keypoint evaluation).

    areas: (N,) segment areas in square pixels. sigmas: (K,). NaN for a person without labels.
    """
    variances = (2 * np.asarray(sigmas)) ** 2
    error = distances(predicted, labels) ** 2 / variances / (np.asarray(areas)[:, None] + np.spacing(1)) / 2
    labelled = ~np.isnan(error)
    similar = np.where(labelled, np.exp(-np.where(labelled, error, 0.0)), 0.0)
    count = labelled.sum(axis=1)
    return np.divide(similar.sum(axis=1), count, out=np.full(len(labels), np.nan), where=count > 0)


def pck(predicted: np.ndarray, labels: np.ndarray, sizes: np.ndarray, threshold: float) -> np.ndarray:
    """(N, K) hits: within `threshold` x size of the label (Yang and Ramanan 2013).

    sizes: (N,) pixels: `torso_sizes` for `PCK@t/torso`, `box_sizes` for `PCK@t/box`, `head_sizes` for
    `PCKh@t`. A person whose size is NaN is not scored.
    """
    away = distances(predicted, labels)
    limit = threshold * np.asarray(sizes, float)[:, None]
    return np.where(~np.isnan(away) & np.isfinite(limit), (away <= limit).astype(float), np.nan)


def torso_sizes(labels: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(N,) distance between the skeleton's torso pair; NaN where one of them is unlabelled or there is none."""
    return _pair_sizes(labels, skeleton, skeleton.torso)


def head_sizes(labels: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(N,) length of the skeleton's head segment (Andriluka et al. 2014); NaN where it is not labelled."""
    return _pair_sizes(labels, skeleton, skeleton.head)


def box_sizes(boxes_xywh: np.ndarray) -> np.ndarray:
    """(N,) longer side of each box."""
    return np.asarray(boxes_xywh, float)[:, 2:].max(axis=1)


def pcp(predicted: np.ndarray, labels: np.ndarray, limbs: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """(N, L) hits: both ends within `threshold` x limb length of their labels (strict PCP, Ferrari et al. 2008).

    limbs: (L, 2) int channels.
    """
    away = distances(predicted, labels)[:, limbs]
    length = np.linalg.norm(labels[:, limbs[:, 0], :2] - labels[:, limbs[:, 1], :2], axis=-1)
    scored = ~np.isnan(away).any(axis=-1)
    limit = np.where(scored, threshold * length, 0.0)
    return np.where(scored, (np.nan_to_num(away, posinf=np.inf) <= limit[..., None]).all(axis=-1).astype(float), np.nan)


def pck_seed(predicted: np.ndarray, labels: np.ndarray, image_ids: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """(N, K) hits of `PCK@0.2/seed`: the variant behind the figures published by Lee et al. (.7872).

    It exists to explain old numbers, not to judge a network; its code differs from its description in
    that y is dropped everywhere, the torso is the horizontal distance of the hips, 5 pixels (0.2 x 25)
    stand in where a hip is not labelled, any annotated person of the image may be the one that is
    hit, the threshold is that of the last one, and unlabelled keypoints count as labels at x = 0.
    """
    left, right = skeleton.index("left_hip"), skeleton.index("right_hip")
    hits = np.zeros(labels.shape[:2])
    for image in np.unique(image_ids):
        rows = np.flatnonzero(image_ids == image)
        last = labels[rows[-1]]
        both = last[left, 2] > 0 and last[right, 2] > 0
        limit = 0.2 * (abs(last[left, 0] - last[right, 0]) if both else 25.0)
        away = np.abs(predicted[rows][:, None, :, 0] - labels[rows][None, :, :, 0])
        hits[rows] = (away <= limit).any(axis=1)
    return hits


def _pair_sizes(labels: np.ndarray, skeleton: Skeleton, pair: tuple[str, str] | None) -> np.ndarray:
    if pair is None:
        return np.full(len(labels), np.nan)
    a, b = (labels[:, skeleton.index(name)] for name in pair)
    size = np.linalg.norm(a[:, :2] - b[:, :2], axis=-1)
    return np.where((a[:, 2] > 0) & (b[:, 2] > 0) & (size > 0), size, np.nan)
