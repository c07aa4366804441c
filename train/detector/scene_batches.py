"""How the batches of a detector's training are made, in any thread or process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poseport import pose
from poseport.people.detector_spec import DetectorSpec
from poseport.train.detector import targets
from poseport.train.detector.scenes import Photo, SceneConfig, draw
from poseport.train.samples.maker import Array


@dataclass(frozen=True, eq=False)
class SceneBatches:
    """Makes the batches of all epochs, numbered as one sequence; each depends on seed, epoch and place alone.

    Attributes:
        photos: The photos to draw from.
        spec: The detector's spec.
        batch: Pictures per step.
        steps: Batches per epoch.
        scenes: How pictures are drawn.
        seed: Seed of every random choice.
    """

    photos: Sequence[Photo]
    spec: DetectorSpec
    batch: int
    steps: int
    scenes: SceneConfig
    seed: int = 0

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Shapes and types of a batch: inputs (N, H, W, 3) and targets (N, h, w, 7)."""
        h, w, _ = self.spec.output_shape
        return Array((self.batch, *self.spec.input_hw, 3)), Array((self.batch, h, w, 7))

    def fill(self, index: int, pictures: np.ndarray, wanted: np.ndarray) -> None:
        """Make a batch in place.

        Args:
            index: Number of the batch in the sequence, from 0.
            pictures: (N, H, W, 3) float32, filled with normalised pictures.
            wanted: (N, h, w, 7) float32, filled with their targets.

        Raises:
            ValueError: If a photo cannot be read.
        """
        rng = np.random.default_rng([self.seed, *divmod(index, self.steps)])
        for i in range(self.batch):
            picture, people, counts = draw(rng, self.photos, self.spec.input_hw, self.scenes)
            pose.normalise(self.spec, picture, out=pictures[i])
            wanted[i] = targets.encode(people, counts, self.spec.stride, self.spec.output_shape[:2])
