"""Everyone in a film: the detector only in some frames, keypoints in every one, identities, smoothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poseport.people import centers
from poseport.people.everyone import Everyone, Found
from poseport.people.smooth import OneEuro
from poseport.people.tracks import SURE, Tracks

# frames between two runs of the detector while nobody is lost
DETECT_EVERY = 10
# a person who is expected in a box is not among the detector's people if none overlaps the box more (IoU)
_COVERED = 0.3
# How sure a person is whom the detector did not see. Otherwise keypoints that have slipped onto something else stay
# there for ever, as they find themselves again.
_OVERLOOKED = 0.5


class Film:
    """Follows everyone through a film, frame by frame.

    Between two runs of the detector, people are looked for where their keypoints say that they are. The detector runs
    in the first frame, then every `every` frames, in the frame after somebody was lost, and when frames change size.

    Args:
        everyone: finds people in one picture.
        every: number of frames between two runs of the detector, from 1.

    Attributes:
        detected: number of frames in which the detector ran.
    """

    def __init__(self, everyone: Everyone, every: int = DETECT_EVERY):
        self.everyone, self.every = everyone, every
        self.tracks = Tracks(np.array(everyone.skeleton.sigmas), max(SURE, everyone.unsure))
        self.detected = 0
        self._since = every
        self._hw: tuple[int, int] | None = None

    def __call__(self, image: np.ndarray) -> Found:
        """Find the people in the next frame.

        Args:
            image: (h, w, 3) uint8 RGB.

        Returns:
            The people with their identities.
        """
        hw = image.shape[:2]
        if hw != self._hw:
            self.tracks.clear()
            self._hw, self._since = hw, self.every
        boxes, scores = self.tracks.next_boxes()
        left_out = 0
        if self._since >= self.every or self.tracks.lost:
            boxes, scores, left_out = self._detect(image, boxes, scores)
            self._since = 0
        self._since += 1
        found = self.everyone.at(image, boxes, scores)
        return self.tracks.step(replace(found, left_out=left_out), hw)

    def _detect(
        self, image: np.ndarray, expected: np.ndarray, scores: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, int]:
        """The detector's boxes, and the expected ones that it does not see, half as sure; how many are left out."""
        self.detected += 1
        boxes, box_scores = self.everyone.detect(image)
        overlap = centers.iou(expected, boxes)
        unseen = overlap.max(axis=1, initial=0.0) < _COVERED
        boxes = np.concatenate([boxes, expected[unseen]])
        box_scores = np.concatenate([box_scores, _OVERLOOKED * scores[unseen]])
        best = np.argsort(-box_scores, kind="stable")[: self.everyone.most]
        return boxes[best], box_scores[best], len(boxes) - len(best)


class Smoother:
    """Smooths the keypoints of everyone in a film, each person by an own filter.

    Args:
        rate: frames per second.
    """

    def __init__(self, rate: float):
        self.rate = rate
        self._filters: dict[int, tuple[OneEuro, int]] = {}
        self._frame = 0

    def __call__(self, found: Found) -> Found:
        """Smooth the people of the next frame.

        Args:
            found: the people with `ids`.

        Returns:
            The same people with smoothed keypoints. A person who was away begins anew.
        """
        assert found.ids is not None
        self._frame += 1
        smoothed = found.keypoints.astype(np.float64)
        for i, number in enumerate(found.ids.tolist()):
            one, last = self._filters.get(number, (OneEuro(), 0))
            if last != self._frame - 1:
                one = OneEuro()
            smoothed[i] = one(found.keypoints[i], float(found.boxes[i, 2:].max()), 1 / self.rate)
            self._filters[number] = one, self._frame
        self._filters = {number: state for number, state in self._filters.items() if state[1] == self._frame}
        return replace(found, keypoints=smoothed)
