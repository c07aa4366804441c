"""A Keras network on the validation people, scored as the bench scores a converted file."""

from __future__ import annotations

from typing import Any

import numpy as np

from poseport import feed, pose
from poseport.coco import People
from poseport.score import Score, score
from poseport.spec import PoseSpec


def predict(spec: PoseSpec, model: Any, people: People, *, flip: bool, batch: int = 32, threads: int = 2) -> np.ndarray:
    """Keypoints (N, K, 3) in image pixels of every person of `people`.

    flip: average the outputs with those of the mirrored crops.
    """
    found = []
    for part in feed.batches(spec, people.persons, batch, threads):
        outputs = predict_outputs(model, pose.normalise(spec, part.crops))
        if flip:
            mirrored = predict_outputs(model, pose.normalise(spec, part.crops[:, :, ::-1]))
            outputs = (outputs + pose.unmirror(spec, mirrored)) / 2
        found.append(pose.decode(spec, outputs, part.matrices))
    return np.concatenate(found)


def evaluate(spec: PoseSpec, model: Any, people: People, *, flip: bool) -> Score:
    """Every metric of `poseport.score` on the people's own boxes."""
    return score(people, people.persons, predict(spec, model, people, flip=flip))


def predict_outputs(model: Any, images: np.ndarray) -> np.ndarray:
    """Raw outputs of the deployed head, that of the last stack, for normalised images (N, H, W, 3)."""
    outputs = model.predict_on_batch(images)
    return np.asarray(outputs[-1] if isinstance(outputs, list | tuple) else outputs)
