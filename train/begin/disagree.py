"""Where a teacher and the labels disagree, which finds wrong labels in a large set and the teacher's mistakes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poseport.data.people import People
from poseport.train.begin.teacher import apart
from poseport.train.config import TeacherConfig


@dataclass(frozen=True)
class Disagreement:
    """A person with keypoints on which label and teacher disagree.

    Attributes:
        annotation_id: Id of the annotation.
        file_name: The photo, below the folder of the images.
        keypoints: Name -> distance in longer sides of the box, the farthest first.
    """

    annotation_id: int
    file_name: str
    keypoints: dict[str, float]


@dataclass(frozen=True)
class Disagreements:
    """The disagreements of a set.

    Attributes:
        people: Number of people.
        compared: Number of keypoints that have a label and a teacher's keypoint above the threshold.
        worst: People with a disagreement, those with most keypoints first.
    """

    people: int
    compared: int
    worst: tuple[Disagreement, ...]

    @property
    def keypoints(self) -> int:
        """Number of keypoints that are too far apart."""
        return sum(len(one.keypoints) for one in self.worst)

    def text(self, count: int) -> str:
        """Totals and the first people as lines of text.

        Args:
            count: Number of people to list.
        """
        whom = f"{len(self.worst):,} of {self.people:,} people"
        lines = [f"{self.keypoints:,} of {self.compared:,} keypoints disagree, on {whom}"]
        for one in self.worst[:count]:
            listed = ", ".join(f"{name} {away:.2f}" for name, away in one.keypoints.items())
            lines.append(f"  {one.file_name}, annotation {one.annotation_id}: {listed}")
        return "\n".join(lines)


def disagreements(people: People, found: np.ndarray, config: TeacherConfig) -> Disagreements:
    """Find the keypoints whose label is more than `config.agree` from the teacher's.

    Args:
        people: N people.
        found: (N, K, 3) keypoints of `Teacher.find`.
        config: The teacher's threshold and limit of agreement.

    Returns:
        The disagreements.
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
