"""Score the predictions of a record again without running the network: on other keypoints or corrected labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poseport.bench import results_folder
from poseport.bench.accuracy import check_names, record
from poseport.bench.boxes import DETECTIONS, Boxes, unlabelled
from poseport.bench.record import Accuracy, PersonSample, Result
from poseport.data.people import People
from poseport.predict import Variant
from poseport.scoring.score import score
from poseport.skeleton import rearrange
from poseport.spec import Decode


def rescore(found: Result, people: People, only: tuple[str, ...] = ()) -> Result:
    """The record that `measure` would give on these people for the same predictions.

    people: those whose annotation ids (or of a detector's boxes, image ids) the record has, with whatever labels.
    only: keypoints to score, empty: all. Raises ValueError for a record of something else, or of other people.
    """
    m, own = found.measured, found.model.card.spec.skeleton
    if not isinstance(m, Accuracy):
        raise ValueError(f"{results_folder.file_name(found)}: holds no predictions; give records of `bench accuracy`")
    check_names(own, people, only, found.model.name)
    try:
        boxes = _detected(m, people) if m.boxes.startswith(DETECTIONS) else _annotated(m, people)
    except ValueError as error:
        raise ValueError(f"{results_folder.file_name(found)}: {error}") from None
    keypoints = np.array([p.keypoints for p in m.people]).reshape(len(m.people), len(own), 3)
    variant = Variant(m.flip, Decode(m.decoder) if m.decoder else None)
    fresh = score(people, boxes.scored, rearrange(keypoints, own, people.skeleton), only, boxes.scores)
    return replace(found, measured=record(people, boxes, variant, keypoints, fresh, m.people_per_second))


def _annotated(m: Accuracy, people: People) -> Boxes:
    """What was cropped, with the labels that are there now."""
    by_id = {p.annotation_id: p for p in people.persons}
    _refuse_missing(m, people, [p for p in m.people if p.annotation_id not in by_id])
    scored = [by_id[p.annotation_id] for p in m.people]
    cropped = [replace(p, box_xywh=old.box_xywh) for p, old in zip(scored, m.people, strict=True)]
    return Boxes(m.boxes, cropped, scored)


def _detected(m: Accuracy, people: People) -> Boxes:
    scores = [p.box_score for p in m.people]
    if None in scores:
        raise ValueError("was written before the scores of a detector's boxes were kept; measure anew")
    images = {p.image_id for p in people.persons}
    _refuse_missing(m, people, [p for p in m.people if p.image_id not in images])
    return unlabelled(people, ((p.image_id, p.box_xywh, p.box_score or 0.0) for p in m.people), m.boxes)


def _refuse_missing(m: Accuracy, people: People, missing: list[PersonSample]) -> None:
    if missing:
        raise ValueError(
            f"{len(missing)} of its {len(m.people)} people are not in {people.path} (image {missing[0].image_id}, "
            f"annotation {missing[0].annotation_id}); give the set that was measured, {m.data.file}"
        )


def coco_results(found: Result) -> list[dict[str, object]]:
    """The predictions of a record in COCO's results format, for any other tool; `bbox` is the box that was cropped."""
    m = found.measured
    assert isinstance(m, Accuracy)
    return [
        {
            "image_id": p.image_id, "category_id": 1, "keypoints": list(p.keypoints), "bbox": list(p.box_xywh),
            "score": round(float(np.mean(p.keypoints[2::3])) * (1.0 if p.box_score is None else p.box_score), 5),
            "annotation_id": p.annotation_id,
        }
        for p in m.people
    ]  # fmt: skip
