"""Everyone in a picture: whole picture -> boxes of the detector -> crops -> keypoints, each person once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from poseport.people import similarity
from poseport.scoring.score import person_scores
from poseport.skeleton import Skeleton
from poseport.spec import PoseSpec

# two finds that are more alike (OKS) are one person; docs/experiments.md has what other bounds give
ONE_PERSON = 0.5
# people in one picture, unless somebody asks for more: each costs one run of the pose network
MOST_PEOPLE = 20
# A find in a single picture with a lower score is left out. On 230 COCO photos kept out of the training, with `person`
# and `starter`, that leaves out 539 of 650 finds that are no labelled person, and 18 of 406 that are.
UNSURE = 0.11

Detect = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
Pose = Callable[[np.ndarray, np.ndarray], np.ndarray]


def least_score(spec: PoseSpec) -> float:
    """Say from which score on a find in a single picture counts.

    Each network's scores have a scale of their own, so its spec can say it. Otherwise it is `UNSURE` for networks that
    were trained here; a network of other people may give a person who stands alone in a photo less.

    Args:
        spec: the pose network's spec.

    Returns:
        The score, 0 to 1.
    """
    if spec.least_score is not None:
        return spec.least_score
    return 0.0 if spec.family == "foreign" else UNSURE


@dataclass(frozen=True, eq=False)
class Found:
    """The N people of one picture, best first.

    Attributes:
        keypoints: (N, K, 3) float64 x, y in image pixels and a score in [0, 1].
        boxes: (N, 4) float64 left, top, width, height in image pixels.
        scores: (N,) float64 from 0 to 1: the score of the box times the mean score of the keypoints.
        box_scores: (N,) float64 from 0 to 1, of the boxes alone; 1 for given boxes.
        left_out: number of boxes beyond the largest number of people, whose keypoints were not computed.
        ids: (N,) int, the same number for the same person in the frames of a film; None in single pictures.
    """

    keypoints: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    box_scores: np.ndarray
    left_out: int = 0
    ids: np.ndarray | None = None

    def those(self, chosen: np.ndarray) -> Found:
        """Some of the people.

        Args:
            chosen: (N,) bool, or their indices.
        """
        return replace(
            self,
            keypoints=self.keypoints[chosen],
            boxes=self.boxes[chosen],
            scores=self.scores[chosen],
            box_scores=self.box_scores[chosen],
            ids=None if self.ids is None else self.ids[chosen],
        )


class Everyone:
    """Finds all people in single pictures by two networks, one that finds people and one that finds keypoints.

    Args:
        pose: maps an image (h, w, 3) uint8 RGB and boxes (N, 4) to keypoints (N, K, 3), as `poseport.load` returns it.
        skeleton: the keypoints of `pose`.
        detect: maps an image to boxes (N, 4) and scores (N,), as `poseport.people.detector.load` returns it.
        most: the largest number of people in a picture; the boxes with the best scores are taken.
        unsure: finds with a lower score are left out, 0 to 1.
    """

    def __init__(self, pose: Pose, skeleton: Skeleton, detect: Detect, most: int = MOST_PEOPLE, unsure: float = UNSURE):
        self.pose, self.skeleton, self.detect, self.most, self.unsure = pose, skeleton, detect, most, unsure

    def __call__(self, image: np.ndarray) -> Found:
        """Find the people in a picture.

        Args:
            image: (h, w, 3) uint8 RGB.

        Returns:
            The people; arrays of length 0 if there is nobody.
        """
        boxes, scores = self.detect(image)
        best = np.argsort(-scores, kind="stable")
        found = self.at(image, boxes[best[: self.most]], scores[best[: self.most]])
        # keypoints that are no numbers score 0: they are the network's fault, of which the caller must hear
        sure = (found.scores >= self.unsure) | ~np.isfinite(found.keypoints).all(axis=(1, 2))
        return replace(found.those(sure), left_out=max(0, len(boxes) - self.most))

    def at(self, image: np.ndarray, boxes_xywh: np.ndarray, box_scores: np.ndarray) -> Found:
        """Find the people in boxes, each of them once; unsure finds too, which may continue somebody in a film.

        Args:
            image: (h, w, 3) uint8 RGB.
            boxes_xywh: (N, 4) left, top, width, height in image pixels.
            box_scores: (N,) scores of the boxes, 0 to 1.

        Returns:
            The people, at most N.
        """
        keypoints = self.pose(image, boxes_xywh)
        scores = box_scores * np.nan_to_num(person_scores(keypoints))
        order = np.argsort(-scores, kind="stable")
        order = order[
            similarity.distinct(keypoints[order], boxes_xywh[order], np.array(self.skeleton.sigmas), ONE_PERSON)
        ]
        return Found(keypoints, boxes_xywh, scores, box_scores).those(order)
