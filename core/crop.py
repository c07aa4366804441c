"""Person box -> one 2x3 matrix -> input image, and back.

Pixel centres are at integer coordinates, as in COCO and OpenCV. A crop is one affine matrix that maps
image pixels to input pixels; the same matrix moves keypoints, its inverse brings predictions back.
"""

from __future__ import annotations

import cv2
import numpy as np


def move_edges(
    rng: np.random.Generator, box_xywh: tuple[float, float, float, float], amount: float
) -> tuple[float, float, float, float]:
    """A box as another detector might have found it: each edge moved by up to +- `amount` of its side."""
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
    """Matrix from image pixels to input pixels.

    box_xywh: (4,) left, top, width, height in image pixels.
    padding: the box is enlarged by this factor, then its shorter side is widened to the input's aspect.
    rotation_deg: the person turns clockwise by it. scale: above 1 the person looks larger.
    shift: the person moves right and down by these fractions of the input.
    flip: mirrored left to right (swap the names too: `Skeleton.flip_index`).
    Returns (2, 3) float64. Raises ValueError for a box without area.
    """
    x, y, w, h = (float(v) for v in box_xywh)
    if not (w > 0 and h > 0 and np.isfinite([x, y, w, h]).all()):
        raise ValueError(f"box {[x, y, w, h]} has no area; expected x, y, width > 0, height > 0")
    in_h, in_w = input_hw
    zoom = scale * min(in_w / (w * padding), in_h / (h * padding))
    angle = np.deg2rad(rotation_deg)
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]])
    if flip:
        linear[0] *= -1
    # a box of width w covers [x - 0.5, x + w - 0.5] in pixel-centre coordinates, as the input covers
    # [-0.5, W - 0.5]: a crop of the whole image at zoom 1 is the image itself
    middle = np.array([x + (w - 1) / 2, y + (h - 1) / 2])
    target = np.array([(in_w - 1) / 2 + shift[0] * in_w, (in_h - 1) / 2 + shift[1] * in_h])
    return np.column_stack([linear, target - linear @ middle])


def invert(matrix: np.ndarray) -> np.ndarray:
    """Inverse of one (2, 3) or of (..., 2, 3) affine matrices, float64."""
    inverse = np.linalg.inv(np.asarray(matrix, np.float64)[..., :2])
    offset = -inverse @ np.asarray(matrix, np.float64)[..., 2:]
    return np.concatenate([inverse, offset], axis=-1)


def move_points(points_xy: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (..., K, 2) through matrices (..., 2, 3); float64 of the same shape."""
    matrix = np.asarray(matrix, np.float64)
    return np.asarray(points_xy, np.float64) @ np.swapaxes(matrix[..., :2], -1, -2) + matrix[..., None, :, 2]


def move_box(box_xywh: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A box (4,) left, top, width, height through a matrix (2, 3) that neither turns nor mirrors; float64 (4,)."""
    box, edge = np.asarray(box_xywh, np.float64), 0.5  # a box begins half a pixel before its first pixel's centre
    corners = move_points(np.array([box[:2], box[:2] + box[2:]]) - edge, matrix) + edge
    return np.concatenate([corners[0], corners[1] - corners[0]])


def warp(image: np.ndarray, matrix: np.ndarray, input_hw: tuple[int, int]) -> np.ndarray:
    """The crop itself: (H, W, 3) uint8, bilinear; black where the image ends.

    image: (h, w, 3) uint8 RGB.
    """
    h, w = input_hw
    return cv2.warpAffine(image, matrix, (w, h), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
