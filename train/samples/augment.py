"""Augmentation settings (`AugmentConfig`), the named levels, and the random geometry of a crop.

All geometry is one matrix. Changes of the pixels are in `pixels`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import ClassVar

import numpy as np

from poseport import crop
from poseport.data.people import Person
from poseport.records import read_json
from poseport.skeleton import Skeleton
from poseport.spec import PoseSpec

# half-body crops as in Wang et al. 2020 (HRNet): for people with more labels than this, around at least three
_MANY_LABELS, _FEWEST_OF_HALF = 8, 3
_LOWER = ("hip", "knee", "ankle", "pelvis", "heel", "toe", "foot")

# upper limits of the fields that are neither fractions nor probabilities
_UPPER_LIMITS = {"rotation_deg": 180.0, "blur_sigma": 10.0, "hue": 127.0, "saturation": 255.0, "brightness": 255.0}


@dataclass(frozen=True)
class AugmentConfig:
    """Random changes of a training crop, as ranges and probabilities. With every field at 0 the crop is unchanged.

    Amounts are drawn uniformly: fields marked +- from both sides of 0, the others from 0 up to the field.

    Attributes:
        rotation_deg: Rotation, +- degrees.
        scale: Scale factor, 1 +- this.
        shift: Translation, +- fraction of the input's side.
        flip: Probability of mirroring.
        half_body: Probability of a crop around the upper or the lower half of a person with many labels.
        cut_off: Probability that the photo ends inside the person (see `scene`).
        neighbour: Probability that another person is pasted in beside, in front or behind (see `scene`).
        occlude: Probability that a block of one colour hides a part of the crop; hidden labels stay.
        occlude_side: Longest side of the block, as a fraction of the input's side.
        blur: Probability of Gaussian blur.
        blur_sigma: Standard deviation of the blur in input pixels.
        sharpen: Blending factor of the sharpened crop.
        lightness: Lightness of the sharpened crop, 1 +- this.
        hue: Change of hue, +- levels; 255 levels are the whole circle.
        saturation: Change of saturation, +- levels; 255 doubles it, -255 leaves grey.
        brightness: Change of brightness, +- levels of 255.
        contrast: Factor of contrast, 1 +- this.
        dropout: Fraction of pixels that turn black.
        noise: Standard deviation of Gaussian noise as a fraction of 255.
        grey: Probability of a grey crop.
        at_most: Largest number of kinds of change per crop, among sharpening, colour (hue and saturation), light
            (brightness and contrast) and grain (dropout and noise); the number is drawn from 0 to this. None: all four.
        exclusive: A crop gets either scale or rotation, either brightness or contrast, either dropout or noise.
        background: Probability that a crop shows no person (see `backgrounds`).
    """

    # fields of earlier versions, 0 in every recipe that was published: their files can still be read
    REMOVED: ClassVar[dict[str, float]] = dict.fromkeys(("box_jitter", "solarize", "posterize", "equalize"), 0.0)

    rotation_deg: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    flip: float = 0.0
    half_body: float = 0.0
    cut_off: float = 0.0
    neighbour: float = 0.0
    occlude: float = 0.0
    occlude_side: float = 0.5
    blur: float = 0.0
    blur_sigma: float = 0.0
    sharpen: float = 0.0
    lightness: float = 0.0
    hue: float = 0.0
    saturation: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    dropout: float = 0.0
    noise: float = 0.0
    grey: float = 0.0
    at_most: int | None = None
    exclusive: bool = False
    background: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, highest = getattr(self, field.name), _UPPER_LIMITS.get(field.name, 1.0)
            if field.type == "float" and not 0 <= value <= highest:
                raise ValueError(f"augmentation: {field.name} {value} is out of range; expected 0 to {highest:g}")
        if self.scale == 1:
            raise ValueError(f"augmentation: scale {self.scale} would shrink a crop to nothing; expected less than 1")
        if self.at_most is not None and self.at_most < 0:
            raise ValueError(f"augmentation: at_most {self.at_most} is out of range; expected 0 or more")


# Lee et al., section 3.2.3, table 1, row by row. Its exclusions are `exclusive`. "Not all augmentations were
# applied to each image" is `at_most`; the counts come from the code that they published.
HEAVY = AugmentConfig(
    blur=0.30, blur_sigma=2.0,
    sharpen=1.0, lightness=0.20,
    hue=30, saturation=30,
    brightness=30,
    contrast=0.25,
    dropout=0.10,
    noise=0.05,
    scale=0.25,
    rotation_deg=30,
    flip=0.5,
    at_most=3, exclusive=True,
)  # fmt: skip
MEDIUM = AugmentConfig(
    blur=0.30, blur_sigma=1.5,
    sharpen=0.5, lightness=0.15,
    hue=20, saturation=20,
    brightness=25,
    contrast=0.15,
    dropout=0.05,
    noise=0.03,
    scale=0.20,
    rotation_deg=25,
    flip=0.5,
    at_most=3, exclusive=True,
)  # fmt: skip
LIGHT = AugmentConfig(
    blur=0.30, blur_sigma=1.0,
    hue=15, saturation=15,
    brightness=20,
    contrast=0.10,
    dropout=0.03,
    noise=0.01,
    scale=0.15,
    rotation_deg=15,
    flip=0.5,
    at_most=2, exclusive=True,
)  # fmt: skip
LEVELS = {"none": AugmentConfig(), "light": LIGHT, "medium": MEDIUM, "heavy": HEAVY}


def find(level: str) -> AugmentConfig:
    """Find an augmentation by name, or read it from a JSON file.

    Args:
        level: A name in `LEVELS`, or the path of a .json file that holds an `AugmentConfig`.

    Returns:
        The augmentation.

    Raises:
        ValueError: If the level does not exist or the file cannot be read; the message lists the levels.
    """
    if level in LEVELS:
        return LEVELS[level]
    if level.endswith(".json"):
        return read_json(AugmentConfig, Path(level))
    raise ValueError(f"augmentation {level!r} does not exist; choose {', '.join(LEVELS)} or a .json file")


def random_box(
    rng: np.random.Generator, skeleton: Skeleton, person: Person, ranges: AugmentConfig
) -> tuple[float, float, float, float]:
    """Choose the box to crop: the person's box, or one around half of the body.

    Args:
        rng: Source of randomness.
        skeleton: Names the keypoints.
        person: The person.
        ranges: Ranges and probabilities to draw from.

    Returns:
        x, y, width and height in image pixels.
    """
    if ranges.half_body and rng.random() < ranges.half_body:
        return _half_body(rng, skeleton, person) or person.box_xywh
    return person.box_xywh


def _half_body(
    rng: np.random.Generator, skeleton: Skeleton, person: Person
) -> tuple[float, float, float, float] | None:
    """A box around the labelled keypoints above the hips or from the hips down; None if there are too few labels."""
    if person.num_labelled <= _MANY_LABELS:
        return None
    lower = np.array([name.endswith(_LOWER) for name in skeleton.names])
    half = person.labelled & (lower if rng.random() < 0.5 else ~lower)
    if np.count_nonzero(half) < _FEWEST_OF_HALF:
        return None
    points = person.keypoints[half, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    # joints lie inside the body, and three of them may lie on a line
    margin = 0.1 * max(high - low) + 1
    (x, y), (w, h) = low - margin, high - low + 2 * margin
    return float(x), float(y), float(w), float(h)


def random_matrix(
    rng: np.random.Generator, spec: PoseSpec, box_xywh: tuple[float, float, float, float], ranges: AugmentConfig
) -> tuple[np.ndarray, bool]:
    """The geometry of a random crop.

    Args:
        rng: Source of randomness.
        spec: The network's spec, for the input's size and the padding of the box.
        box_xywh: Box to crop, in image pixels.
        ranges: Ranges to draw from.

    Returns:
        The (2, 3) float64 matrix from image to input pixels, and whether it mirrors. If it does, left and right
        keypoints change places.
    """
    turn, zoom, dx, dy = rng.uniform(-1, 1, 4)
    if ranges.exclusive:
        turn, zoom = (turn, 0.0) if rng.random() < 0.5 else (0.0, zoom)
    flip = bool(rng.random() < ranges.flip)
    matrix = crop.crop_matrix(
        np.asarray(box_xywh),
        spec.input_hw,
        spec.padding,
        rotation_deg=turn * ranges.rotation_deg,
        scale=1 + zoom * ranges.scale,
        shift=(dx * ranges.shift, dy * ranges.shift),
        flip=flip,
    )
    return matrix, flip
