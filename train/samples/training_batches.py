"""Batches of (normalised crop, target) as a Keras PyDataset."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from poseport.train.samples.ahead import Ahead
from poseport.train.samples.crop_batches import ALL_ROWS, CropBatches, Shard
from poseport.train.samples.sample import CropSource

# images (n, H, W, 3) float32, and the target of each output
Batch = tuple[np.ndarray, np.ndarray | tuple[np.ndarray, ...]]


class TrainingBatches(keras.utils.PyDataset):
    """Batches of augmented people. Order and crops depend on (seed, epoch, person) alone.

    A run that was interrupted and resumed therefore trains on the same batches as an uninterrupted one. People at
    the end of an epoch who do not fill a batch are left out, different ones each time.

    Two properties of Keras determine the form. It starts to read the next epoch before a callback can announce it;
    therefore the batches of all epochs are one sequence, to be trained with `steps_per_epoch=data.steps`. And its own
    worker threads keep counting after Keras has peeked at the first batch, which shifts every batch by one; therefore
    this class has its own threads, and Keras is told that there is one worker.

    Attributes:
        source: People and their augmentation.
        batch: Batch size (people per step), at most the number of people.
        steps: Batches per epoch.
        first_epoch: Number of the epoch (from 0) at which the sequence begins.
        outputs: Number of outputs of the network, each of which gets the same target.
        shard: The rows of each batch that this worker makes.
        ahead: The batches, made ahead.
    """

    def __init__(
        self,
        source: CropSource,
        batch: int,
        *,
        epochs: int = 1,
        first_epoch: int = 0,
        outputs: int = 1,
        processes: int = 0,
        mix: Callable[[np.ndarray, np.ndarray], None] | None = None,
        shard: Shard = ALL_ROWS,
    ):
        """Start what makes batches.

        Args:
            source: People and their augmentation.
            batch: Batch size (people per step) of all workers together.
            epochs: Number of the epoch at which the sequence ends.
            first_epoch: Number of the epoch (from 0) at which the sequence begins.
            outputs: Number of outputs of the network.
            processes: Number of processes that make batches; 0: two threads of this process.
            mix: Changes targets (n, *spec.output_shape) float32 in place, given their crops (n, H, W, 3) uint8 RGB
                (see `Teacher.mix_maps`).
            shard: The rows of each batch that this worker makes.

        Raises:
            ValueError: If there are no people, or no such processes on this system.
        """
        super().__init__(workers=1)
        if not source.persons:
            raise ValueError("no people to train on")
        self.source, self.batch = source, min(batch, len(source.persons))
        self.first_epoch, self.outputs, self.shard = first_epoch, outputs, shard
        self._mix = mix
        maker = CropBatches(source, self.batch, first_epoch, shard, keep_pictures=mix is not None)
        self.steps = maker.steps
        self._length = (epochs - first_epoch) * self.steps
        self.ahead = Ahead(maker, self._length, self._finished, processes)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Batch:
        return self.ahead[index]

    def close(self) -> None:
        """Stop the threads and processes, and discard the batches that were made ahead."""
        self.ahead.close()

    def make(self, index: int) -> Batch:
        """Make a batch.

        Args:
            index: Number of the batch in the sequence of all epochs, from 0.

        Returns:
            Crops (n, H, W, 3) float32 and targets (n, *spec.output_shape) float32, as a tuple of one array per output
            where there are several outputs; n people of this worker.

        Raises:
            ValueError: If a photo cannot be read, or a process is lost.
        """
        return self.ahead.make(index)

    def _finished(self, arrays: tuple[np.ndarray, ...]) -> Batch:
        images, targets, *pictures = arrays
        if self._mix is not None:
            self._mix(pictures[0], targets)
        if self.outputs == 1:
            return images, targets
        separate = self.shard.separate_targets
        return images, tuple(targets.copy() if separate and i else targets for i in range(self.outputs))
