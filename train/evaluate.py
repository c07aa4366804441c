"""Scores of a Keras network on validation people, computed as `poseport bench` computes those of a converted file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport import cascade, pose
from poseport.data.people import People
from poseport.predict import Variant, predict_variants
from poseport.scoring.score import score
from poseport.spec import PoseSpec

# a network -> its metrics by name
Score = Callable[[Any], dict[str, float]]

VARIANTS = (Variant(), Variant(flip=True))


@dataclass(frozen=True, eq=False)
class KerasNetwork:
    """A Keras network that takes crops, as `poseport.predict` runs it.

    Attributes:
        spec: The network's spec.
        model: The Keras model.
    """

    spec: PoseSpec
    model: Any

    def outputs(self, crops: np.ndarray) -> np.ndarray:
        """Run the network on crops.

        Args:
            crops: (n, H, W, 3) uint8 RGB.

        Returns:
            Raw outputs of the deployed head, (n, *spec.output_shape) float32.
        """
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
    """Predict every person without and with flip averaging.

    Args:
        spec: The network's spec.
        model: The Keras network.
        people: N people, in their own boxes.
        estimates: (2, N, K, 3) keypoints that a later stage of a cascade refines, without and with flip averaging.
        batch: Crops per step.
        threads: Threads that read photos.

    Returns:
        (2, N, K, 3) x and y in image pixels and a score, without and with flip averaging.
    """
    network, persons = KerasNetwork(spec, model), people.persons
    if estimates is not None:
        return cascade.refine([network], persons, estimates, VARIANTS, batch=batch, threads=threads)
    return predict_variants(network, persons, VARIANTS, batch=batch, threads=threads)


def evaluate(spec: PoseSpec, model: Any, people: People, estimates: np.ndarray | None = None) -> dict[str, float]:
    """Compute every metric of `poseport.scoring.score` on the people's own boxes.

    Args:
        spec: The network's spec.
        model: The Keras network.
        people: The people to score on.
        estimates: As for `predict`.

    Returns:
        Metrics by name; the names of those with flip averaging end in `+flip`.
    """
    values = {}
    for suffix, keypoints in zip(("", "+flip"), predict(spec, model, people, estimates), strict=True):
        metrics = score(people, people.persons, keypoints).values
        values.update({name + suffix: value for name, value in metrics.items()})
    return values


def predict_outputs(model: Any, images: np.ndarray) -> np.ndarray:
    """Run a Keras network and keep the output that is deployed, which is that of the last stack.

    Args:
        model: The Keras network.
        images: (N, H, W, 3) float32, normalised.

    Returns:
        Raw outputs, (N, *spec.output_shape) float32.
    """
    outputs = model.predict_on_batch(images)
    return np.asarray(outputs[-1] if isinstance(outputs, list | tuple) else outputs)
