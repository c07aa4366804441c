"""What a detector costs: the AP of the whole chain minus that with annotated boxes, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from poseport.bench.accuracy_record import ANNOTATED, DETECTIONS
from poseport.bench.decide.average_precision import average_precision
from poseport.bench.decide.bootstrap import Interval, bootstrap
from poseport.bench.record import Accuracy, Result


@dataclass(frozen=True)
class Chain:
    """A file on the same people with annotated boxes and with a detector's.

    Attributes:
        given: The record with annotated boxes.
        found: The record with the detector's boxes.
        difference: AP with the detector's boxes minus AP with annotated boxes, in [-1, 1].
    """

    given: Result
    found: Result
    difference: Interval


def chains(results: Sequence[Result]) -> list[Chain]:
    """Find each record with a detector's boxes that has a record with annotated boxes beside it.

    Args:
        results: The records.

    Returns:
        The pairs that differ in their boxes only and have an AP, in the order of the records with a detector.
    """
    given = {
        _conditions(r, r.measured): r
        for r in results
        if isinstance(r.measured, Accuracy) and r.measured.boxes == ANNOTATED
    }
    pairs = []
    for r in results:
        m = r.measured
        if not isinstance(m, Accuracy) or not m.boxes.startswith(DETECTIONS):
            continue
        beside = given.get(_conditions(r, m))
        if beside is None or not isinstance(beside.measured, Accuracy) or m.metrics.get("OKS-AP") is None:
            continue
        if beside.measured.metrics.get("OKS-AP") is None:
            continue
        if not set(beside.measured.detections.image_ids) <= set(m.detections.image_ids):
            continue  # of other images, whatever it says
        pairs.append(Chain(beside, r, chain_difference(beside.measured, m)))
    return pairs


def _conditions(result: Result, accuracy: Accuracy) -> tuple[object, ...]:
    """What two records share that differ in their boxes only."""
    return result.model.sha256, *replace(accuracy, boxes="").conditions, *result.environment.conditions


def chain_difference(given: Accuracy, found: Accuracy, *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Compute AP with a detector's boxes minus AP with annotated boxes, paired over the images of the set.

    Args:
        given: A record with annotated boxes.
        found: A record of the same network and people with a detector's boxes, which has every image of the set.
        resamples: Number of bootstrap resamples.
        seed: Seed of the draws.

    Returns:
        The difference, in [-1, 1].
    """
    ids, narrow = found.detections.image_ids, given.detections
    place = {image_id: i for i, image_id in enumerate(ids)}
    truths = [0] * len(ids)
    for image_id, count in zip(narrow.image_ids, narrow.ground_truths, strict=True):
        truths[place[image_id]] = count
    where = tuple(place[narrow.image_ids[i]] for i in narrow.image)
    wide = replace(narrow, image_ids=ids, ground_truths=tuple(truths), image=where)

    def difference(weights: np.ndarray) -> np.ndarray:
        return average_precision(found.detections, weights) - average_precision(wide, weights)

    return bootstrap(difference, len(ids), resamples, seed)
