"""Batches of (normalised crop, target), which threads make behind a Keras PyDataset."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

import cv2
import keras
import numpy as np

from poseport import pose
from poseport.train.samples.sample import CropSource, render

# images (n, H, W, 3) float32, and the target of each output
Batch = tuple[np.ndarray, np.ndarray | tuple[np.ndarray, ...]]

_ORDER = 1  # separates the random stream that shuffles an epoch from those of its crops


@dataclass(frozen=True)
class Shard:
    """The rows of every batch that this process makes.

    Attributes:
        index: Number of this process, from 0.
        count: Number of processes that share each batch.
        separate_targets: Whether every output gets its own array. TensorFlow's MirroredStrategy needs that,
            because it computes in place.
    """

    index: int = 0
    count: int = 1
    separate_targets: bool = False


@lru_cache(maxsize=2)  # an epoch's last batches and the next one's first are made at the same time
def _order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order of an epoch's people, (count,) int."""
    return np.random.default_rng((seed, epoch, _ORDER)).permutation(count)


class TrainingBatches(keras.utils.PyDataset):
    """Batches of augmented people. Order and crops depend on (seed, epoch, person) alone.

    A run that was interrupted and resumed therefore trains on the same batches as an uninterrupted one. People at
    the end of an epoch who do not fill a batch are left out, different ones each time.

    Two properties of Keras determine the form. It starts to read the next epoch before a callback can announce it;
    therefore the batches of all epochs are one sequence, to be trained with `steps_per_epoch=data.steps`. And its own
    worker threads keep counting after Keras has peeked at the first batch, which shifts every batch by one; therefore
    this class has its own threads, and Keras is told that there is one worker.

    Attributes:
        batch: Batch size (people per step), at most the number of people.
        outputs: Number of outputs of the network, each of which gets the same target.
        error: The first exception that a batch raised; Keras's backends wrap it in their own or lose it.
    """

    def __init__(
        self,
        source: CropSource,
        batch: int,
        *,
        epochs: int = 1,
        first_epoch: int = 0,
        outputs: int = 1,
        threads: int = 2,
        mix: Callable[[np.ndarray, np.ndarray], None] | None = None,
        shard: Shard = Shard(),
    ):
        """Start the threads that make batches.

        Args:
            source: People and their augmentation.
            batch: Batch size (people per step) of all processes together.
            epochs: Number of the epoch at which the sequence ends.
            first_epoch: Number of the epoch (from 0) at which the sequence begins.
            outputs: Number of outputs of the network.
            threads: Number of threads that make batches.
            mix: Changes targets (n, *spec.output_shape) float32 in place, given their crops (n, H, W, 3) uint8 RGB
                (see `Teacher.mix_maps`).
            shard: The rows of each batch that this process makes.

        Raises:
            ValueError: If there are no people.
        """
        super().__init__(workers=1)
        if not source.persons:
            raise ValueError("no people to train on")
        cv2.setNumThreads(1)
        self.source, self.batch = source, min(batch, len(source.persons))
        self.epochs, self.first_epoch, self.outputs = epochs, first_epoch, outputs
        self.mix, self.shard = mix, shard
        self.error: Exception | None = None
        self._ahead = 2 * threads + 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")
        self._waiting: dict[int, Future[Batch]] = {}
        self._lock = threading.Lock()

    @property
    def steps(self) -> int:
        """Batches per epoch."""
        return len(self.source.persons) // self.batch

    def __len__(self) -> int:
        return (self.epochs - self.first_epoch) * self.steps

    def __getitem__(self, index: int) -> Batch:
        with self._lock:
            for stale in [i for i in self._waiting if not index <= i < index + self._ahead]:
                self._waiting.pop(stale).cancel()
            for i in range(index, min(index + self._ahead, len(self))):
                if i not in self._waiting:
                    self._waiting[i] = self._pool.submit(self.make, i)
            requested = self._waiting.pop(index)
        try:
            return requested.result()
        except Exception as error:
            self.error = self.error or error
            raise

    def close(self) -> None:
        """Stop the threads and discard the batches that were made ahead."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def make(self, index: int) -> Batch:
        """Make a batch in the calling thread.

        Args:
            index: Number of the batch in the sequence of all epochs, from 0.

        Returns:
            Crops (n, H, W, 3) float32 and targets (n, *spec.output_shape) float32, as a tuple of one array per output
            where there are several outputs; n people of this process.

        Raises:
            ValueError: If a photo cannot be read.
        """
        epochs_before, step = divmod(index, self.steps)
        epoch, spec = self.first_epoch + epochs_before, self.source.spec
        order = _order(self.source.seed, epoch, len(self.source.persons))
        rows = self.batch // self.shard.count
        first = step * self.batch + self.shard.index * rows
        # filled in place: a batch is megabytes, and every copy of one costs as much as decoding a photo
        images = np.empty((rows, *spec.input_hw, 3), np.float32)
        targets = np.empty((rows, *spec.output_shape), np.float32)
        plans = [self.source.plan(epoch, int(i)) for i in order[first : first + rows]]
        crops = [render(spec, plan) for plan in plans]
        for image, crop in zip(images, crops, strict=True):
            crop.normalised(spec, out=image)
        for target, plan in zip(targets, plans, strict=True):
            if plan.points is None:
                pose.encode_nobody(spec, target)
            else:
                pose.encode(spec, plan.points, out=target)
        if self.mix is not None:
            self.mix(np.stack([crop.picture() for crop in crops]), targets)
        if self.outputs == 1:
            return images, targets
        separate = self.shard.separate_targets
        return images, tuple(targets.copy() if separate and i else targets for i in range(self.outputs))
