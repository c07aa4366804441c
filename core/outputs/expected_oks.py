"""Where a keypoint's expected OKS is highest, instead of where it is most likely.

A map says how likely each cell is. OKS forgives a distance d by exp(-d^2 / (2 s^2)), where s is 2 sigma sqrt(area) of
the keypoint's own sigma and the person's area. So the expected OKS of a point is the map blurred by that Gaussian
(Purkrabek and Matas 2025, "ProbPose: A Probabilistic Approach to 2D Human Pose Estimation"): a broad hill counts for
more than a sharp peak beside it, and a hip's hill may be broader than an eye's.

In shapes, N are people, H x W cells and K keypoints.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np

# The share of the crop that a person is taken to cover: the true area is not known. The median of COCO's people is
# 0.25 in crops of 1.12 boxes; docs/experiments.md has what other shares give.
PERSON = 0.25
REACH = 3.0  # standard deviations, beyond which OKS (at most 0.011) counts as 0


def widths(sigmas: Sequence[float], hw: tuple[int, int]) -> np.ndarray:
    """Say how far OKS forgives each keypoint.

    Args:
        sigmas: OKS constants of K keypoints.
        hw: height and width of the maps in cells.

    Returns:
        (K,) float64 standard deviations in cells.
    """
    return 2 * np.asarray(sigmas, np.float64) * math.sqrt(PERSON * hw[0] * hw[1])


def kernel(width: float) -> np.ndarray:
    """OKS at whole distances from a point.

    Args:
        width: standard deviation in cells.

    Returns:
        (2 r + 1,) float32 in [0, 1], 1 in the middle; r is `REACH` standard deviations, rounded up.
    """
    reach = math.ceil(REACH * width)
    return np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * width**2)).astype(np.float32)


def expected(maps: np.ndarray, sigmas: Sequence[float]) -> np.ndarray:
    """Blur each map by its keypoint's OKS; outside of the map is nothing.

    Args:
        maps: (N, H, W, K) float32.
        sigmas: OKS constants of the K keypoints.

    Returns:
        (N, H, W, K) float32: the expected OKS of every cell, times what the map sums to.

    Raises:
        ValueError: if there is not one sigma for each map.
    """
    if len(sigmas) != maps.shape[-1]:
        raise ValueError(f"{len(sigmas)} OKS constants for {maps.shape[-1]} maps; expected one each")
    down, across = bands(sigmas, maps.shape[1:3])
    return np.moveaxis(down @ np.moveaxis(maps, -1, 1) @ across, 1, -1)


def bands(sigmas: Sequence[float], hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Make the matrices that blur maps: down @ map @ across.

    Args:
        sigmas: OKS constants of K keypoints.
        hw: height H and width W of the maps in cells.

    Returns:
        (K, H, H) and (K, W, W) float32, symmetric; the same arrays each time.
    """
    cells = tuple(widths(sigmas, hw).tolist())
    return _bands(cells, hw[0]), _bands(cells, hw[1])


@lru_cache(maxsize=8)
def _bands(widths_cells: tuple[float, ...], side: int) -> np.ndarray:
    """Matrices (K, side, side) that blur a line of `side` cells; they are symmetric."""
    bands = np.zeros((len(widths_cells), side, side), np.float32)
    for band, width in zip(bands, widths_cells, strict=True):
        taps = kernel(width)
        reach = len(taps) // 2
        for i in range(side):
            first, last = max(0, i - reach), min(side, i + reach + 1)
            band[i, first:last] = taps[first - i + reach : last - i + reach]
    return bands
