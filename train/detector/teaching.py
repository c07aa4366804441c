"""The photos of a training set, with a teacher's boxes of the people whom the labels leave out."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from poseport.data.images import read_image
from poseport.data.people import People
from poseport.people import centers
from poseport.people.detector import Detector
from poseport.train.detector.scenes import Photo

SURE, UNSURE = 0.45, 0.2
# a teacher's box that overlaps a label more than this is that person
_SAME = 0.3


def photos_of(
    people: People, teacher: Detector | None = None, progress: Callable[[int], None] | None = None
) -> list[Photo]:
    """Group people by photo.

    Labels of keypoints leave people out, whom a detector would learn to overlook. A teacher's sure finds that no label
    has become people, and its unsure ones regions that do not count.

    Args:
        people: The people; a photo that is used twice in a set is there twice.
        teacher: A detector that gives boxes from `UNSURE` on; None takes the labels as they are.
        progress: Called with 1 for each photo that the teacher has seen.

    Returns:
        The photos, in the order of their first person.
    """
    grouped: dict[tuple[Path, int], list[int]] = {}
    times: dict[tuple[Path, int], int] = {}
    for i, person in enumerate(people.persons):
        # a set with a share of 2 lists every person twice
        key = (person.image_path, person.annotation_id)
        times[key] = times.get(key, 0) + 1
        grouped.setdefault((person.image_path, times[key]), []).append(i)
    added: dict[Path, tuple[np.ndarray, np.ndarray]] = {}
    photos = []
    for (path, _), rows in grouped.items():
        persons = [people.persons[i] for i in rows]
        boxes = np.array([p.box_xywh for p in persons], np.float64)
        counts = np.array([not p.crowd for p in persons], bool)
        if teacher is not None:
            if path not in added:
                added[path] = _missing(teacher(read_image(path, persons[0].image_hw)), boxes)
                if progress is not None:
                    progress(1)
            more, sure = added[path]
            boxes, counts = np.concatenate([boxes, more]), np.concatenate([counts, sure])
        photos.append(Photo(path, persons[0].image_hw, boxes, counts))
    return photos


def _missing(found: tuple[np.ndarray, np.ndarray], labelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The boxes that no label has, and which of them are sure."""
    boxes, scores = found
    new = centers.iou(boxes, labelled).max(axis=1, initial=0) <= _SAME
    return boxes[new], scores[new] >= SURE
