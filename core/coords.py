"""Keypoints as coordinates relative to the input, as DeepPose regresses them.

The centre of the input is the origin and each side has length 1 (Toshev and Szegedy 2014, eq. 2;
Gupta and Gritton, eq. 2): a keypoint inside the input is in [-0.5, 0.5].
"""

from __future__ import annotations

import numpy as np


def encode(points_px: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """Points (..., 2) in input pixels to (..., 2) float32, [-0.5, 0.5] inside the input."""
    h, w = input_hw
    return ((np.asarray(points_px) - [(w - 1) / 2, (h - 1) / 2]) / [w, h]).astype(np.float32)


def decode(coords: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """Coordinates (..., 2) to points (..., 2) in input pixels, float64; the inverse of `encode`."""
    h, w = input_hw
    return np.asarray(coords, np.float64) * [w, h] + [(w - 1) / 2, (h - 1) / 2]
