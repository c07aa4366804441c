"""Find one person without a detector: in the whole picture first, then around the predicted keypoints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poseport.people import track

Find = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Follower:
    """Predicts the keypoints of one person in a film, picture by picture; for a single photo, call a new one once.

    Args:
        find: maps an image (h, w, 3) uint8 RGB and boxes (N, 4) to keypoints (N, K, 3), as `poseport.load` returns it.
        threshold: keypoints with a lower score are ignored when the next box is made, 0 to 1.

    Attributes:
        box: (4,) left, top, width, height of the last call in image pixels; None before the first.
    """

    def __init__(self, find: Find, threshold: float = 0.2):
        self.find, self.threshold = find, threshold
        self.box: np.ndarray | None = None
        self._next: np.ndarray | None = None

    @property
    def known(self) -> bool:
        """Whether the last picture told where the person is in the next one."""
        return self._next is not None

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Predict the keypoints in the next picture.

        If the person was not in the picture before, the network runs twice: on the whole picture, then on a box
        around the keypoints of the first run.

        Args:
            image: (h, w, 3) uint8 RGB.

        Returns:
            (1, K, 3): x, y in image pixels and a score.
        """
        for _ in range(1 if self.known else 2):
            self.box = track.whole(image.shape[:2]) if self._next is None else self._next
            keypoints = self.find(image, self.box[None])
            self._next = track.follow(keypoints[0], image.shape[:2], self.threshold)
            if self._next is None:
                break
        return keypoints
