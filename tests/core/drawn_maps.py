"""Maps with peaks at known places, and where a decoder finds them."""

from __future__ import annotations

import numpy as np

from poseport import heatmap
from poseport.spec import Decode

HW, STRIDE = (48, 40), 4
SIGMA = 0.06  # OKS constant of every keypoint: a wrist's


def points_inside(count: int, seed: int, margin_cells: float = 3.0) -> np.ndarray:
    """(count, 2) input pixels at continuous places that keep `margin_cells` to the border."""
    low = heatmap.cells_to_input(np.full(2, margin_cells), STRIDE)
    high = heatmap.cells_to_input(np.array([HW[1], HW[0]]) - 1 - margin_cells, STRIDE)
    return np.random.default_rng(seed).uniform(low, high, (count, 2))


def round_trip(points_px: np.ndarray, method: Decode, sigma: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Points (K, 2) px and scores (K,) after encoding and decoding."""
    maps = heatmap.encode(points_px, HW, STRIDE, sigma)
    found, scores = heatmap.decode(maps[None], method, STRIDE, oks_sigmas=[SIGMA] * len(points_px))
    return found[0], scores[0]


def cells(*values: tuple[int, int, float], hw: tuple[int, int] = (9, 11)) -> np.ndarray:
    """(1, h, w, 1) map that is 0 but for (x, y, value)."""
    out = np.zeros((1, *hw, 1), np.float32)
    for x, y, value in values:
        out[0, y, x, 0] = value
    return out
