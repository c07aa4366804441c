"""Keypoints as coordinates relative to the input, as DeepPose regresses them.

The centre of the input is the origin and each side has length 1 (Toshev and Szegedy 2014, eq. 2;
Gupta and Gritton, eq. 2): a keypoint inside the input is in [-0.5, 0.5].
"""

from __future__ import annotations

import numpy as np


def encode(points_px: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """Convert points to coordinates relative to the input.

    Args:
        points_px: (..., 2) x, y in input pixels.
        input_hw: height and width of the input in pixels.

    Returns:
        (..., 2) float32, in [-0.5, 0.5] inside the input.
    """
    h, w = input_hw
    return ((np.asarray(points_px) - [(w - 1) / 2, (h - 1) / 2]) / [w, h]).astype(np.float32)


def decode(coords: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """Convert relative coordinates to points; the inverse of `encode`.

    Args:
        coords: (..., 2), in [-0.5, 0.5] inside the input.
        input_hw: height and width of the input in pixels.

    Returns:
        (..., 2) float64 x, y in input pixels.
    """
    h, w = input_hw
    return np.asarray(coords, np.float64) * [w, h] + [(w - 1) / 2, (h - 1) / 2]
