"""Keypoints of one network from two places, in input pixels: Keras and the converted file, a host and a phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport import cascade, pose
from poseport.data import batches
from poseport.data.people import Person
from poseport.spec import PoseSpec
from poseport.tflite.runner import Network
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
    spec: PoseSpec | None = None,
) -> Parity:
    """Run both on the people's crops; the interpreter gets its own input tensors, as on a phone.

    boxes_xywh: (N, K, 4), the crops of a later stage of a cascade; each is judged by its own keypoint.
    progress: called with the number of crops just done. spec: the Keras network's, where the file decodes by itself.
    """
    theirs, spec = converted.spec, spec or converted.spec
    reference, found = [], []
    for part in batches.batches(spec, persons, boxes_xywh=boxes_xywh):
        outputs = predict_outputs(model, pose.normalise(spec, part.crops))
        reference.append(cascade.own_keypoints(spec, pose.decode_input(spec, outputs)))
        decoded = pose.decode_input(theirs, converted.outputs(part.crops))
        found.append(cascade.own_keypoints(theirs, decoded))
        if progress is not None:
            progress(len(part.crops))
    a, b = np.concatenate(reference), np.concatenate(found)
    chosen, sure = distances(a, b)
    return Parity(
        people=len(a),
        keypoints=sure,
        of=a[..., 2].size,
        mean_px=float(chosen.mean()),
        p99_px=float(np.percentile(chosen, 99)),
        max_px=float(chosen.max()),
        keras_score=float(a[..., 2].mean()),
        tflite_score=float(b[..., 2].mean()),
    )


def distances(reference: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, int]:
    """How far keypoints (N, K, 3) in input pixels are apart, (n,), and how many the reference is sure of.

    Those that it is sure of are compared (score at least 0.2), or all where there is none.
    """
    away = np.linalg.norm(reference[..., :2] - found[..., :2], axis=-1)
    sure = reference[..., 2] >= CONFIDENT
    return away[sure] if sure.any() else away.ravel(), int(sure.sum())
