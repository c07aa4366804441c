"""One person followed through a film: where to look in the next picture.

There is no person detector: the box of a picture is made of the keypoints that were found in the one before, and
is the whole picture at the start and whenever the person was lost. The Android app does the same (`Tracker.kt`).
"""

from __future__ import annotations

import numpy as np

# People's boxes reach beyond their keypoints (heads, hands, feet), and people move between two pictures.
GROWTH = 1.25
# A pose that fell together is no person: its longer side is at least this share of the picture's shorter one.
LEAST_SIDE = 1 / 16


def whole(image_hw: tuple[int, int]) -> np.ndarray:
    """The box (4,) of a whole picture, where a person is looked for first."""
    return np.array([0.0, 0.0, image_hw[1], image_hw[0]])


def follow(keypoints: np.ndarray, image_hw: tuple[int, int], threshold: float = 0.2) -> np.ndarray | None:
    """The box (4,) left, top, width, height in which to look in the next picture; None where the person is lost.

    keypoints: (K, 3) x, y in pixels of a picture of image_hw and a score in [0, 1]. threshold: keypoints that score
    less do not count. Lost is a person of whom less than a third of the keypoints count, who fell together to a
    point, is more than twice the picture, or whose middle has left the picture. The box is never narrower than half
    of its height, nor lower than half of its width: a person with arms down must find room for raised ones.
    """
    sure = keypoints[(keypoints[:, 2] >= threshold) & np.isfinite(keypoints[:, :2]).all(axis=1), :2]
    if 3 * len(sure) < len(keypoints):
        return None
    first, last = sure.min(axis=0), sure.max(axis=0)
    sides, middle = last - first + 1, (first + last) / 2
    if sides.max() < LEAST_SIDE * min(image_hw) or sides.max() > 2 * max(image_hw):
        return None
    if (middle < -0.5).any() or (middle > np.array(image_hw[::-1]) - 0.5).any():
        return None
    sides = np.maximum(GROWTH * sides, GROWTH * sides.max() / 2)
    return np.concatenate([middle - (sides - 1) / 2, sides])
