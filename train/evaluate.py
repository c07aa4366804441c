"""A Keras network on the validation people, scored as the bench scores a converted file."""

from __future__ import annotations

from typing import Any

import numpy as np

from poseport import cascade, pose
from poseport.data.people import People
from poseport.scoring.score import score
from poseport.spec import PoseSpec

WAYS = (cascade.Way(), cascade.Way(flip=True))


def predict(
    spec: PoseSpec,
    model: Any,
    people: People,
    estimates: np.ndarray | None = None,
    *,
    batch: int = 32,
    threads: int = 2,
) -> np.ndarray:
    """Keypoints (2, N, K, 3) in image pixels of every person of `people`, without and with flip averaging.

    estimates: (2, N, K, 3) that a network of a later stage refines, likewise without and with.
    """
    one = [stage(spec, model)]
    return cascade.predict_ways(one, people.persons, WAYS, estimates=estimates, batch=batch, threads=threads)


def evaluate(spec: PoseSpec, model: Any, people: People, estimates: np.ndarray | None = None) -> dict[str, float]:
    """Every metric of `poseport.scoring.score` on the people's own boxes; those with flip averaging end in `+flip`.

    estimates: as in `predict`.
    """
    values = {}
    for end, found in zip(("", "+flip"), predict(spec, model, people, estimates), strict=True):
        values.update({name + end: value for name, value in score(people, people.persons, found).values.items()})
    return values


def stage(spec: PoseSpec, model: Any) -> cascade.Stage:
    """A Keras network as `poseport.cascade` runs it."""
    return cascade.Stage(spec, lambda crops: predict_outputs(model, pose.normalise(spec, crops)))


def predict_outputs(model: Any, images: np.ndarray) -> np.ndarray:
    """Raw outputs of the deployed head, that of the last stack, for normalised images (N, H, W, 3)."""
    outputs = model.predict_on_batch(images)
    return np.asarray(outputs[-1] if isinstance(outputs, list | tuple) else outputs)
