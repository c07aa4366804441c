"""Photos of a report: one person, once with each of two poses, and what each network looked at."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from poseport import crop, draw
from poseport.data.images import encode_image
from poseport.skeleton import Skeleton

PHOTO_HW = (260, 200)
_PADDING = 1.3
_GAP_PX = 4


def poses(
    image: np.ndarray,
    box_xywh: tuple[float, float, float, float],
    found: Sequence[np.ndarray],
    captions: Sequence[str],
    skeleton: Skeleton,
) -> np.ndarray:
    """One person's crop, once with each pose drawn over it, side by side: (h, w, 3) uint8.

    image: (h, w, 3) uint8 RGB. box_xywh: in its pixels. found: each (K, 3) x, y in image pixels and a
    score; points that score 0 are left out.
    """
    matrix = crop.crop_matrix(np.asarray(box_xywh), PHOTO_HW, _PADDING)
    cut = crop.warp(image, matrix, PHOTO_HW)
    sides = []
    for pose, text in zip(found, captions, strict=True):
        points = np.column_stack([crop.move_points(pose[:, :2], matrix), pose[:, 2]])
        # drawn on the small crop, not on the photo, so that lines are equally thin in all
        drawn = draw.skeleton_overlay(cut, points[None], skeleton, threshold=1e-6)
        sides.append(draw.caption(drawn, text))
    return _row(sides)


def heatmaps(crops: np.ndarray, maps: Sequence[np.ndarray | None], skeleton: Skeleton) -> np.ndarray:
    """What each network was shown, with its maps over it, side by side: (h, w, 3) uint8.

    crops: (2, H, W, 3) uint8 RGB. maps: of each (h, w, K) that peak at about 1; None: only the crop, darkened.
    """
    h, w = crops.shape[1:3]
    size = PHOTO_HW[1], round(PHOTO_HW[1] * h / w)
    nothing = np.zeros((1, 1, len(skeleton)), np.float32)
    sides = []
    for cut, own in zip(crops, maps, strict=True):
        large = cv2.resize(cut, size, interpolation=cv2.INTER_LINEAR)
        overlay = draw.heatmap_overlay(large, nothing if own is None else own, skeleton)
        sides.append(draw.caption(overlay, "no heatmaps" if own is None else "heatmaps"))
    return _row(sides)


def jpeg(rows: Sequence[np.ndarray]) -> bytes:
    """Rows of equal width below each other, as a JPEG."""
    gap = np.full((_GAP_PX, rows[0].shape[1], 3), 255, np.uint8)
    return encode_image(np.concatenate([part for row in rows for part in (row, gap)][:-1]), ".jpg", 85)


def _row(sides: Sequence[np.ndarray]) -> np.ndarray:
    gap = np.full((sides[0].shape[0], _GAP_PX, 3), 255, np.uint8)
    return draw.beside([part for side in sides for part in (side, gap)][:-1])
