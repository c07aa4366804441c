"""People -> batches of (normalised crop, target), made by OpenCV threads behind a Keras PyDataset."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import keras
import numpy as np

from poseport import crop, pose
from poseport.coco import Person
from poseport.images import read_image
from poseport.spec import PoseSpec
from poseport.train.augment import random_colour, random_matrix
from poseport.train.config import AugmentConfig

_ORDER = 1  # tells the stream that shuffles an epoch from the streams that augment its people


class TrainingPeople(keras.utils.PyDataset):
    """Augmented people, in an order and with crops that depend only on (seed, epoch, person).

    So a run that was cut off and resumed sees what an uninterrupted one would have seen. `epoch` is set
    by a callback. The last people of an epoch that fill no batch are left out, others each time.
    """

    def __init__(
        self,
        spec: PoseSpec,
        persons: Sequence[Person],
        ranges: AugmentConfig,
        batch: int,
        seed: int,
        *,
        outputs: int = 1,
        threads: int = 2,
    ):
        super().__init__(workers=max(2, threads), use_multiprocessing=False, max_queue_size=8)
        if not persons:
            raise ValueError("no people to train on")
        cv2.setNumThreads(1)
        self.spec, self.persons, self.ranges, self.seed = spec, persons, ranges, seed
        self.batch = min(batch, len(persons))
        self.outputs = outputs
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.persons) // self.batch

    def __getitem__(self, index: int) -> tuple[np.ndarray, object]:
        order = np.random.default_rng((self.seed, self.epoch, _ORDER)).permutation(len(self.persons))
        chosen = order[index * self.batch : (index + 1) * self.batch]
        samples = [self.sample(int(i)) for i in chosen]
        images = pose.normalise(self.spec, np.stack([image for image, _ in samples]))
        targets = np.stack([target for _, target in samples])
        return images, targets if self.outputs == 1 else (targets,) * self.outputs

    def sample(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """Crop (H, W, 3) uint8 and target `spec.output_shape` float32 of person i, NaN where unlabelled."""
        person = self.persons[i]
        rng = np.random.default_rng((self.seed, self.epoch, 2, i))
        image = read_image(person.image_path, person.image_hw)
        matrix, flipped = random_matrix(rng, self.spec, person.box_xywh, self.ranges)
        image = random_colour(rng, crop.warp(image, matrix, self.spec.input_hw), self.ranges.colour)
        points = crop.move_points(person.keypoints[:, :2], matrix)
        labelled = person.labelled
        if flipped:
            index = self.spec.skeleton.flip_index
            points, labelled = points[index], labelled[index]
        h, w = self.spec.input_hw
        inside = (points > -0.5).all(axis=1) & (points < [w - 0.5, h - 0.5]).all(axis=1)
        target = pose.encode(self.spec, points)
        unlabelled = ~(labelled & inside)
        if target.ndim == 3:
            target[..., unlabelled] = np.nan
        else:
            target[unlabelled] = np.nan
        return image, target
