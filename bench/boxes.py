"""Where crops come from: annotated boxes, the same moved about, or those of a detector."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poseport import crop
from poseport.data.detections import read_boxes
from poseport.data.people import People, Person

DETECTIONS = "detections "
Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Boxes:
    """name: what a record calls them. cropped: whose `box_xywh` is cropped. scored: the same people with the labels
    that they are compared with. scores: (N,) of a detector, or None.
    """

    name: str
    cropped: list[Person]
    scored: list[Person]
    scores: np.ndarray | None = None


def annotated(people: People) -> Boxes:
    """The people's own boxes."""
    persons = persons_with_labels(people)
    return Boxes("ground truth", persons, persons)


def moved(people: People, amount: float, seed: int = 0) -> Boxes:
    """The people's own boxes, each edge moved by up to +- `amount` of its side: what a worse detector costs."""
    if not 0 < amount < 0.5:
        raise ValueError(f"--jitter {amount}: edges move by a share of the box, above 0 and below 0.5, say 0.1")
    persons, rng = persons_with_labels(people), np.random.default_rng(seed)
    cropped = [replace(p, box_xywh=crop.move_edges(rng, p.box_xywh, amount)) for p in persons]
    return Boxes(f"ground truth, edges moved up to {100 * amount:g} %, seed {seed}", cropped, persons)


def persons_with_labels(people: People) -> list[Person]:
    """Those whose annotated box is a fair crop: labelled, and no crowd."""
    persons = [p for p in people.persons if not p.crowd and p.num_labelled > 0]
    if not persons:
        raise ValueError(f"{people.path}: nobody has a labelled keypoint, so nothing can be scored; give another set")
    return persons


def detected(people: People, detections: Path, category_id: int | None = None) -> Boxes:
    """Boxes of a COCO results file as people to predict, each with the labels of nobody, and their scores.

    category_id: the people's in that file; None: the one that they have in the annotations.
    Raises ValueError for a file of another form, or without a usable box.
    """
    category_id = people.category_id if category_id is None else category_id
    boxes = unlabelled(people, read_boxes(detections, category_id), f"{DETECTIONS}{detections.name}")
    if not boxes.scored:
        raise ValueError(f"{detections}: no box of a usable size in any image of {people.path}")
    return boxes


def unlabelled(people: People, entries: Iterable[tuple[int, Box, float]], name: str) -> Boxes:
    """Boxes of image id, x, y, width, height and score, without those of no area and those in no image of `people`."""
    by_image = {p.image_id: p for p in people.persons}
    persons, scores = [], []
    for image_id, box, box_score in entries:
        if image_id in by_image and box[2] > 0 and box[3] > 0:
            template = by_image[image_id]
            nothing = np.zeros_like(template.keypoints)
            persons.append(replace(template, annotation_id=0, box_xywh=box, keypoints=nothing, area=box[2] * box[3]))
            scores.append(box_score)
    return Boxes(name, persons, persons, np.array(scores))
