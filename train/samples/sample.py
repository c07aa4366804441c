"""One person -> what a network is trained on: drawn first (`plan`), then cut from the photo (`render`).

In two steps because a batch is faster so: decoding a photo leaves little of what the processor's caches
held, and right after it the small steps of a plan take five times as long as one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from poseport import crop
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.spec import PoseSpec
from poseport.train.samples.augment import AugmentConfig, random_box, random_matrix
from poseport.train.samples.backgrounds import Photo, random_background
from poseport.train.samples.pixels import Changes, Tone, change, draw_changes
from poseport.train.samples.scene import WHOLE, Frame, Neighbour, end_photo, random_neighbour


@dataclass(frozen=True, eq=False)
class Plan:
    """A crop that is still to be made, and where its keypoints will be.

    image_hw: as annotated, None where nothing is. matrix: (2, 3), image to input pixels.
    points: (K, 2) float64 x, y in input pixels, NaN for what is unlabelled, outside the crop or beyond `frame`;
    None where the crop shows no person. frame: what of the photo is there. neighbour: who is pasted in.
    """

    image_path: Path
    image_hw: tuple[int, int] | None
    matrix: np.ndarray
    points: np.ndarray | None
    changes: Changes
    frame: Frame = WHOLE
    neighbour: Neighbour | None = None


def plan(
    rng: np.random.Generator,
    spec: PoseSpec,
    person: Person,
    ranges: AugmentConfig,
    photos: Sequence[Photo] = (),
    others: Sequence[Person] = (),
) -> Plan:
    """Draw a crop of one person, or of no person from `photos` (see `AugmentConfig.background`).

    others: who may be pasted beside the person (`AugmentConfig.neighbour`).
    """
    if photos and ranges.background and rng.random() < ranges.background:
        found = random_background(rng, spec, photos)
        if found is not None:
            photo, matrix = found
            return Plan(photo.path, photo.image_hw, matrix, None, draw_changes(rng, ranges, spec.input_hw))
    box, frame, neighbour = random_box(rng, spec.skeleton, person, ranges), WHOLE, None
    if ranges.cut_off and rng.random() < ranges.cut_off:
        frame, box = end_photo(rng, person, box)
    matrix, flipped = random_matrix(rng, spec, box, ranges)
    points = crop.move_points(person.keypoints[:, :2], matrix)
    h, w = spec.input_hw
    inside = ((points > -0.5) & (points < (w - 0.5, h - 0.5))).all(axis=1) & frame.holds(person.keypoints[:, :2])
    points[~(person.labelled & inside)] = np.nan
    if others and ranges.neighbour and rng.random() < ranges.neighbour:
        neighbour = random_neighbour(rng, spec, points, others[int(rng.integers(len(others)))])
    if flipped:
        points = points[spec.skeleton.flip_index]
    changes = draw_changes(rng, ranges, spec.input_hw)
    return Plan(person.image_path, person.image_hw, matrix, points, changes, frame, neighbour)


def render(spec: PoseSpec, planned: Plan) -> tuple[np.ndarray, Tone | None]:
    """The crop (H, W, 3) uint8 RGB, and the tone that its levels are still to go through.

    Raises ValueError for an image that is missing, broken or of another size than annotated.
    """
    image, matrix = planned.frame.of(read_image(planned.image_path, planned.image_hw), planned.matrix)
    image = crop.warp(image, matrix, spec.input_hw)
    if planned.neighbour is not None:
        planned.neighbour.paste(image)
    return change(image, planned.changes)


def picture(spec: PoseSpec, planned: Plan) -> np.ndarray:
    """The crop (H, W, 3) uint8 RGB as the network sees it but for the normalisation."""
    image, tone = render(spec, planned)
    return image if tone is None else cv2.LUT(image, tone)
