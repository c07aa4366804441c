"""Draw the photos of a report: one person with the poses of two networks, and the heatmaps of each."""

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
    """Draw each pose over one person's crop, side by side.

    Args:
        image: (h, w, 3) uint8 RGB.
        box_xywh: The person's box, in pixels of the image.
        found: Poses (K, 3): x, y in image pixels and score. Points with score 0 are not drawn.
        captions: One text per pose.
        skeleton: The keypoints and limbs.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    matrix = crop.crop_matrix(np.asarray(box_xywh), PHOTO_HW, _PADDING)
    cropped = crop.warp(image, matrix, PHOTO_HW)
    sides = []
    for pose, text in zip(found, captions, strict=True):
        points = np.column_stack([crop.move_points(pose[:, :2], matrix), pose[:, 2]])
        # drawn on the small crop, not on the photo, so that lines have the same width in all pictures
        drawn = draw.skeleton_overlay(cropped, points[None], skeleton, threshold=1e-6)
        sides.append(draw.caption(drawn, text))
    return _row(sides)


def heatmaps(crops: np.ndarray, maps: Sequence[np.ndarray | None], skeleton: Skeleton) -> np.ndarray:
    """Draw the heatmaps of each network over its crop, side by side.

    Args:
        crops: (2, H, W, 3) uint8 RGB.
        maps: Per network (h, w, K) float that peak at about 1; None to show the crop alone, darkened.
        skeleton: The keypoints.

    Returns:
        (h, w, 3) uint8 RGB.
    """
    h, w = crops.shape[1:3]
    size = PHOTO_HW[1], round(PHOTO_HW[1] * h / w)
    no_maps = np.zeros((1, 1, len(skeleton)), np.float32)
    sides = []
    for cropped, own_maps in zip(crops, maps, strict=True):
        large = cv2.resize(cropped, size, interpolation=cv2.INTER_LINEAR)
        overlay = draw.heatmap_overlay(large, no_maps if own_maps is None else own_maps, skeleton)
        sides.append(draw.caption(overlay, "no heatmaps" if own_maps is None else "heatmaps"))
    return _row(sides)


def jpeg(rows: Sequence[np.ndarray]) -> bytes:
    """Stack rows of pictures and encode them as a JPEG.

    Args:
        rows: (h, w, 3) uint8 RGB each, of equal width.

    Returns:
        The bytes.
    """
    gap = np.full((_GAP_PX, rows[0].shape[1], 3), 255, np.uint8)
    return encode_image(np.concatenate([part for row in rows for part in (row, gap)][:-1]), ".jpg", 85)


def _row(sides: Sequence[np.ndarray]) -> np.ndarray:
    """Join pictures of equal height side by side, with a white gap between them."""
    gap = np.full((sides[0].shape[0], _GAP_PX, 3), 255, np.uint8)
    return draw.beside([part for side in sides for part in (side, gap)][:-1])
