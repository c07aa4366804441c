"""Compare person detectors on annotated people: AP of boxes, recall and precision, with paired intervals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from poseport.bench.decide.average_precision import average_precision
from poseport.bench.decide.bootstrap import Interval, bootstrap
from poseport.bench.record import Detections
from poseport.data.images import read_image
from poseport.data.people import People
from poseport.people.detector import Detector
from poseport.scoring import boxes
from poseport.scoring.boxes import BoxScore

EVERY_THRESHOLD = 2**10 - 1
RESAMPLES = 2000


@dataclass(frozen=True)
class BoxAccuracy:
    """Accuracy of one detector.

    Attributes:
        name: Name of its file.
        threshold: Score from which a box counts in recall and precision.
        score: The evaluation of all its boxes, whatever their score.
        recall: Share of the large people that it finds at the threshold.
        precision: Share of its large boxes, at the threshold, that are of people; NaN without any.
        ap50_difference: AP50 minus that of the first detector, in [-1, 1]; None for the first.
    """

    name: str
    threshold: float
    score: BoxScore
    recall: float
    precision: float
    ap50_difference: Interval | None


def measure(
    detectors: Sequence[tuple[Detector, float]],
    people: People,
    large: float = 0.2,
    progress: Callable[[int], None] | None = None,
) -> list[BoxAccuracy]:
    """Run detectors on the photos of people and compare their boxes.

    Args:
        detectors: Each with the score from which its boxes count in recall and precision; the detector itself must
            give boxes of lower scores too, because AP needs them.
        people: The people; those of one photo must all be annotated, and crowds marked.
        large: Recall and precision are of people whose longer side is at least this share of the picture's.
        progress: Called with 1 for each photo.

    Returns:
        One result per detector, in their order.

    Raises:
        ValueError: If nobody is annotated, or a photo cannot be read.
    """
    if not any(not p.crowd for p in people.persons):
        raise ValueError(f"{people.path}: nobody is annotated; expected people with boxes")
    photos = {p.image_id: (p.image_path, p.image_hw) for p in people.persons}
    found: list[dict[int, tuple[np.ndarray, np.ndarray]]] = [{} for _ in detectors]
    for image_id, (path, image_hw) in photos.items():
        image = read_image(path, image_hw)
        for (detect, _), boxes_of in zip(detectors, found, strict=True):
            boxes_of[image_id] = detect(image)
        if progress is not None:
            progress(1)
    results: list[BoxAccuracy] = []
    for (detect, threshold), boxes_of in zip(detectors, found, strict=True):
        score = boxes.evaluate(boxes_of, people.persons, large)
        sure = {image: (b[s >= threshold], s[s >= threshold]) for image, (b, s) in boxes_of.items()}
        at = boxes.evaluate(sure, people.persons, large)
        first = results[0].score if results else None
        difference = None if first is None else _ap50_difference(first, score)
        results.append(BoxAccuracy(detect.path.name, threshold, score, at.recall, at.precision, difference))
    return results


def _ap50_difference(base: BoxScore, candidate: BoxScore) -> Interval:
    sides = [_detections(score) for score in (base, candidate)]

    def difference(weights: np.ndarray) -> np.ndarray:
        before, after = (average_precision(side, weights) for side in sides)
        return after - before

    return bootstrap(difference, len(base.image_ids), RESAMPLES)


def _detections(score: BoxScore) -> Detections:
    """The matches at 0.5 as a record's, equal at all its ten thresholds: their average is AP50."""
    bits = [np.where(flags, EVERY_THRESHOLD, 0).tolist() for flags in (score.matched, score.ignored)]
    return Detections(
        score.image_ids, tuple(score.ground_truths.tolist()), tuple(score.image.tolist()),
        tuple(score.scores.tolist()), tuple(bits[0]), tuple(bits[1]),
    )  # fmt: skip
