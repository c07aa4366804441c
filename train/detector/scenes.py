"""Training pictures of a person detector: photos scaled, moved, mirrored, coloured, and four in one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from poseport.data.images import read_image
from poseport.train.samples.pixels import sharpening

_LEAST_SEEN = 0.3  # share of a person inside the picture, below which a find is neither right nor wrong


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo with the boxes of its people.

    Attributes:
        path: The image file.
        image_hw: Height and width in pixels, as annotated.
        boxes_xywh: (N, 4) left, top, width, height in pixels.
        counts: (N,) bool; False where a find is neither right nor wrong: crowds and unsure finds of a teacher.
    """

    path: Path
    image_hw: tuple[int, int]
    boxes_xywh: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class SceneConfig:
    """How training pictures are drawn.

    Attributes:
        scale: Smallest and largest zoom, 1 for a photo that fits the picture.
        aspect: Largest change of the ratio of width and height, as a share.
        flip: Probability of mirroring.
        mosaic: Probability that a picture is made of four photos, each in a quarter.
        mosaic_scale: Zoom of a photo in its quarter.
        brightness: Largest change, in levels of 256.
        contrast: Largest change, as a share.
        saturation: Largest change, as a share.
        grey: Probability of a picture without colours.
        blur: Probability of blurring, by up to 1.2 pixels.
        sharpen: Largest blending factor of the sharpened picture: photos that were kept small are softer than a
            camera's.
        least_side: People whose longer side is less than this many input pixels do not count.
    """

    scale: tuple[float, float] = (0.5, 1.4)
    aspect: float = 0.1
    flip: float = 0.5
    mosaic: float = 0.3
    mosaic_scale: tuple[float, float] = (0.7, 2.0)
    brightness: float = 25.0
    contrast: float = 0.3
    saturation: float = 0.5
    grey: float = 0.05
    blur: float = 0.1
    sharpen: float = 0.25
    least_side: float = 10.0


