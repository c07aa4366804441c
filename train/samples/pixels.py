"""Augmentation of a crop's pixels: the changes are drawn first and then made, each operation in one pass.

Brightness and contrast map each level by itself, and so does normalisation. Both are composed into one lookup
table: see `Crop`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from poseport import pose
from poseport.spec import PoseSpec
from poseport.train.samples.augment import AugmentConfig

Tone = np.ndarray  # (256,) uint8: the new value of each level

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_FROM_MIDDLE = np.arange(256) - 128.0
_POOL = 1 << 20
_POOL_SIGMA = 32.0


@dataclass(frozen=True, eq=False)
class Crop:
    """An augmented crop. Its last change, the tone, is applied when the crop is used.

    Attributes:
        levels: (H, W, 3) uint8 RGB, without the tone.
        tone: (256,) uint8, the new value of each level; None if the levels stay as they are.
    """

    levels: np.ndarray
    tone: Tone | None = None

    def picture(self) -> np.ndarray:
        """The finished crop: (H, W, 3) uint8 RGB."""
        return self.levels if self.tone is None else cv2.LUT(self.levels, self.tone)

    def normalised(self, spec: PoseSpec, out: np.ndarray | None = None) -> np.ndarray:
        """Normalise the crop into the network's input, with the tone composed into the table that normalises.

        Args:
            spec: The network's spec.
            out: Contiguous (H, W, 3) float32 array to write into; a new one if None.

        Returns:
            (H, W, 3) float32, equal to `pose.normalise(spec, self.picture())` in every bit.
        """
        return pose.normalise(spec, self.levels, out=out, tone=self.tone)


@dataclass(frozen=True, eq=False)
class Changes:
    """The changes of one crop, in the order in which they are made; None or 0 for a change that is not made.

    Attributes:
        block: Top, left, bottom and right of a block of one colour, in pixels.
        block_rgb: The block's colour.
        blur_sigma: Standard deviation of the Gaussian blur in pixels.
        kernel: (3, 3) float32 sharpening kernel.
        colour: (3, 3) float32 matrix on RGB.
        noise: Standard deviation of the noise in levels.
        dropout: Fraction of pixels that turn black.
        place: Where noise and dropout begin in their pools, in [0, 1).
        tone: (256,) uint8, the new value of each level.
    """

    block: tuple[int, int, int, int] | None
    block_rgb: tuple[int, ...]
    blur_sigma: float
    kernel: np.ndarray | None
    colour: np.ndarray | None
    noise: float
    dropout: float
    place: float
    tone: Tone | None


def draw_changes(rng: np.random.Generator, ranges: AugmentConfig, input_hw: tuple[int, int]) -> Changes:
    """Draw the changes of one crop.

    Args:
        rng: Source of randomness.
        ranges: Ranges and probabilities to draw from.
        input_hw: Height and width of the crop in pixels.
    """

    def happens(probability: float) -> bool:
        return probability > 0 and bool(rng.random() < probability)

    def either(a: float, b: float) -> tuple[float, float]:
        """Both amounts, or one of them and 0 if both are wanted and they exclude each other."""
        if not (ranges.exclusive and a and b):
            return a, b
        return (a, 0.0) if rng.random() < 0.5 else (0.0, b)

    block = _block(rng, ranges.occlude_side, input_hw) if happens(ranges.occlude) else None
    blur_sigma = rng.random() * ranges.blur_sigma if happens(ranges.blur) else 0.0
    kinds = _kinds(rng, ranges)
    kernel = colour = None
    if "sharpen" in kinds:
        kernel = sharpening(rng.random() * ranges.sharpen, 1 + rng.uniform(-1, 1) * ranges.lightness)
    grey = happens(ranges.grey)
    if grey or "colour" in kinds:
        hue, saturation = rng.uniform(-1, 1, 2) * (ranges.hue, ranges.saturation) * ("colour" in kinds)
        colour = colour_matrix(hue, -255 if grey else saturation)
    noise, dropout = either(ranges.noise, ranges.dropout) if "grain" in kinds else (0.0, 0.0)
    brightness, contrast = either(ranges.brightness, ranges.contrast) if "light" in kinds else (0.0, 0.0)
    return Changes(
        block=block,
        block_rgb=tuple(rng.integers(0, 256, 3).tolist()) if block else (0, 0, 0),
        blur_sigma=blur_sigma,
        kernel=kernel,
        colour=colour,
        noise=rng.random() * noise * 255,
        dropout=rng.random() * dropout,
        place=rng.random(),
        tone=tone_table(rng.uniform(-1, 1) * brightness, 1 + rng.uniform(-1, 1) * contrast),
    )


def _kinds(rng: np.random.Generator, ranges: AugmentConfig) -> list[str]:
    """The kinds of operation for this crop, of the four that `AugmentConfig.at_most` limits."""
    wanted = {
        "sharpen": ranges.sharpen > 0,
        "colour": ranges.hue > 0 or ranges.saturation > 0,
        "light": ranges.brightness > 0 or ranges.contrast > 0,
        "grain": ranges.dropout > 0 or ranges.noise > 0,
    }
    kinds = [kind for kind, is_wanted in wanted.items() if is_wanted]
    if ranges.at_most is None:
        return kinds
    count = rng.integers(0, ranges.at_most, endpoint=True)
    return [kinds[i] for i in rng.permutation(len(kinds))[:count]]


def _block(rng: np.random.Generator, longest: float, input_hw: tuple[int, int]) -> tuple[int, int, int, int]:
    """A random block inside the input; each side is at most the fraction `longest` of the input's side."""
    h, w = input_hw
    high, wide, y, x = rng.random(4) * (longest * h, longest * w, 1, 1)
    top, left = y * (h - high), x * (w - wide)
    return round(top), round(left), round(top + high), round(left + wide)


