"""Random crops: all geometry is one matrix, colour is one table."""

from __future__ import annotations

import cv2
import numpy as np

from poseport import crop
from poseport.spec import PoseSpec
from poseport.train.config import AugmentConfig


def random_matrix(
    rng: np.random.Generator, spec: PoseSpec, box_xywh: tuple[float, float, float, float], ranges: AugmentConfig
) -> tuple[np.ndarray, bool]:
    """Matrix (2, 3) of a random crop, and whether it mirrors (then left and right names change places)."""
    angle, scale, dx, dy = rng.uniform(-1, 1, 4)
    flip = bool(rng.random() < ranges.flip)
    matrix = crop.crop_matrix(
        np.asarray(box_xywh),
        spec.input_hw,
        spec.padding,
        rotation_deg=angle * ranges.rotation_deg,
        scale=1 + scale * ranges.scale,
        shift=(dx * ranges.shift, dy * ranges.shift),
        flip=flip,
    )
    return matrix, flip


def random_colour(rng: np.random.Generator, image: np.ndarray, strength: float) -> np.ndarray:
    """Brightness and contrast of (H, W, 3) uint8, each changed by up to +-strength; a new array."""
    if strength <= 0:
        return image
    gain, lift = rng.uniform(-strength, strength, 2)
    levels = np.arange(256)
    table = np.clip((levels - 128) * (1 + gain) + 128 + 128 * lift, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table)
