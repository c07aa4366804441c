"""How alike two poses are: the OKS of two predictions, which tells whether both are one person."""

from __future__ import annotations

import numpy as np

from poseport.data.formats.coco_folder import FILLED
from poseport.people.centers import keep_best
from poseport.scoring import metrics

# keypoints with a lower score say nothing about who it is
SURE = 0.2


def between(
    first: np.ndarray, second: np.ndarray, areas: np.ndarray, sigmas: np.ndarray, sure: float = SURE
) -> np.ndarray:
    """Compute the object keypoint similarity between the poses of two lists.

    It is the mean over the keypoints that are sure in both poses. Where fewer than a third are, all count.

    Args:
        first: (N, K, 3) x, y in image pixels and a score.
        second: (M, K, 3).
        areas: (M,) areas of the people in `second` in square pixels, as `person_areas` gives them.
        sigmas: (K,) of the skeleton.
        sure: keypoints with a lower score do not count, 0 to 1.

    Returns:
        (N, M) float64 from 0 to 1.
    """
    n, m, count = len(first), len(second), len(sigmas)
    if not n or not m:
        return np.zeros((n, m))
    a, b = np.repeat(first, m, axis=0), np.tile(second, (n, 1, 1))
    seen = (a[..., 2] >= sure) & (b[..., 2] >= sure)
    seen[3 * seen.sum(axis=1) < count] = True
    labels = np.concatenate([b[..., :2], seen[..., None]], axis=-1)
    alike = metrics.oks(a, labels, np.tile(areas, n), np.asarray(sigmas))
    return np.nan_to_num(alike).reshape(n, m)


def person_areas(boxes_xywh: np.ndarray) -> np.ndarray:
    """Estimate the areas of people from their boxes, by the share of a box that people fill in COCO.

    Args:
        boxes_xywh: (N, 4) left, top, width, height in pixels.

    Returns:
        (N,) float64 in square pixels.
    """
    return FILLED * np.asarray(boxes_xywh, np.float64)[:, 2:].prod(axis=1)


def distinct(keypoints: np.ndarray, boxes_xywh: np.ndarray, sigmas: np.ndarray, most_alike: float) -> np.ndarray:
    """Select the finds that are not one of the better ones found again (OKS suppression, Papandreou et al. 2017).

    Args:
        keypoints: (N, K, 3) x, y in image pixels and a score, best find first.
        boxes_xywh: (N, 4) their boxes in image pixels.
        sigmas: (K,) of the skeleton.
        most_alike: a find with a larger OKS with a better one that stays is dropped, 0 to 1.

    Returns:
        Indices of the finds that stay, in ascending order.
    """
    return keep_best(between(keypoints, keypoints, person_areas(boxes_xywh), sigmas), most_alike)
