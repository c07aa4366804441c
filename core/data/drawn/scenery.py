"""The surroundings of drawn people: random backgrounds, and the effects of a camera."""

from __future__ import annotations

import cv2
import numpy as np

from poseport.data.drawn.figure import SHIFT, blob_outline

_CLUTTER = np.array([(226, 178, 142), (150, 98, 66), (60, 70, 110), (180, 60, 50), (40, 40, 40), (210, 210, 200)])


def background(rng: np.random.Generator, image_hw: tuple[int, int]) -> np.ndarray:
    """Draw soft gradients and blotches with clutter on them: boxes, ellipses, and bars as thick as limbs.

    Args:
        rng: Source of randomness.
        image_hw: Height and width in pixels.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    h, w = image_hw
    # mostly greyish, as rooms and streets are: a rainbow would tell clothes from background by hue alone
    base = rng.uniform(40, 215) + rng.normal(0, 22, 3) + rng.uniform(-40, 40, (3, 4, 1)) + rng.normal(0, 10, (3, 4, 3))
    blotches = rng.uniform(-1, 1, (h // 12, w // 12, 1)) * rng.uniform(5, 35) + rng.normal(0, 6, (h // 12, w // 12, 3))
    soft = cv2.resize(base, (w // 12, h // 12), interpolation=cv2.INTER_LINEAR) + blotches
    image = cv2.resize(np.clip(soft, 0, 255).astype(np.uint8), (w, h), interpolation=cv2.INTER_CUBIC)
    for _ in range(rng.integers(3, 12)):
        x, y = rng.uniform((0, 0), (w, h))
        colour = (_CLUTTER[rng.integers(len(_CLUTTER))] if rng.random() < 0.4 else rng.uniform(20, 235, 3)).tolist()
        kind = rng.integers(4)
        if kind == 0:
            width, height = rng.uniform(10, 90, 2)
            cv2.rectangle(image, (int(x), int(y)), (int(x + width), int(y + height)), colour, -1)
        elif kind == 1:
            axes = (int(rng.uniform(4, 35)), int(rng.uniform(4, 35)))
            cv2.ellipse(image, (int(x), int(y)), axes, rng.uniform(0, 180), 0, 360, colour, -1, cv2.LINE_AA)
        elif kind == 2:
            end = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
            cv2.line(image, (int(x), int(y)), end, colour, int(rng.integers(1, 4)), cv2.LINE_AA)
        else:
            radii, step = rng.uniform(3, 9, (2, 1)), rng.uniform(-60, 60, 2)
            bar = np.hstack([np.array([(x, y), (x + step[0], y + step[1])]), radii])
            cv2.fillConvexPoly(image, blob_outline(bar), colour, cv2.LINE_AA, SHIFT)
    return image


def photographed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Make a picture look as if taken by a modest camera: softer, brighter or darker, with noise.

    Args:
        rng: Source of randomness.
        image: (h, w, 3) uint8 RGB.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.9))
    image = cv2.convertScaleAbs(image, alpha=rng.uniform(0.75, 1.15), beta=rng.uniform(0, 25))
    strength = int(rng.integers(1, 8))
    noise = rng.integers(0, 2 * strength + 1, image.shape, np.uint8)
    return cv2.subtract(cv2.add(image, noise), np.full_like(image, strength))
