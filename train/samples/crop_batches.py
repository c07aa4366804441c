"""Which people are in a batch, and how their crops and targets are made, in any thread or process."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from poseport import pose
from poseport.train.samples.maker import Array
from poseport.train.samples.sample import CropSource, render

_ORDER = 1  # separates the random stream that shuffles an epoch from those of its crops


@dataclass(frozen=True)
class Shard:
    """The rows of every batch that this worker makes.

    Attributes:
        index: Number of this worker, from 0.
        count: Number of workers that share each batch.
        separate_targets: Whether every output gets its own array. TensorFlow's MirroredStrategy needs that,
            because it computes in place.
    """

    index: int = 0
    count: int = 1
    separate_targets: bool = False


ALL_ROWS = Shard()


@lru_cache(maxsize=2)  # an epoch's last batches and the next one's first are made at the same time
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of an epoch's people, (count,) int."""
    return np.random.default_rng((seed, epoch, _ORDER)).permutation(count)


@dataclass(frozen=True, eq=False)
class CropBatches:
    """Makes the batches of all epochs, which are numbered as one sequence.

    Attributes:
        source: People and their augmentation.
        batch: Batch size (people per step) of all workers together.
        first_epoch: Number of the epoch (from 0) at which the sequence begins.
        shard: The rows of each batch that are made here.
        keep_pictures: Whether the crops are also kept as pictures.
    """

    source: CropSource
    batch: int
    first_epoch: int = 0
    shard: Shard = ALL_ROWS
    keep_pictures: bool = False

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return len(self.source.persons) // self.batch

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Shapes and types of a batch: crops, targets, and pictures if they are kept."""
        rows, spec = self.batch // self.shard.count, self.source.spec
        crops, targets = Array((rows, *spec.input_hw, 3)), Array((rows, *spec.output_shape))
        return (crops, targets, Array(crops.shape, "uint8")) if self.keep_pictures else (crops, targets)

    def fill(self, index: int, images: np.ndarray, targets: np.ndarray, pictures: np.ndarray | None = None) -> None:
        """Make a batch in place: a batch is megabytes, and every copy of one costs as much as decoding a photo.

        Args:
            index: Number of the batch in the sequence, from 0.
            images: (n, H, W, 3) float32, filled with normalised crops.
            targets: (n, *spec.output_shape) float32, filled with their targets.
            pictures: (n, H, W, 3) uint8, filled with the crops as RGB pictures.

        Raises:
            ValueError: If a photo cannot be read.
        """
        epochs_before, step = divmod(index, self.steps)
        epoch, spec, rows = self.first_epoch + epochs_before, self.source.spec, len(images)
        order = _order(self.source.seed, epoch, len(self.source.persons))
        first = step * self.batch + self.shard.index * rows
        plans = [self.source.plan(epoch, int(i)) for i in order[first : first + rows]]
        for i, crop in enumerate([render(spec, plan) for plan in plans]):
            crop.normalised(spec, out=images[i])
            if pictures is not None:
                pictures[i] = crop.picture()
        for target, plan in zip(targets, plans, strict=True):
            if plan.points is None:
                pose.encode_nobody(spec, target)
            else:
                pose.encode(spec, plan.points, out=target)
