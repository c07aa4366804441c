"""People -> batches of (normalised crop, target), made by OpenCV threads behind a Keras PyDataset."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2
import keras
import numpy as np

from poseport import pose
from poseport.data.people import Person
from poseport.spec import PoseSpec
from poseport.train.samples.augment import AugmentConfig
from poseport.train.samples.backgrounds import Photo
from poseport.train.samples.sample import Plan, plan, render

# images (n, H, W, 3) float32, and the target of each output
Batch = tuple[np.ndarray, np.ndarray | tuple[np.ndarray, ...]]

# tell the stream that shuffles an epoch from those that augment its people
_ORDER, _CROPS = 1, 2


class TrainingPeople(keras.utils.PyDataset):
    """Augmented people, in an order and with crops that depend only on (seed, epoch, person).

    So a run that was cut off and resumed sees what an uninterrupted one would have seen. The last
    people of an epoch that fill no batch are left out, others each time.

    Two habits of Keras decide the form. It begins to read the next epoch before any callback could
    announce it: so the batches of all epochs stand in one row, to be trained with
    `steps_per_epoch=data.steps`. And its own worker threads go on counting after it has peeked at the
    first batch, which shifts every batch by one: so the threads are ours, and Keras is told of one.

    mix: changes the targets (n, *spec.output_shape) of crops (n, H, W, 3) uint8 in place (see `teacher`).
    backgrounds: where crops without a person come from.
    part: index and count of processes that share each batch; this one makes its own rows only.
    fresh: an array of its own for every output, which TensorFlow needs under a strategy: it computes in place.
    """

    def __init__(
        self,
        spec: PoseSpec,
        persons: Sequence[Person],
        ranges: AugmentConfig,
        batch: int,
        seed: int,
        *,
        epochs: int = 1,
        first_epoch: int = 0,
        outputs: int = 1,
        threads: int = 2,
        mix: Callable[[np.ndarray, np.ndarray], None] | None = None,
        backgrounds: Sequence[Photo] = (),
        draw: Callable[[np.random.Generator, int], Person] | None = None,
        part: tuple[int, int] = (0, 1),
        fresh: bool = False,
    ):
        super().__init__(workers=1)
        if not persons:
            raise ValueError("no people to train on")
        cv2.setNumThreads(1)
        self.spec, self.persons, self.ranges, self.seed = spec, persons, ranges, seed
        self.batch = min(batch, len(persons))
        self.mix, self.backgrounds = mix, backgrounds
        self.epochs, self.first_epoch, self.outputs = epochs, first_epoch, outputs
        # what person i of `persons` is this time: another box, fewer labels (see `poseport.train.samples.refine`)
        self.draw = draw if draw is not None else lambda rng, i: persons[i]
        self.part, self.fresh = part, fresh
        self._ahead = 2 * threads + 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")
        self._waiting: dict[int, Future[Batch]] = {}
        self._lock = threading.Lock()

    @property
    def steps(self) -> int:
        """Batches of one epoch."""
        return len(self.persons) // self.batch

    def __len__(self) -> int:
        return (self.epochs - self.first_epoch) * self.steps

    def __getitem__(self, index: int) -> Batch:
        with self._lock:
            for stale in [i for i in self._waiting if not index <= i < index + self._ahead]:
                self._waiting.pop(stale).cancel()
            for i in range(index, min(index + self._ahead, len(self))):
                if i not in self._waiting:
                    self._waiting[i] = self._pool.submit(self.make, i)
            wanted = self._waiting.pop(index)
        return wanted.result()

    def close(self) -> None:
        """Stop the threads; batches that nobody asked for are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def make(self, index: int) -> Batch:
        """Batch `index` of the row of all epochs, made in the calling thread."""
        epochs_in, step = divmod(index, self.steps)
        epoch = self.first_epoch + epochs_in
        order = np.random.default_rng((self.seed, epoch, _ORDER)).permutation(len(self.persons))
        part, parts = self.part
        rows = self.batch // parts
        first = step * self.batch + part * rows
        chosen = order[first : first + rows]
        # filled in place: a batch is megabytes, and every copy of one costs as much as decoding a photo
        images = np.empty((rows, *self.spec.input_hw, 3), np.float32)
        targets = np.empty((rows, *self.spec.output_shape), np.float32)
        plans = [self.plan(epoch, int(i)) for i in chosen]
        crops = [render(self.spec, planned) for planned in plans]
        for image, (untoned, tone) in zip(images, crops, strict=True):
            pose.normalise(self.spec, untoned, out=image, tone=tone)
        for target, planned in zip(targets, plans, strict=True):
            if planned.points is None:
                pose.encode_nobody(self.spec, target)
            else:
                pose.encode(self.spec, planned.points, out=target)
        if self.mix is not None:
            seen = [untoned if tone is None else cv2.LUT(untoned, tone) for untoned, tone in crops]
            self.mix(np.stack(seen), targets)
        if self.outputs == 1:
            return images, targets
        return images, tuple(targets.copy() if self.fresh and i else targets for i in range(self.outputs))

    def plan(self, epoch: int, i: int) -> Plan:
        """What person i is in an epoch."""
        rng = np.random.default_rng((self.seed, epoch, _CROPS, i))
        return plan(rng, self.spec, self.draw(rng, i), self.ranges, self.backgrounds, self.persons)
