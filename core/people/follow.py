"""Finds one person without a detector: in the whole picture first, then around the keypoints that were found."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poseport.people import track

Find = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Follower:
    """Keypoints of one person, picture after picture of a film; for a single photo, one call of a new one.

    find: image (h, w, 3) uint8 RGB and boxes (N, 4) to keypoints (N, K, 3), as `poseport.load` gives it.
    threshold: keypoints that score less do not say where the person is. box: (4,) of the last call.
    """

    def __init__(self, find: Find, threshold: float = 0.2):
        self.find, self.threshold = find, threshold
        self.box: np.ndarray | None = None
        self._next: np.ndarray | None = None

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Keypoints (1, K, 3) in image pixels. A person who is looked for in the whole picture is looked at twice:
        the second time in a box that fits.
        """
        known = self._next is not None
        for _ in range(1 if known else 2):
            self.box = track.whole(image.shape[:2]) if self._next is None else self._next
            keypoints = self.find(image, self.box[None])
            self._next = track.follow(keypoints[0], image.shape[:2], self.threshold)
            if self._next is None:
                break
        return keypoints
