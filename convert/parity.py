"""Keras against the converted file, on the same crops, in keypoint pixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport import cascade, feed, pose
from poseport.coco import Person
from poseport.runner import Network
from poseport.train.evaluate import predict_outputs

CONFIDENT = 0.2


@dataclass(frozen=True)
class Parity:
    """Distance in input pixels between the keypoints of both, over those that the float network is sure of.

    keypoints: how many that were (score at least 0.2), of how many. score: mean peak of both.
    """

    people: int
    keypoints: int
    of: int
    mean_px: float
    p99_px: float
    max_px: float
    keras_score: float
    tflite_score: float


def parity(
    model: Any,
    converted: Network,
    persons: Sequence[Person],
    progress: Callable[[int], None] | None = None,
    boxes_xywh: np.ndarray | None = None,
) -> Parity:
    """Run both on the people's crops; the interpreter gets its own input tensors, as on a phone.

    boxes_xywh: (N, K, 4), the crops of a later stage of a cascade; each is judged by its own keypoint.
    progress: called with the number of crops just done.
    """
    spec = converted.spec
    reference, found = [], []
    for part in feed.batches(spec, persons, boxes_xywh=boxes_xywh):
        outputs = predict_outputs(model, pose.normalise(spec, part.crops))
        reference.append(cascade.own(spec, pose.decode_input(spec, outputs)))
        found.append(cascade.own(spec, pose.decode_input(spec, converted.infer(converted.prepare(part.crops)))))
        if progress is not None:
            progress(len(part.crops))
    a, b = np.concatenate(reference), np.concatenate(found)
    away = np.linalg.norm(a[..., :2] - b[..., :2], axis=-1)
    sure = a[..., 2] >= CONFIDENT
    chosen = away[sure] if sure.any() else away.ravel()
    return Parity(
        people=len(a),
        keypoints=int(sure.sum()),
        of=int(sure.size),
        mean_px=float(chosen.mean()),
        p99_px=float(np.percentile(chosen, 99)),
        max_px=float(chosen.max()),
        keras_score=float(a[..., 2].mean()),
        tflite_score=float(b[..., 2].mean()),
    )
