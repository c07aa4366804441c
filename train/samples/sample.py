"""Make a training crop of a person: it is planned first (`plan_crop`) and then cut from the photo (`render`).

These are two steps for speed. Decoding a photo evicts most of the processor's caches, and the small steps of a plan
take five times as long right after it as they take one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseport import crop
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.spec import PoseSpec
from poseport.train.samples.augment import AugmentConfig, random_box, random_matrix
from poseport.train.samples.backgrounds import Photo, random_background
from poseport.train.samples.pixels import Changes, Crop, change, draw_changes
from poseport.train.samples.scene import WHOLE, Frame, Neighbour, end_photo, random_neighbour

_CROPS = 2  # separates the random streams of crops from the one that shuffles an epoch


@dataclass(frozen=True, eq=False)
class CropPlan:
    """A crop that has not been rendered, and where its keypoints will be.

    Attributes:
        image_path: The photo.
        image_hw: Height and width of the photo as annotated; None if nothing is annotated.
        matrix: (2, 3) float64, from image to input pixels.
        points: (K, 2) float64 x and y in input pixels; NaN for keypoints that are unlabelled, outside the crop or
            outside `frame`. None if the crop shows no person.
        changes: Changes of the pixels.
        frame: The part of the photo that is used.
        neighbour: A person to paste in; None for nobody.
    """

    image_path: Path
    image_hw: tuple[int, int] | None
    matrix: np.ndarray
    points: np.ndarray | None
    changes: Changes
    frame: Frame = WHOLE
    neighbour: Neighbour | None = None


@dataclass(frozen=True, eq=False)
class CropSource:
    """Plans of training crops. A plan depends on (seed, epoch, i) alone, so a resumed run repeats it.

    Attributes:
        spec: The network's spec.
        persons: One person per crop of an epoch.
        augment: Ranges of the augmentation.
        seed: Seed of every random choice.
        backgrounds: Photos for crops without a person.
        draw: Changes person i for one crop, for example its box or its labels; None: the person as annotated.
    """

    spec: PoseSpec
    persons: Sequence[Person]
    augment: AugmentConfig
    seed: int = 0
    backgrounds: Sequence[Photo] = ()
    draw: Callable[[np.random.Generator, int], Person] | None = None

    def plan(self, epoch: int, i: int) -> CropPlan:
        """Plan one crop.

        Args:
            epoch: Number of the epoch, from 0.
            i: Index of the crop in the epoch, from 0.

        Returns:
            The plan.
        """
        rng = np.random.default_rng((self.seed, epoch, _CROPS, i))
        person = self.persons[i] if self.draw is None else self.draw(rng, i)
        return plan_crop(rng, self.spec, person, self.augment, self.backgrounds, self.persons)


def plan_crop(
    rng: np.random.Generator,
    spec: PoseSpec,
    person: Person,
    ranges: AugmentConfig,
    photos: Sequence[Photo] = (),
    others: Sequence[Person] = (),
) -> CropPlan:
    """Plan a random crop of a person, or of no person.

    Args:
        rng: Source of randomness.
        spec: The network's spec.
        person: The person to crop.
        ranges: Ranges of the augmentation.
        photos: Photos for crops without a person (`AugmentConfig.background`).
        others: People who may be pasted in (`AugmentConfig.neighbour`).

    Returns:
        The plan.
    """
    if photos and ranges.background and rng.random() < ranges.background:
        background = random_background(rng, spec, photos)
        if background is not None:
            photo, matrix = background
            return CropPlan(photo.path, photo.image_hw, matrix, None, draw_changes(rng, ranges, spec.input_hw))
    box, frame, neighbour = random_box(rng, spec.skeleton, person, ranges), WHOLE, None
    if ranges.cut_off and rng.random() < ranges.cut_off:
        frame, box = end_photo(rng, person, box)
    matrix, flipped = random_matrix(rng, spec, box, ranges)
    points = crop.move_points(person.keypoints[:, :2], matrix)
    h, w = spec.input_hw
    x, y = points.T
    kept = person.labelled & (x > -0.5) & (x < w - 0.5) & (y > -0.5) & (y < h - 0.5)
    if frame is not WHOLE:
        kept &= frame.holds(person.keypoints[:, :2])
    points[~kept] = np.nan
    if others and ranges.neighbour and rng.random() < ranges.neighbour:
        neighbour = random_neighbour(rng, spec, points, others[int(rng.integers(len(others)))])
    if flipped:
        points = points[spec.skeleton.flip_index]
    changes = draw_changes(rng, ranges, spec.input_hw)
    return CropPlan(person.image_path, person.image_hw, matrix, points, changes, frame, neighbour)


def render(spec: PoseSpec, plan: CropPlan) -> Crop:
    """Cut a planned crop from its photo.

    Args:
        spec: The network's spec.
        plan: The plan.

    Returns:
        The changed crop.

    Raises:
        ValueError: If the image is missing, broken or not of the annotated size.
    """
    image, matrix = plan.frame.of(read_image(plan.image_path, plan.image_hw), plan.matrix)
    image = crop.warp(image, matrix, spec.input_hw)
    if plan.neighbour is not None:
        plan.neighbour.paste(image)
    return change(image, plan.changes)
