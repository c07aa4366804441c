"""What augmentation does to the pixels of a crop: drawn first, then done, each operation in one pass.

Everything that maps each level by itself (brightness, contrast, equalising, solarising, posterising) is
composed into one table, the crop's tone, which `pose.normalise` applies in the pass that it makes anyway.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from poseport.train.samples.augment import AugmentConfig

Tone = np.ndarray  # (256,) uint8: what becomes of each level

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_POOL = 1 << 20
_POOL_SIGMA = 32.0


@dataclass(frozen=True, eq=False)
class Changes:
    """What one crop gets, in this order; None or 0 for what it does not get.

    block: top, left, bottom, right in pixels; block_rgb: its colour. blur_sigma: in pixels. kernel: (3, 3)
    that sharpens. colour: (3, 3) on RGB. noise: standard deviation in levels. dropout: fraction of pixels.
    place: in [0, 1), where in the pools noise and dropout begin. equalize: the histogram is made even before
    `tone`.
    """

    block: tuple[int, int, int, int] | None
    block_rgb: tuple[int, ...]
    blur_sigma: float
    kernel: np.ndarray | None
    colour: np.ndarray | None
    noise: float
    dropout: float
    place: float
    equalize: bool
    tone: Tone | None


def draw_changes(rng: np.random.Generator, ranges: AugmentConfig, input_hw: tuple[int, int]) -> Changes:
    """Draw what one crop gets."""

    def happens(probability: float) -> bool:
        return probability > 0 and bool(rng.random() < probability)

    def either(a: float, b: float) -> tuple[float, float]:
        """Both, or one of the two and 0 where they exclude each other and both are wanted."""
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
        equalize=happens(ranges.equalize),
        tone=tone_table(
            rng.uniform(-1, 1) * brightness,
            1 + rng.uniform(-1, 1) * contrast,
            solarize=happens(ranges.solarize),
            posterize=happens(ranges.posterize),
        ),
    )


def _kinds(rng: np.random.Generator, ranges: AugmentConfig) -> list[str]:
    """Which of the four kinds of operation that `at_most` counts this crop gets."""
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
    """A block anywhere inside the input, each side up to `longest` of the input's."""
    h, w = input_hw
    high, wide, y, x = rng.random(4) * (longest * h, longest * w, 1, 1)
    top, left = y * (h - high), x * (w - wide)
    return round(top), round(left), round(top + high), round(left + wide)


def sharpening(blending: float, lightness: float) -> np.ndarray:
    """Kernel (3, 3) float32 that mixes an image (0) with its edges over it (1: 8 + lightness amid -1)."""
    kernel = np.full((3, 3), -blending, np.float32)
    kernel[1, 1] = 1 - blending + blending * (8 + lightness)
    return kernel


def colour_matrix(hue: float, saturation: float) -> np.ndarray:
    """Matrix (3, 3) float32 on RGB: a turn around the grey axis, then nearer to grey or further from it.

    hue, saturation: in levels of 255; saturation -255 leaves the grey of ITU-R BT.601. A grey pixel
    keeps its level, as it would not if saturation were added in HSV, where grey has the hue of red.
    """
    angle, keep = 2 * math.pi * hue / 255, 1 + saturation / 255
    cos, sin = math.cos(angle), math.sin(angle) / math.sqrt(3)
    same, before, after = cos + (1 - cos) / 3, (1 - cos) / 3 - sin, (1 - cos) / 3 + sin
    turn = np.array([[same, before, after], [after, same, before], [before, after, same]])
    return np.asarray(keep * turn + (1 - keep) * (_LUMA @ turn), np.float32)


def tone_table(brightness: float, contrast: float, *, solarize: bool = False, posterize: bool = False) -> Tone | None:
    """Contrast around 128 and brightness in levels, then levels above 127 upside down, then four bits of each.

    None for the table that changes nothing.
    """
    if not brightness and contrast == 1 and not solarize and not posterize:
        return None
    levels = np.rint((np.arange(256) - 128) * contrast + (128 + brightness)).clip(0, 255)
    if solarize:
        levels = np.where(levels < 128, levels, 255 - levels)
    if posterize:
        levels = levels // 16 * 16
    return levels.astype(np.uint8)


def change(image: np.ndarray, changes: Changes) -> tuple[np.ndarray, Tone | None]:
    """The changes done to (H, W, 3) uint8 RGB, which a block may be painted into, all but the tone.

    Returns (H, W, 3) uint8 and the tone that its levels are still to go through, None for levels that stay.
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
        kept = _piece(_uniform_pool, image.shape[:2], changes.place) >= changes.dropout * 2**16
        image = cv2.copyTo(image, kept.view(np.uint8))
    if not changes.equalize:
        return image, changes.tone
    even = equalizing(image)
    return image, even if changes.tone is None else changes.tone[even]


def blurred(image: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; sigma in pixels. The kernel ends at two sigmas, beyond which lies a twentieth of it."""
    side = 2 * math.ceil(2 * sigma) + 1
    return cv2.GaussianBlur(image, (side, side), sigma)


def equalizing(image: np.ndarray) -> Tone:
    """The tone that makes the histogram of an image even, all channels counted together."""
    counts = cv2.calcHist([image.reshape(-1, 1)], [0], None, [256], [0, 256]).ravel()
    return (255 * np.cumsum(counts) / image.size).astype(np.uint8)


@lru_cache(maxsize=4)
def _normal_pool(size: int) -> np.ndarray:
    """(size,) uint8 of mean 128 and standard deviation 32."""
    values = np.random.default_rng(0).normal(128, _POOL_SIGMA, size)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _uniform_pool(size: int) -> np.ndarray:
    """(size,) uint16."""
    return np.random.default_rng(1).integers(0, 2**16, size, dtype=np.uint16)


def _piece(pool: Callable[[int], np.ndarray], shape: tuple[int, ...], place: float) -> np.ndarray:
    """A stretch of a pool in the given shape; place: in [0, 1), where it begins."""
    count = math.prod(shape)
    values = pool(max(_POOL, 4 * count))
    begin = int(place * (len(values) - count))
    return values[begin : begin + count].reshape(shape)
