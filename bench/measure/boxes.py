"""Boxes to crop: annotated boxes, annotated boxes with moved edges, or the boxes of a detector."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from poseport import crop
from poseport.bench.accuracy_record import ANNOTATED, DETECTIONS
from poseport.data.detections import read_boxes
from poseport.data.images import read_image
from poseport.data.people import People, Person
from poseport.people import similarity
from poseport.people.detector import Detector
from poseport.people.everyone import MOST_PEOPLE, ONE_PERSON
from poseport.scoring.score import person_scores

Box = tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class Boxes:
    """The boxes of a measurement, and the labels that its predictions are scored against.

    Attributes:
        name: Description of the boxes in a record.
        cropped: N people whose `box_xywh` is cropped.
        scored: The same N people with the labels that predictions are compared with.
        scores: (N,) float scores of a detector's boxes, or None for annotated boxes.
        joined: Whether finds of one person are joined once the keypoints are known, as in `predict`.
    """

    name: str
    cropped: list[Person]
    scored: list[Person]
    scores: np.ndarray | None = None
    joined: bool = False

    def distinct(self, keypoints: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
        """Select the boxes of each image that are not one person found again, as `predict` joins finds.

        Args:
            keypoints: (N, K, 3) x, y in image pixels and score, in the order of the boxes.
            sigmas: (K,) of their skeleton.

        Returns:
            Indices of the boxes, ascending.
        """
        if not self.joined or self.scores is None:
            return np.arange(len(self.cropped))
        by_image: dict[int, list[int]] = {}
        for i, person in enumerate(self.cropped):
            by_image.setdefault(person.image_id, []).append(i)
        ranks, boxes = self.scores * person_scores(keypoints), np.array([p.box_xywh for p in self.cropped])
        kept: list[int] = []
        for indices in by_image.values():
            order = np.array(indices)[np.argsort(-ranks[indices], kind="stable")]
            kept += order[similarity.distinct(keypoints[order], boxes[order], sigmas, ONE_PERSON)].tolist()
        return np.array(sorted(kept), int)

    def chosen(self, indices: np.ndarray) -> Boxes:
        """Keep some of the boxes.

        Args:
            indices: Their indices.

        Returns:
            The boxes.
        """
        cropped, scored = ([people[i] for i in indices] for people in (self.cropped, self.scored))
        return replace(
            self, cropped=cropped, scored=scored, scores=None if self.scores is None else self.scores[indices]
        )


def annotated(people: People) -> Boxes:
    """Use the annotated boxes as they are.

    Args:
        people: The annotated people.

    Returns:
        The boxes of the people with labels.

    Raises:
        ValueError: if nobody has a labelled keypoint.
    """
    persons = persons_with_labels(people)
    return Boxes(ANNOTATED, persons, persons)


def moved(people: People, amount: float, seed: int = 0) -> Boxes:
    """Move the edges of the annotated boxes at random, to measure what a less accurate detector costs.

    Args:
        people: The annotated people.
        amount: Each edge moves by up to this share of its side, in both directions; above 0 and below 0.5.
        seed: Seed of the random moves.

    Returns:
        The moved boxes of the people with labels.

    Raises:
        ValueError: if `amount` is out of range, or nobody has a labelled keypoint.
    """
    if not 0 < amount < 0.5:
        raise ValueError(f"--jitter {amount}: edges move by a share of the box, above 0 and below 0.5, such as 0.1")
    persons, rng = persons_with_labels(people), np.random.default_rng(seed)
    cropped = [replace(p, box_xywh=crop.move_edges(rng, p.box_xywh, amount)) for p in persons]
    return Boxes(f"ground truth, edges moved up to {100 * amount:g} %, seed {seed}", cropped, persons)


def persons_with_labels(people: People) -> list[Person]:
    """Select the people that can be scored: those with at least one labelled keypoint who are not a crowd.

    Args:
        people: The annotated people.

    Returns:
        The selected people.

    Raises:
        ValueError: if there are none.
    """
    persons = [p for p in people.persons if not p.crowd and p.num_labelled > 0]
    if not persons:
        raise ValueError(f"{people.path}: nobody has a labelled keypoint, so nothing can be scored; give another set")
    return persons


def detected(people: People, detections: Path, category_id: int | None = None) -> Boxes:
    """Read the boxes of a COCO results file, each as a person without labels.

    Args:
        people: The annotated people; boxes in other images are dropped.
        detections: The COCO results file.
        category_id: Category of people in that file; None for their category in the annotations.

    Returns:
        The boxes with the detector's scores.

    Raises:
        ValueError: if the file has another format, or holds no usable box.
    """
    category_id = people.category_id if category_id is None else category_id
    boxes = unlabelled(people, read_boxes(detections, category_id), f"{DETECTIONS}{detections.name}")
    if not boxes.scored:
        raise ValueError(f"{detections}: no box of a usable size in any image of {people.path}")
    return boxes


def found_by(detector: Detector, people: People, progress: Callable[[int], None] | None = None) -> Boxes:
    """Run a person detector on the photos of a set, with its own threshold and bound, as `predict` does.

    Args:
        detector: The detector.
        people: The annotated people; the photos are theirs.
        progress: Called with 1 for each photo.

    Returns:
        The boxes with the detector's scores, whose finds are to be joined.

    Raises:
        ValueError: if a photo cannot be read, or nobody is found in any.
    """
    photos = {p.image_id: (p.image_path, p.image_hw) for p in people.persons}
    entries: list[tuple[int, Box, float]] = []
    for image_id, (path, image_hw) in photos.items():
        boxes, scores = detector(read_image(path, image_hw))
        for i in np.argsort(-scores, kind="stable")[:MOST_PEOPLE]:
            left, top, width, height = boxes[i].tolist()
            entries.append((image_id, (left, top, width, height), float(scores[i])))
        if progress is not None:
            progress(1)
    if not entries:
        raise ValueError(f"{detector.path}: finds nobody in any photo of {people.path}")
    return replace(unlabelled(people, entries, f"{DETECTIONS}{detector.path.name}"), joined=True)


def unlabelled(people: People, entries: Iterable[tuple[int, Box, float]], name: str) -> Boxes:
    """Turn boxes into people without labels; drops boxes without area and boxes in images that `people` lacks.

    Args:
        people: The annotated people.
        entries: Image id, box (x, y, width, height in pixels) and score of each box.
        name: Description of the boxes in a record.

    Returns:
        The boxes with their scores.
    """
    by_image = {p.image_id: p for p in people.persons}
    persons, scores = [], []
    for image_id, box, box_score in entries:
        if image_id in by_image and box[2] > 0 and box[3] > 0:
            template = by_image[image_id]
            nothing = np.zeros_like(template.keypoints)
            persons.append(replace(template, annotation_id=0, box_xywh=box, keypoints=nothing, area=box[2] * box[3]))
            scores.append(box_score)
    return Boxes(name, persons, persons, np.array(scores))
