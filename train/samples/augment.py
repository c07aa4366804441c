"""How a training crop differs from the plain one: the record of it, its levels, and its geometry.

All geometry is one matrix. What happens to the pixels is in `pixels`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from poseport import crop
from poseport.data.people import Person
from poseport.records import read_json
from poseport.skeleton import Skeleton
from poseport.spec import PoseSpec

# half-body crops as of Wang et al. 2020 (HRNet): of people with more labels than this, on at least three of them
_MANY_LABELS, _FEWEST_OF_HALF = 8, 3
_LOWER = ("hip", "knee", "ankle", "pelvis", "heel", "toe", "foot")

# of the fields that are neither fractions nor probabilities
_UPPER_LIMITS = {"rotation_deg": 180.0, "blur_sigma": 10.0, "hue": 127.0, "saturation": 255.0, "brightness": 255.0}


@dataclass(frozen=True)
class AugmentConfig:
    """What may be done to a crop, as ranges and probabilities; every field at 0 leaves the plain crop.

    Amounts are drawn uniformly, from 0 or from both sides of 0 up to the field.

    Geometry. rotation_deg: +-. scale: 1 +-. shift: +- fraction of the input. flip: probability.
    box_jitter: each edge of the person's box moves by +- this fraction of its side, as a detector's would.
    half_body: probability of a crop around the upper or the lower half of a well labelled person.
    cut_off: probability that the photo ends inside the person. neighbour: that somebody else stands beside
    them, in front or behind (see `scene`).

    Pixels. occlude: probability that a block of one colour hides a part whose labels stay;
    occlude_side: its longest sides, as a fraction of the input's. blur: probability; blur_sigma: up to, in
    input pixels. sharpen: blending factor, up to; lightness: of what is blended in, 1 +-.
    hue, saturation, brightness: +- levels of 255 (255 levels of hue are the whole circle, 255 of
    saturation double it or leave grey). contrast: 1 +-. dropout: fraction of pixels that turn black, up
    to. noise: standard deviation of Gaussian noise as a fraction of 255, up to. grey, solarize,
    posterize, equalize: probabilities.

    at_most: of sharpening, hue and saturation, brightness and contrast, dropout and noise, a crop gets 0
    to this many, evenly; None: all. exclusive: a crop gets either scale or rotation, either brightness or
    contrast, either dropout or noise.

    background: probability that a crop shows no person at all (see `backgrounds`).
    """

    rotation_deg: float = 0.0
    scale: float = 0.0
    shift: float = 0.0
    flip: float = 0.0
    box_jitter: float = 0.0
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
    solarize: float = 0.0
    posterize: float = 0.0
    equalize: float = 0.0
    at_most: int | None = None
    exclusive: bool = False
    background: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value, highest = getattr(self, field.name), _UPPER_LIMITS.get(field.name, 1.0)
            if field.type == "float" and not 0 <= value <= highest:
                raise ValueError(f"augmentation: {field.name} {value} is out of range; expected 0 to {highest:g}")
        if self.scale == 1 or self.box_jitter >= 0.5:
            raise ValueError(
                f"augmentation: scale {self.scale} or box_jitter {self.box_jitter} leaves nothing of a crop; "
                "expected scale below 1, box_jitter below 0.5"
            )
        if self.at_most is not None and self.at_most < 0:
            raise ValueError(f"augmentation: at_most {self.at_most} is out of range; expected 0 or more")


# Table 1 of Lee et al., section 3.2.3, row by row. Its exclusions are `exclusive`; "not all augmentations
# were applied to each image" is `at_most`, whose counts come from the code that they published.
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
    """A level by name, or an `AugmentConfig` from a JSON file; ValueError lists the levels."""
    if level in LEVELS:
        return LEVELS[level]
    if level.endswith(".json"):
        return read_json(AugmentConfig, Path(level))
    raise ValueError(f"augmentation {level!r} does not exist; choose {', '.join(LEVELS)} or a .json file")


def random_box(
    rng: np.random.Generator, skeleton: Skeleton, person: Person, ranges: AugmentConfig
) -> tuple[float, float, float, float]:
    """The box (x, y, width, height) to crop: the person's, half of it, or as a detector would find it."""
    x, y, w, h = person.box_xywh
    if ranges.half_body and rng.random() < ranges.half_body:
        x, y, w, h = _half_body(rng, skeleton, person) or (x, y, w, h)
    if ranges.box_jitter:
        return crop.move_edges(rng, (x, y, w, h), ranges.box_jitter)
    return x, y, w, h


def _half_body(
    rng: np.random.Generator, skeleton: Skeleton, person: Person
) -> tuple[float, float, float, float] | None:
    """A box around the labelled keypoints above the hips, or from the hips down; None with too few labels."""
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
    """Matrix (2, 3) of a random crop, and whether it mirrors (then left and right names change places)."""
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
