"""Map a person's box to the input of a network, and back, by one 2x3 matrix.

Pixel centres are at integer coordinates, as in COCO and OpenCV. A crop is one affine matrix that maps
image pixels to input pixels; the same matrix moves keypoints, its inverse brings predictions back.
"""

from __future__ import annotations

import math

import cv2
import numpy as np


def move_edges(
    rng: np.random.Generator, box_xywh: tuple[float, float, float, float], amount: float
) -> tuple[float, float, float, float]:
    """Move each edge of a box at random, as another detector might have placed it.

    Args:
        rng: the source of randomness.
        box_xywh: left, top, width, height in pixels.
        amount: largest shift as a share of the side, in either direction, below 0.5.

    Returns:
        Left, top, width, height in pixels.
    """
    x, y, w, h = box_xywh
    left, right, top, bottom = rng.uniform(-amount, amount, 4)
    return x + left * w, y + top * h, w * (1 + right - left), h * (1 + bottom - top)


def crop_matrix(
    box_xywh: np.ndarray,
    input_hw: tuple[int, int],
    padding: float,
    *,
    rotation_deg: float = 0.0,
    scale: float = 1.0,
    shift: tuple[float, float] = (0.0, 0.0),
    flip: bool = False,
) -> np.ndarray:
    """Make the affine matrix that maps image pixels to input pixels.

    Args:
        box_xywh: (4,) left, top, width, height in image pixels.
        input_hw: height and width of the network's input in pixels.
        padding: factor by which the box is enlarged; then its shorter side is widened to the input's aspect ratio.
        rotation_deg: angle by which the person is turned clockwise.
        scale: zoom; above 1 the person is larger.
        shift: shares of the input's width and height by which the person is moved right and down.
        flip: mirror left to right. The names of the keypoints must be swapped as well: `Skeleton.flip_index`.

    Returns:
        (2, 3) float64.

    Raises:
        ValueError: if the box has no area.
    """
    x, y, w, h = (float(v) for v in box_xywh)
    if not (w > 0 and h > 0 and all(map(math.isfinite, (x, y, w, h)))):
        raise ValueError(f"box {[x, y, w, h]} has no area; expected x, y, width > 0, height > 0")
    in_h, in_w = input_hw
    zoom = scale * min(in_w / (w * padding), in_h / (h * padding))
    angle = math.radians(rotation_deg)
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    across, slant = (-cos, sin) if flip else (cos, -sin)
    # a box of width w covers [x - 0.5, x + w - 0.5] in pixel-centre coordinates, as the input covers
    # [-0.5, W - 0.5]: a crop of the whole image at zoom 1 is the image itself
    middle_x, middle_y = x + (w - 1) / 2, y + (h - 1) / 2
    target_x, target_y = (in_w - 1) / 2 + shift[0] * in_w, (in_h - 1) / 2 + shift[1] * in_h
    # number by number: on arrays this small NumPy's calls take five times as long, once for every crop
    return np.array(
        [
            [across, slant, target_x - (across * middle_x + slant * middle_y)],
            [sin, cos, target_y - (sin * middle_x + cos * middle_y)],
        ]
    )


def invert(matrix: np.ndarray) -> np.ndarray:
    """Invert affine matrices.

    Args:
        matrix: (..., 2, 3).

    Returns:
        (..., 2, 3) float64.
    """
    inverse = np.linalg.inv(np.asarray(matrix, np.float64)[..., :2])
    offset = -inverse @ np.asarray(matrix, np.float64)[..., 2:]
    return np.concatenate([inverse, offset], axis=-1)


def move_points(points_xy: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map points through affine matrices.

    Args:
        points_xy: (..., K, 2) x, y.
        matrix: (..., 2, 3).

    Returns:
        (..., K, 2) float64 x, y.
    """
    matrix = np.asarray(matrix, np.float64)
    return np.asarray(points_xy, np.float64) @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]


def move_box(box_xywh: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Map a box through an affine matrix that neither rotates nor mirrors.

    Args:
        box_xywh: (4,) left, top, width, height.
        matrix: (2, 3).

    Returns:
        (4,) float64 left, top, width, height.
    """
    box, edge = np.asarray(box_xywh, np.float64), 0.5  # a box begins half a pixel before its first pixel's centre
    corners = move_points(np.array([box[:2], box[:2] + box[2:]]) - edge, matrix) + edge
    return np.concatenate([corners[0], corners[1] - corners[0]])


def warp(image: np.ndarray, matrix: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """Cut the crop out of the image, with bilinear interpolation.

    Args:
        image: (h, w, 3) uint8 RGB.
        matrix: (2, 3) from image pixels to input pixels.
        input_hw: height H and width W of the crop in pixels.

    Returns:
        (H, W, 3) uint8 RGB; black outside the image.
    """
    h, w = input_hw
    return cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
