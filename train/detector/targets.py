"""What a person detector is trained on: the centre of each person, and the box that the cells around it should give."""

from __future__ import annotations

import math

import numpy as np

# channels of a target, after which `loss` unpacks them
CENTRE, COUNTS, BOX, WEIGHT = 0, 1, slice(2, 6), 6
CHANNELS = 7
# share of the box that the ellipse around a centre covers (Liu et al. 2019, "Training-Time-Friendly Network")
_SHARE = 0.54
_LEAST_SIGMA, _LEAST_BOX_SIGMA = 0.35, 0.5  # cells
_LEAST_CENTRE, _LEAST_WEIGHT = 0.01, 0.1


def encode(boxes_xywh: np.ndarray, counts: np.ndarray, stride: int, cells_hw: tuple[int, int]) -> np.ndarray:
    """Make the target of one picture.

    Args:
        boxes_xywh: (N, 4) left, top, width, height in input pixels.
        counts: (N,) bool; False for a box in which a find is neither right nor wrong, such as a crowd.
        stride: Input pixels per cell.
        cells_hw: Height and width of the output in cells.

    Returns:
        (h, w, 7) float32: the centre map, 1 at a person's centre and falling around it; 0 where a find does not count
        and 1 elsewhere; middle, width and height of the person's box in cells; and the weight of that box.
    """
    target = np.zeros((*cells_hw, CHANNELS), np.float32)
    target[..., COUNTS] = 1
    rows, columns = np.mgrid[: cells_hw[0], : cells_hw[1]].astype(np.float32)
    # large people first, so that the cells of a small one in front are its own
    for i in np.argsort(-boxes_xywh[:, 2] * boxes_xywh[:, 3], kind="stable"):
        left, top, width, height = boxes_xywh[i]
        x = (left + (width - 1) / 2 - (stride - 1) / 2) / stride
        y = (top + (height - 1) / 2 - (stride - 1) / 2) / stride
        w, h = width / stride, height / stride
        if not counts[i]:
            inside = (abs(columns - x) <= max(w / 2, 0.5)) & (abs(rows - y) <= max(h / 2, 0.5))
            target[inside, COUNTS] = 0
            continue
        u, v = (int(np.clip(round(float(c)), 0, n - 1)) for c, n in ((x, cells_hw[1]), (y, cells_hw[0])))
        around = _bump(columns - u, rows - v, w, h, _LEAST_SIGMA)
        target[..., CENTRE] = np.maximum(target[..., CENTRE], around * (around > _LEAST_CENTRE))
        weight = _bump(columns - u, rows - v, w, h, _LEAST_BOX_SIGMA)
        near = weight > _LEAST_WEIGHT
        # each person weighs by the log of the area, however many cells there are
        target[near, WEIGHT] = weight[near] / weight[near].sum() * (math.log(max(w * h, 1.0)) + 1)
        target[near, BOX] = x, y, w, h
    target[target[..., CENTRE] >= 1, COUNTS] = 1
    return target


def _bump(dx: np.ndarray, dy: np.ndarray, w: float, h: float, least: float) -> np.ndarray:
    sx, sy = max(_SHARE * w / 6, least), max(_SHARE * h / 6, least)
    return np.exp(-(dx**2 / (2 * sx**2) + dy**2 / (2 * sy**2)))