def sharpening(blending: float, lightness: float) -> np.ndarray:
    """A (3, 3) float32 kernel that blends an image with its sharpened version.

    Args:
        blending: Weight of the sharpened version, in [0, 1].
        lightness: Lightness of the sharpened version; its kernel is 8 + lightness, surrounded by -1.
    """
    kernel = np.full((3, 3), -blending, np.float32)
    kernel[1, 1] = 1 - blending + blending * (8 + lightness)
    return kernel


def colour_matrix(hue: float, saturation: float) -> np.ndarray:
    """A (3, 3) float32 matrix on RGB: a rotation about the grey axis, then a scaling of the distance from grey.

    A grey pixel keeps its level. It would not if saturation were added in HSV, where grey has the hue of red.

    Args:
        hue: Rotation in levels; 255 levels are the whole circle.
        saturation: Change in levels; 255 doubles the saturation, -255 leaves the grey of ITU-R BT.601.
    """
    angle, keep = 2 * math.pi * hue / 255, 1 + saturation / 255
    cos, sin = math.cos(angle), math.sin(angle) / math.sqrt(3)
    same, before, after = cos + (1 - cos) / 3, (1 - cos) / 3 - sin, (1 - cos) / 3 + sin
    turn = np.array([[same, before, after], [after, same, before], [before, after, same]])
    return np.asarray(keep * turn + (1 - keep) * (_LUMA @ turn), np.float32)


def tone_table(brightness: float, contrast: float) -> Tone | None:
    """The tone that changes contrast and then brightness; None if it changes nothing.

    Args:
        brightness: Levels to add.
        contrast: Factor of the distance from level 128.
    """
    if not brightness and contrast == 1:
        return None
    # in place, which takes half the time: every crop needs a table
    levels = _FROM_MIDDLE * contrast
    levels += 128 + brightness
    np.rint(levels, out=levels)
    return np.minimum(np.maximum(levels, 0, out=levels), 255, out=levels).astype(np.uint8)


def change(image: np.ndarray, changes: Changes) -> Crop:
    """Make the changes to a crop; its tone is applied later (see `Crop`).

    Args:
        image: (H, W, 3) uint8 RGB; a block is painted into it in place.
        changes: The changes to make.
    """
    if changes.block is not None:
        top, left, bottom, right = changes.block
        image[top:bottom, left:right] = changes.block_rgb
    if changes.blur_sigma:
        image = blurred(image, changes.blur_sigma)
    if changes.kernel is not None:
        image = cv2.filter2D(image, -1, changes.kernel)
    if changes.colour is not None:
        image = cv2.transform(image, changes.colour)
    if changes.noise:
        # from a pool, at a random place: drawing 110,000 normals takes longer than decoding the photo
        grain, strength = _piece(_normal_pool, image.shape, changes.place), changes.noise / _POOL_SIGMA
        image = cv2.addWeighted(image, 1, grain, strength, -128 * strength)
    if changes.dropout:
        stays = _piece(_uniform_pool, image.shape[:2], changes.place) >= changes.dropout * 2**16
        image = cv2.copyTo(image, stays.view(np.uint8))
    return Crop(image, changes.tone)


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Blur an image with a Gaussian, (H, W, 3) uint8. The kernel ends at two sigmas, 95 % of its weight.

    Args:
        image: (H, W, 3) uint8.
        sigma: Standard deviation in pixels.
    """
    side = 2 * math.ceil(2 * sigma) + 1
    return cv2.GaussianBlur(image, (side, side), sigma)


@lru_cache(maxsize=4)
def _normal_pool(size: int) -> np.ndarray:
    """Normally distributed values: (size,) uint8 with mean 128 and standard deviation 32."""
    values = np.random.default_rng(0).normal(128, _POOL_SIGMA, size)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _uniform_pool(size: int) -> np.ndarray:
    """Uniformly distributed values: (size,) uint16."""
    return np.random.default_rng(1).integers(0, 2**16, size, dtype=np.uint16)


def _piece(pool: Callable[[int], np.ndarray], shape: tuple[int, ...], place: float) -> np.ndarray:
    """Take a contiguous piece of a pool in the given shape; it begins at `place`, in [0, 1)."""
    count = math.prod(shape)
    values = pool(max(_POOL, 4 * count))
    begin = int(place * (len(values) - count))
    return values[begin : begin + count].reshape(shape)
