"""The codec of the person detector: a picture becomes its input, and its output becomes boxes.

Zhou, Wang and Krähenbühl 2019, "Objects as Points". Every cell has the score of being a person's centre, the way from
the cell to the centre, and the size of the person. The cells around a centre were trained on the same box, so the box
is their mean ("box voting", Gidaris and Komodakis 2015). The Android app does the same (`Centers.kt`).
"""

from __future__ import annotations

import cv2
import numpy as np

from poseport import crop
from poseport.people.detector_spec import DetectorSpec

# log of a side in cells, and the way to a centre in cells: larger ones are the errors of an untrained network
_LARGEST_LOG, _FARTHEST = 5.0, 64.0
# Cells that vote on a box: those at most so far from its centre whose boxes overlap that of the centre so much. Chosen
# on 230 COCO photos kept out of the training of `person`.
_VOTERS, _ALIKE = 2, 0.7


def letterbox(image: np.ndarray, input_hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Fit a whole picture into the input, centred, with black beside it.

    A picture that is more than twice as large is first reduced by a whole factor, each pixel the mean of a square, so
    that no line of it is skipped.

    Args:
        image: (h, w, 3) uint8 RGB.
        input_hw: height H and width W of the input in pixels.

    Returns:
        (H, W, 3) uint8 RGB, and the (2, 3) float64 matrix from the picture's pixels to those of the input.
    """
    h, w = image.shape[:2]
    whole = np.array([0.0, 0.0, w, h])
    matrix = crop.crop_matrix(whole, input_hw, padding=1.0)
    factor = int(1 / matrix[0, 0])
    if factor < 2:
        return crop.warp(image, matrix, input_hw), matrix
    rows, columns = h // factor, w // factor
    small = cv2.resize(image[: rows * factor, : columns * factor], (columns, rows), interpolation=cv2.INTER_AREA)
    # pixel u of the small picture is the mean of the pixels factor * u to factor * u + factor - 1
    grown = np.array([[factor, 0.0, (factor - 1) / 2], [0.0, factor, (factor - 1) / 2]])
    onto = np.column_stack([matrix[:, :2] @ grown[:, :2], matrix[:, :2] @ grown[:, 2] + matrix[:, 2]])
    return crop.warp(small, onto, input_hw), matrix


def decode(spec: DetectorSpec, output: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turn the output for one picture into boxes of people.

    A cell counts if its score is the largest of the 3x3 cells around it and not below the threshold. Its box is the
    mean, weighted by score, of those boxes of the 5x5 cells around it that are alike. Of boxes that overlap more than
    `spec.overlap`, the best stays.

    Args:
        spec: the detector's spec.
        output: (h, w, 5) float32: logit of the centre, x and y to the centre in cells, logs of width and height.
        matrix: (2, 3) from `letterbox`.

    Returns:
        Boxes (N, 4) float64 left, top, width, height in the picture's pixels, and scores (N,) float64 from 0 to 1, best
        first.
    """
    scores = 1 / (1 + np.exp(-output[..., 0].astype(np.float64)))
    scores[~np.isfinite(scores)] = 0
    highest = cv2.dilate(scores, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    v, u = np.nonzero((scores >= highest) & (scores >= spec.threshold))
    best = np.argsort(-scores[v, u], kind="stable")
    v, u = v[best], u[best]
    cells = _vote(_boxes_in_cells(output), scores, v, u)
    middle = spec.stride * (cells[:, :2] + cells[:, 2:] / 2) + (spec.stride - 1) / 2
    back = crop.invert(matrix)
    sides = back[0, 0] * spec.stride * cells[:, 2:]
    boxes = np.concatenate([crop.move_points(middle, back) - (sides - 1) / 2, sides], axis=-1)
    kept = suppress(boxes, spec.overlap)[: spec.most]
    return boxes[kept], scores[v, u][kept]


def _boxes_in_cells(output: np.ndarray) -> np.ndarray:
    """The box of every cell: (h, w, 4) float64 left, top, width, height in cells, between the cells' middles."""
    values = np.nan_to_num(output[..., 1:].astype(np.float64))
    rows, columns = np.mgrid[: output.shape[0], : output.shape[1]]
    middle = np.stack([columns, rows], axis=-1) + np.clip(values[..., :2], -_FARTHEST, _FARTHEST)
    sides = np.exp(np.clip(values[..., 2:], -_LARGEST_LOG, _LARGEST_LOG))
    return np.concatenate([middle - sides / 2, sides], axis=-1)


def _vote(boxes: np.ndarray, scores: np.ndarray, v: np.ndarray, u: np.ndarray) -> np.ndarray:
    """The mean boxes (N, 4) around the cells v, u (N,) of boxes (h, w, 4) with scores (h, w)."""
    steps = np.arange(-_VOTERS, _VOTERS + 1)
    rows, columns = (np.repeat(v[:, None] + steps, len(steps), axis=1), np.tile(u[:, None] + steps, len(steps)))
    inside = (rows >= 0) & (rows < scores.shape[0]) & (columns >= 0) & (columns < scores.shape[1])
    rows, columns = rows.clip(0, scores.shape[0] - 1), columns.clip(0, scores.shape[1] - 1)
    near = boxes[rows, columns]
    alike = _iou(boxes[v, u][:, None], near) >= _ALIKE
    weights = scores[rows, columns] * (inside & alike)
    means: np.ndarray = (weights[..., None] * near).sum(axis=1) / weights.sum(axis=1, keepdims=True)
    return means


def suppress(boxes_xywh: np.ndarray, overlap: float) -> np.ndarray:
    """Select boxes that no better one covers.

    Args:
        boxes_xywh: (N, 4) left, top, width, height, best first.
        overlap: boxes with a larger intersection over union with a better one that stays are dropped.

    Returns:
        Indices of the boxes that stay, best first.
    """
    return keep_best(iou(boxes_xywh, boxes_xywh), overlap)


def keep_best(alike: np.ndarray, most_alike: float) -> np.ndarray:
    """Select the finds that are not too much like a better one that stays.

    Args:
        alike: (N, N) similarity of each find with each, best find first.
        most_alike: a find whose similarity with a better one that stays is larger is dropped.

    Returns:
        Indices of the finds that stay, best first.
    """
    kept: list[int] = []
    for i, row in enumerate(alike):
        if not kept or row[kept].max() <= most_alike:
            kept.append(i)
    return np.array(kept, int)


def shared_areas(first_xywh: np.ndarray, second_xywh: np.ndarray) -> np.ndarray:
    """Compute the areas that boxes share.

    Args:
        first_xywh: (N, 4) left, top, width, height.
        second_xywh: (M, 4).

    Returns:
        (N, M) float64.
    """
    return _shared(np.asarray(first_xywh, np.float64)[:, None], np.asarray(second_xywh, np.float64)[None])


def iou(first_xywh: np.ndarray, second_xywh: np.ndarray) -> np.ndarray:
    """Compute the intersection over union of boxes.

    Args:
        first_xywh: (N, 4) left, top, width, height.
        second_xywh: (M, 4).

    Returns:
        (N, M) float64 from 0 to 1.
    """
    return _iou(np.asarray(first_xywh, np.float64)[:, None], np.asarray(second_xywh, np.float64)[None])


def _shared(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The areas that boxes (..., 4) share, each with the one at its place."""
    start = np.maximum(a[..., :2], b[..., :2])
    end = np.minimum(a[..., :2] + a[..., 2:], b[..., :2] + b[..., 2:])
    areas: np.ndarray = np.clip(end - start, 0, None).prod(axis=-1)
    return areas


def _iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (..., 4), each with the one at its place."""
    shared = _shared(a, b)
    union = a[..., 2:].prod(axis=-1) + b[..., 2:].prod(axis=-1) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
