"""Identities from frame to frame: who of this frame is who of the frames before.

The order of matching is ByteTrack's (Zhang et al. 2022): sure finds choose their person first, unsure ones may only
continue a person who is left, and only a sure one can be somebody new. Poses are compared, not boxes, which are alike
where people cross.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poseport.people import similarity, track
from poseport.people.everyone import Found

# score from which a find is sure; the share of that from which it continues somebody; least likeness of a find with a
# person; frames until a lost person is forgotten
SURE, CONTINUES, LEAST_ALIKE, PATIENCE = 0.1, 0.5, 0.2, 30
# The OKS of one person in two frames is that of a person of so many times the area (three times the distances), because
# people move between them; share of the newest frame in the mean motion. docs/films.md has what they are good for.
AREAS, NEWEST = 9.0, 0.2


@dataclass
class Track:
    """One person over time.

    Attributes:
        number: the identity, from 1.
        keypoints: (K, 3) of the last frame in which the person was found.
        box: (4,) left, top, width, height in that frame, in pixels.
        box_score: the score of the box, from when the detector saw the person last.
        next_box: (4,) to crop in the next frame; None if the keypoints do not tell where the person is.
        motion: (2,) mean way from frame to frame in pixels, over some five frames.
        missed: frames since the person was found last.
    """

    number: int
    keypoints: np.ndarray
    box: np.ndarray
    box_score: float
    next_box: np.ndarray | None
    motion: np.ndarray
    missed: int = 0


class Tracks:
    """The people of a film.

    Args:
        sigmas: (K,) of the skeleton.
        sure: score from which a find can be somebody new, 0 to 1.

    Attributes:
        live: the people who are in the picture, or were a short time ago.
        lost: whether somebody was lost in the last frame.
    """

    def __init__(self, sigmas: np.ndarray, sure: float = SURE):
        self.sigmas, self.sure = np.asarray(sigmas), sure
        self.live: list[Track] = []
        self.lost = False
        self._count = 0

    def clear(self) -> None:
        """Forget everybody; numbers are not given again."""
        self.live, self.lost = [], False

    def next_boxes(self) -> tuple[np.ndarray, np.ndarray]:
        """Where to look for the people of the last frame.

        Returns:
            Boxes (N, 4) left, top, width, height in pixels, moved as the people move, and their scores (N,).
        """
        there = [one for one in self.live if not one.missed and one.next_box is not None]
        boxes = [np.concatenate([one.next_box[:2] + one.motion, one.next_box[2:]]) for one in there]  # type: ignore[index]
        return np.array(boxes).reshape(-1, 4), np.array([one.box_score for one in there])

    def step(self, found: Found, image_hw: tuple[int, int]) -> Found:
        """Give the finds of the next frame their identities.

        Args:
            found: the people of the frame.
            image_hw: height and width of the frame in pixels.

        Returns:
            The people with `ids`; unsure finds that continue nobody are left out.
        """
        alike = self._alike(found)
        ids = np.zeros(len(found.scores), int)
        sure, continues = found.scores >= self.sure, found.scores >= CONTINUES * self.sure
        free = set(range(len(self.live)))
        for group in (np.flatnonzero(sure), np.flatnonzero(continues & ~sure)):
            for i, j in _greedy(alike, group, free):
                self._continue(self.live[j], found, i, image_hw)
                ids[i] = self.live[j].number
        self.lost = any(not self.live[j].missed for j in free)
        for j in free:
            self.live[j].missed += 1
        self.live = [one for one in self.live if one.missed <= PATIENCE]
        for i in np.flatnonzero(sure & (ids == 0)).tolist():
            self._count += 1
            ids[i] = self._count
            keypoints = found.keypoints[i]
            box = track.follow(keypoints, image_hw)
            self.live.append(
                Track(self._count, keypoints, found.boxes[i], float(found.box_scores[i]), box, np.zeros(2))
            )
        return replace(found, ids=ids).those(ids > 0)

    def _alike(self, found: Found) -> np.ndarray:
        """Likeness (N, M) of N finds with M people where they are expected."""
        if not self.live or not len(found.scores):
            return np.zeros((len(found.scores), len(self.live)))
        ways = np.stack([one.motion * (1 + one.missed) for one in self.live])
        keypoints = np.stack([one.keypoints for one in self.live])
        keypoints = np.concatenate([keypoints[..., :2] + ways[:, None], keypoints[..., 2:]], axis=-1)
        areas = AREAS * similarity.person_areas(np.stack([one.box for one in self.live]))
        return similarity.between(found.keypoints, keypoints, areas, self.sigmas)

    def _continue(self, one: Track, found: Found, i: int, image_hw: tuple[int, int]) -> None:
        keypoints = found.keypoints[i]
        sure = (keypoints[:, 2] >= similarity.SURE) & (one.keypoints[:, 2] >= similarity.SURE)
        if sure.any():
            way = (keypoints[sure, :2] - one.keypoints[sure, :2]).mean(axis=0) / (1 + one.missed)
            one.motion = one.motion + NEWEST * (way - one.motion) if np.isfinite(way).all() else one.motion
        one.keypoints, one.box, one.box_score = keypoints, found.boxes[i], float(found.box_scores[i])
        one.next_box, one.missed = track.follow(keypoints, image_hw), 0


def _greedy(alike: np.ndarray, rows: np.ndarray, free: set[int]) -> list[tuple[int, int]]:
    """Pair rows with free columns, the most alike first; takes the columns out of `free`."""
    pairs = sorted(((alike[i, j], int(i), j) for i in rows for j in free if alike[i, j] >= LEAST_ALIKE), reverse=True)
    taken: list[tuple[int, int]] = []
    rows_done: set[int] = set()
    for _, i, j in pairs:
        if i not in rows_done and j in free:
            rows_done.add(i)
            free.discard(j)
            taken.append((i, j))
    return taken
