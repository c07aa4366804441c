"""Predictions kept in a record, scored again without running the network: other keypoints, or mended labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poseport.bench.accuracy import check_names, record
from poseport.bench.boxes import Boxes
from poseport.bench.result import Accuracy, Result
from poseport.cascade import Way
from poseport.coco import People
from poseport.score import score
from poseport.skeleton import rearrange
from poseport.spec import Decode


def rescore(found: Result, people: People, only: tuple[str, ...] = ()) -> Result:
    """The record that `measure` would give on these people for the same predictions.

    people: those whose annotation ids the record has, with whatever labels. only: keypoints to score, empty: all.
    Raises ValueError for a record that is not of annotated people, or of others than these.
    """
    m, own = found.measured, found.model.card.spec.skeleton
    if not isinstance(m, Accuracy) or m.boxes.startswith("detections"):
        raise ValueError(f"{found.model.name}: only predictions for annotated people can be scored again; measure anew")
    check_names(own, people, only, found.model.name)
    by_id = {p.annotation_id: p for p in people.persons}
    missing = [p.annotation_id for p in m.people if p.annotation_id not in by_id]
    if missing:
        raise ValueError(
            f"{people.path}: {len(missing)} of the {len(m.people)} people of {found.model.name}'s record are not there "
            f"(annotation {missing[0]}); give the set that was measured, {m.data.file}"
        )
    scored = [by_id[p.annotation_id] for p in m.people]
    cropped = [replace(p, box_xywh=old.box_xywh) for p, old in zip(scored, m.people, strict=True)]
    keypoints = np.array([p.keypoints for p in m.people]).reshape(len(m.people), len(own), 3)
    boxes = Boxes(m.boxes, cropped, scored)
    way = Way(m.flip, Decode(m.decoder) if m.decoder else None)
    fresh = score(people, scored, rearrange(keypoints, own, people.skeleton), only)
    return replace(found, measured=record(people, boxes, way, keypoints, fresh, m.people_per_second))


def coco_results(found: Result) -> list[dict[str, object]]:
    """The predictions of a record in COCO's results format, for any other tool; `bbox` is the box that was cropped."""
    m = found.measured
    assert isinstance(m, Accuracy)
    return [
        {
            "image_id": p.image_id, "category_id": 1, "keypoints": list(p.keypoints), "bbox": list(p.box_xywh),
            "score": round(float(np.mean(p.keypoints[2::3])), 5), "annotation_id": p.annotation_id,
        }
        for p in m.people
    ]  # fmt: skip
