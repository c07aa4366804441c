"""What a detector costs: the AP of the whole chain minus that with annotated boxes, with its interval."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from poseport.bench.decide.average_precision import average_precision
from poseport.bench.decide.bootstrap import Interval, bootstrap
from poseport.bench.record import Accuracy


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