def draw(
    rng: np.random.Generator, photos: Sequence[Photo], size_hw: tuple[int, int], settings: SceneConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw one training picture.

    Args:
        rng: The source of randomness.
        photos: The photos to draw from.
        size_hw: Height H and width W of the picture.
        settings: How it is drawn.

    Returns:
        (H, W, 3) uint8 RGB, boxes (N, 4) in its pixels, and (N,) bool, which of them count.
    """
    if rng.random() >= settings.mosaic:
        photo = photos[int(rng.integers(len(photos)))]
        picture, boxes, counts = _place(rng, photo, size_hw, settings.scale, settings)
        return _coloured(rng, picture, settings), boxes, counts
    middle = size_hw[0] // 2, size_hw[1] // 2
    picture = np.zeros((*size_hw, 3), np.uint8)
    every: list[np.ndarray] = []
    flags: list[np.ndarray] = []
    for top, bottom in ((0, middle[0]), (middle[0], size_hw[0])):
        for left, right in ((0, middle[1]), (middle[1], size_hw[1])):
            photo = photos[int(rng.integers(len(photos)))]
            part, boxes, counts = _place(rng, photo, (bottom - top, right - left), settings.mosaic_scale, settings)
            picture[top:bottom, left:right] = part
            every.append(boxes + np.array([left, top, 0, 0]))
            flags.append(counts)
    return _coloured(rng, picture, settings), np.concatenate(every), np.concatenate(flags)


def _place(
    rng: np.random.Generator, photo: Photo, size_hw: tuple[int, int], zoom: tuple[float, float], settings: SceneConfig
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A photo at a random zoom and place; where it is larger than the picture, somebody's middle stays inside."""
    image, boxes = read_image(photo.path, photo.image_hw), photo.boxes_xywh.astype(np.float64)
    h, w = image.shape[:2]
    scale = min(size_hw[1] / w, size_hw[0] / h) * math.exp(rng.uniform(*np.log(zoom)))
    stretch = math.sqrt(1 + rng.uniform(-settings.aspect, settings.aspect))
    scale_xy = np.array([scale * stretch, scale / stretch])
    if rng.random() < settings.flip:
        image = image[:, ::-1]
        boxes = boxes * np.array([-1, 1, 1, 1]) + np.array([w, 0, 0, 0]) - boxes[:, [2]] * np.array([1, 0, 0, 0])
    sure = boxes[photo.counts]
    middle = (sure[rng.integers(len(sure))] if len(sure) else np.array([0, 0, w, h])) @ _MIDDLE * scale_xy
    move = np.array([
        _offset(rng, n, size, m) for n, size, m in zip(scale_xy * [w, h], size_hw[::-1], middle, strict=True)
    ])  # fmt: skip
    if scale < 0.6:  # the mean of the pixels first, because bilinear interpolation would skip some
        small_wh = np.maximum(np.rint(scale_xy * [w, h]), 1).astype(int)
        image = cv2.resize(image, (int(small_wh[0]), int(small_wh[1])), interpolation=cv2.INTER_AREA)
        zoom_xy = scale_xy * [w, h] / small_wh
    else:
        zoom_xy = scale_xy
    matrix = np.column_stack([np.diag(zoom_xy), move + (zoom_xy - 1) / 2])
    shade = int(rng.integers(256)) if rng.random() < 0.3 else 0
    picture = cv2.warpAffine(
        np.ascontiguousarray(image), matrix, size_hw[::-1], flags=cv2.INTER_LINEAR, borderValue=(shade,) * 3
    )
    boxes = np.concatenate([boxes[:, :2] * scale_xy + move, boxes[:, 2:] * scale_xy], axis=-1)
    return picture, *_clipped(boxes, photo.counts, size_hw, settings.least_side)


_MIDDLE = np.array([[1, 0], [0, 1], [0.5, 0], [0, 0.5]])


def _offset(rng: np.random.Generator, length: float, size: int, middle: float) -> float:
    """Where a photo of a length begins on an axis of the picture."""
    if length <= size:
        return float(rng.uniform(0, size - length))
    low, high = max(size - length, 0.1 * size - middle), min(0.0, 0.9 * size - middle)
    return float(rng.uniform(min(low, high), max(low, high)))


def _clipped(
    boxes: np.ndarray, counts: np.ndarray, size_hw: tuple[int, int], least_side: float
) -> tuple[np.ndarray, np.ndarray]:
    """The parts of boxes inside the picture; those of which little is left, or that are small, do not count."""
    start = np.maximum(boxes[:, :2], 0)
    end = np.minimum(boxes[:, :2] + boxes[:, 2:], np.array(size_hw[::-1]))
    sides = end - start
    there = (sides > 1).all(axis=1)
    inside = np.concatenate([start, sides], axis=-1)[there]
    seen = inside[:, 2:].prod(axis=1) / np.maximum(boxes[there, 2:].prod(axis=1), 1e-6)
    return inside, counts[there] & (seen > _LEAST_SEEN) & (inside[:, 2:].max(axis=1, initial=0) >= least_side)


def _coloured(rng: np.random.Generator, picture: np.ndarray, settings: SceneConfig) -> np.ndarray:
    contrast = 1 + rng.uniform(-settings.contrast, settings.contrast)
    values = picture.astype(np.float32) * contrast + rng.uniform(-settings.brightness, settings.brightness)
    grey = values.mean(axis=2, keepdims=True)
    share = 0.0 if rng.random() < settings.grey else 1 + rng.uniform(-settings.saturation, settings.saturation)
    made: np.ndarray = np.clip(grey + share * (values - grey), 0, 255).astype(np.uint8)
    if rng.random() < settings.blur:
        made = cv2.GaussianBlur(made, (0, 0), rng.uniform(0.3, 1.2))
    return cv2.filter2D(made, -1, sharpening(rng.random() * settings.sharpen, 1.0))
