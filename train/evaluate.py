"""A Keras network on the validation people, scored as the bench scores a converted file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport import cascade, pose
from poseport.data.people import People
from poseport.predict import Variant, predict_variants
from poseport.scoring.score import score
from poseport.spec import PoseSpec

VARIANTS = (Variant(), Variant(flip=True))


@dataclass(frozen=True, eq=False)
class KerasNetwork:
    """A Keras network that takes crops, as `poseport.predict` runs it.

    Attributes:
        spec: of the network.
        model: the Keras model.
    """

    spec: PoseSpec
    model: Any

    def outputs(self, crops: np.ndarray) -> np.ndarray:
        """Raw outputs (n, *spec.output_shape) float32 of the deployed head for crops (n, H, W, 3) uint8 RGB."""
        return predict_outputs(self.model, pose.normalise(self.spec, crops))


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
    network, persons = KerasNetwork(spec, model), people.persons
    if estimates is not None:
        return cascade.refine([network], persons, estimates, VARIANTS, batch=batch, threads=threads)
    return predict_variants(network, persons, VARIANTS, batch=batch, threads=threads)


def evaluate(spec: PoseSpec, model: Any, people: People, estimates: np.ndarray | None = None) -> dict[str, float]:
    """Every metric of `poseport.scoring.score` on the people's own boxes; those with flip averaging end in `+flip`.

    estimates: as in `predict`.
    """
    values = {}
    for end, found in zip(("", "+flip"), predict(spec, model, people, estimates), strict=True):
        values.update({name + end: value for name, value in score(people, people.persons, found).values.items()})
    return values


def predict_outputs(model: Any, images: np.ndarray) -> np.ndarray:
    """Raw outputs of the deployed head, that of the last stack, for normalised images (N, H, W, 3)."""
    outputs = model.predict_on_batch(images)
    return np.asarray(outputs[-1] if isinstance(outputs, list | tuple) else outputs)
