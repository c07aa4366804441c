"""Score the predictions of a record again without running the network: on other keypoints or corrected labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poseport.bench import results_folder
from poseport.bench.accuracy_record import DETECTIONS
from poseport.bench.measure.accuracy import record
from poseport.bench.measure.boxes import Boxes, unlabelled
from poseport.bench.measure.checks import check_names
from poseport.bench.record import Accuracy, PersonSample, Result
from poseport.data.people import People
from poseport.predict import Variant
from poseport.scoring.score import score
from poseport.skeleton import rearrange
from poseport.spec import Decode


def rescore(found: Result, people: People, only: tuple[str, ...] = ()) -> Result:
    """Score the predictions of a record against these people, as `measure` would for the same predictions.

    Args:
        found: An accuracy record.
        people: Annotations that hold the record's annotation ids, or its image ids if it used a detector's boxes.
            The labels may differ from those that were scored before.
        only: Names of the keypoints to score; empty for all.

    Returns:
        The record with the new scores.

    Raises:
        ValueError: if the record holds no predictions, or `people` lacks some of its people.
    """
    accuracy, skeleton = found.measured, found.model.card.spec.skeleton
    if not isinstance(accuracy, Accuracy):
        raise ValueError(f"{results_folder.file_name(found)}: holds no predictions; give records of `bench accuracy`")
    check_names(skeleton, people, only, found.model.name)
    try:
        boxes = _detected(accuracy, people) if accuracy.boxes.startswith(DETECTIONS) else _annotated(accuracy, people)
    except ValueError as error:
        raise ValueError(f"{results_folder.file_name(found)}: {error}") from None
    keypoints = np.array([p.keypoints for p in accuracy.people]).reshape(len(accuracy.people), len(skeleton), 3)
    variant = Variant(accuracy.flip, Decode(accuracy.decoder) if accuracy.decoder else None)
    scores = score(people, boxes.scored, rearrange(keypoints, skeleton, people.skeleton), only, boxes.scores)
    return replace(found, measured=record(people, boxes, variant, keypoints, scores, accuracy.people_per_second))


def _annotated(accuracy: Accuracy, people: People) -> Boxes:
    """The boxes that were cropped, with the current labels."""
    by_id = {p.annotation_id: p for p in people.persons}
    _refuse_missing(accuracy, people, [p for p in accuracy.people if p.annotation_id not in by_id])
    scored = [by_id[p.annotation_id] for p in accuracy.people]
    cropped = [replace(p, box_xywh=sample.box_xywh) for p, sample in zip(scored, accuracy.people, strict=True)]
    return Boxes(accuracy.boxes, cropped, scored)


def _detected(accuracy: Accuracy, people: People) -> Boxes:
    """The detector's boxes and scores from the record."""
    scores = [p.box_score for p in accuracy.people]
    if None in scores:
        raise ValueError("was written before the scores of a detector's boxes were kept; measure anew")
    images = {p.image_id for p in people.persons}
    _refuse_missing(accuracy, people, [p for p in accuracy.people if p.image_id not in images])
    return unlabelled(people, ((p.image_id, p.box_xywh, p.box_score or 0.0) for p in accuracy.people), accuracy.boxes)


def _refuse_missing(accuracy: Accuracy, people: People, missing: list[PersonSample]) -> None:
    if missing:
        raise ValueError(
            f"{len(missing)} of its {len(accuracy.people)} people are not in {people.path} (image "
            f"{missing[0].image_id}, annotation {missing[0].annotation_id}); give the set that "
            f"was measured, {accuracy.data.file}"
        )


def coco_results(found: Result) -> list[dict[str, object]]:
    """Write the predictions of a record in COCO's results format, for other tools.

    Args:
        found: An accuracy record.

    Returns:
        One entry per person; `bbox` is the box that was cropped (x, y, width, height in pixels).
    """
    accuracy = found.measured
    assert isinstance(accuracy, Accuracy)
    return [
        {
            "image_id": p.image_id, "category_id": 1, "keypoints": list(p.keypoints), "bbox": list(p.box_xywh),
            "score": round(float(np.mean(p.keypoints[2::3])) * (1.0 if p.box_score is None else p.box_score), 5),
            "annotation_id": p.annotation_id,
        }
        for p in accuracy.people
    ]  # fmt: skip
