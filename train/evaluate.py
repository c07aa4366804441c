"""A Keras network on the validation people, scored as the bench scores a converted file."""

from __future__ import annotations

from typing import Any

import numpy as np

from poseport import feed, pose
from poseport.coco import People
from poseport.score import score
from poseport.spec import PoseSpec


def predict(
    spec: PoseSpec, model: Any, people: People, *, batch: int = 32, threads: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints (N, K, 3) in image pixels of every person of `people`, twice.

    First from the outputs, then from the outputs averaged with those of the mirrored crops.
    """
    plain, averaged = [], []
    for part in feed.batches(spec, people.persons, batch, threads):
        outputs = predict_outputs(model, pose.normalise(spec, part.crops))
        mirrored = predict_outputs(model, pose.normalise(spec, part.crops[:, :, ::-1]))
        plain.append(pose.decode(spec, outputs, part.matrices))
        averaged.append(pose.decode(spec, (outputs + pose.unmirror(spec, mirrored)) / 2, part.matrices))
    return np.concatenate(plain), np.concatenate(averaged)


def evaluate(spec: PoseSpec, model: Any, people: People) -> dict[str, float]:
    """Every metric of `poseport.score` on the people's own boxes; those with flip averaging end in `+flip`."""
    plain, averaged = predict(spec, model, people)
    values = dict(score(people, people.persons, plain).values)
    return values | {f"{n}+flip": v for n, v in score(people, people.persons, averaged).values.items()}


def predict_outputs(model: Any, images: np.ndarray) -> np.ndarray:
    """Raw outputs of the deployed head, that of the last stack, for normalised images (N, H, W, 3)."""
    outputs = model.predict_on_batch(images)
    return np.asarray(outputs[-1] if isinstance(outputs, list | tuple) else outputs)
