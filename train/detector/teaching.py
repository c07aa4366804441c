"""The photos of a training set, with a teacher's boxes of the people whom the labels leave out."""

from __future__ import annotations

import math
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
# The teacher looks at the four corners too, in which small people are larger: their share of the photo's sides, the
# lowest score that counts there, and the pixels from a corner's edge in which a box may be only a part of somebody.
_CORNER, _IN_CORNER, _EDGE = 0.6, 0.4, 2.0
# a box that lies in a person by more than this share is a part of the person
_PART = 0.8


def photos_of(
    people: People, teacher: Detector | None = None, progress: Callable[[int], None] | None = None
) -> list[Photo]:
    """Group people by photo.

    Labels of keypoints leave people out, whom a detector would learn to overlook. A teacher's sure finds that no label
    has become people, and its unsure ones regions that do not count; nor do those that it has only in an enlarged
    corner of the photo.

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
                added[path] = _missing(teacher, read_image(path, persons[0].image_hw), boxes)
                if progress is not None:
                    progress(1)
            more, sure = added[path]
            boxes, counts = np.concatenate([boxes, more]), np.concatenate([counts, sure])
        photos.append(Photo(path, persons[0].image_hw, boxes, counts))
    return photos


def _missing(teacher: Detector, image: np.ndarray, labelled: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The boxes that no label has, and which of them are sure."""
    boxes, scores = teacher(image)
    new = centers.iou(boxes, labelled).max(axis=1, initial=0) <= _SAME
    found = boxes[new]
    small = _in_corners(teacher, image, np.concatenate([labelled, found]))
    return np.concatenate([found, small]), np.concatenate([scores[new] >= SURE, np.zeros(len(small), bool)])


def _in_corners(teacher: Detector, image: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Boxes (N, 4) that a teacher has only in an enlarged corner, each once, of nobody who is known."""
    h, w = image.shape[:2]
    height, width = math.ceil(_CORNER * h), math.ceil(_CORNER * w)
    seen = known
    for top in (0, h - height):
        for left in (0, w - width):
            boxes, scores = teacher(np.ascontiguousarray(image[top : top + height, left : left + width]))
            ends = boxes[:, :2] + boxes[:, 2:]
            whole = (boxes[:, :2] > _EDGE).all(axis=1) & (ends < np.array([width, height]) - _EDGE).all(axis=1)
            boxes = boxes[whole & (scores >= _IN_CORNER)] + np.array([left, top, 0, 0])
            parts = centers.shared_areas(boxes, known) > _PART * boxes[:, 2:].prod(axis=1, keepdims=True)
            for box in boxes[~parts.any(axis=1)]:
                if centers.iou(box[None], seen).max(initial=0) <= _SAME:
                    seen = np.concatenate([seen, box[None]])
    return seen[len(known) :]
