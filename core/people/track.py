"""Follow one person through a film: compute the box to crop in the next picture.

There is no person detector. The box is computed from the keypoints in the picture before; it is the whole picture at
the start and whenever the person was lost. The Android app does the same (`Tracker.kt`).
"""

from __future__ import annotations

import numpy as np

# A person reaches beyond the keypoints (head, hands, feet), and moves between two pictures.
GROWTH = 1.25
# A pose whose longer side is a smaller share of the picture's shorter side is not a person.
LEAST_SIDE = 1 / 16


def whole(image_hw: tuple[int, int]) -> np.ndarray:
    """Make the box of a whole picture.

    Args:
        image_hw: height and width of the picture in pixels.

    Returns:
        (4,) float64 left, top, width, height in pixels.
    """
    return np.array([0.0, 0.0, image_hw[1], image_hw[0]])


def follow(keypoints: np.ndarray, image_hw: tuple[int, int], threshold: float = 0.2) -> np.ndarray | None:
    """Make the box to crop in the next picture.

    A person counts as lost if fewer than a third of the keypoints score above the threshold, if the pose has shrunk to
    a point, if it is larger than twice the picture, or if its middle is outside the picture. The box is at least half
    as wide as high and half as high as wide, so that there is room for arms that are raised.

    Args:
        keypoints: (K, 3) x, y in image pixels and a score in [0, 1].
        image_hw: height and width of the picture in pixels.
        threshold: keypoints with a lower score are ignored.

    Returns:
        (4,) float64 left, top, width, height in pixels; None if the person is lost.
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
