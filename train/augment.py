"""Random crops: all geometry is one matrix, colour is one table."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from poseport import crop
from poseport.spec import PoseSpec


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the random crop; each is drawn uniformly and all become one matrix.

    rotation_deg: +-. scale: 1 +-. shift: +- fraction of the input. flip: probability.
    colour: +- fraction of brightness and contrast.
    """

    rotation_deg: float = 30.0
    scale: float = 0.25
    shift: float = 0.04
    flip: float = 0.5
    colour: float = 0.2

    def __post_init__(self) -> None:
        if not (0 <= self.rotation_deg <= 180 and 0 <= self.scale < 1 and 0 <= self.shift < 1):
            raise ValueError(
                f"augmentation out of range: rotation {self.rotation_deg} (0 to 180), "
                f"scale {self.scale} and shift {self.shift} (0 to 1)"
            )
        if not (0 <= self.flip <= 1 and 0 <= self.colour < 1):
            raise ValueError(f"augmentation out of range: flip {self.flip} and colour {self.colour} (0 to 1)")


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
