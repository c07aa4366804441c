"""Where a teacher and the labels disagree: wrong labels of a large set come first, and the teacher's own mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseport.data.people import People
from poseport.train.begin.teacher import apart
from poseport.train.config import TeacherConfig


@dataclass(frozen=True)
class Disagreement:
    """One person. keypoints: name -> distance in longer sides of the box, the farthest first."""

    annotation_id: int
    file_name: str
    keypoints: dict[str, float]


@dataclass(frozen=True)
class Disagreements:
    """compared: keypoints that have a label and one that the teacher is sure of. worst: people, most first."""

    people: int
    compared: int
    worst: tuple[Disagreement, ...]

    @property
    def keypoints(self) -> int:
        """Keypoints that are too far apart."""
        return sum(len(one.keypoints) for one in self.worst)

    def text(self, count: int) -> str:
        """For a person to read: totals and the first `count` people."""
        whom = f"{len(self.worst):,} of {self.people:,} people"
        lines = [f"{self.keypoints:,} of {self.compared:,} keypoints disagree, on {whom}"]
        for one in self.worst[:count]:
            listed = ", ".join(f"{name} {away:.2f}" for name, away in one.keypoints.items())
            lines.append(f"  {one.file_name}, annotation {one.annotation_id}: {listed}")
        return "\n".join(lines)


def disagreements(people: People, found: np.ndarray, config: TeacherConfig) -> Disagreements:
    """Keypoints whose label is more than `config.agree` from the teacher's.

    found: (N, K, 3) of `Teacher.find`.
    """
    away = np.where(found[..., 2] >= config.threshold, apart(people, found), np.inf)
    far = np.isfinite(away) & (away > config.agree)
    worst = []
    for i in sorted(np.flatnonzero(far.any(axis=1)), key=lambda i: (-far[i].sum(), -away[i][far[i]].max())):
        person = people.persons[i]
        order = [k for k in np.argsort(-np.where(far[i], away[i], -1.0)) if far[i, k]]
        named = {people.skeleton.names[k]: round(float(away[i, k]), 3) for k in order}
        worst.append(Disagreement(person.annotation_id, str(person.image_path.relative_to(people.images_dir)), named))
    return Disagreements(len(people), int(np.isfinite(away).sum()), tuple(worst))
