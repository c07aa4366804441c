"""Draw poses and heatmaps over images."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from poseport.skeleton import Skeleton

Colour = tuple[int, int, int]

# Left, right and middle, far apart in hue and brightness, also for the colour-blind (Okabe and Ito's orange,
# blue and yellow). If a network swaps left and right, its keypoints are wrong by the width of a body while the stick
# figure keeps its shape: only the colours show the error.
SIDE_COLOURS: tuple[Colour, Colour, Colour] = (230, 110, 0), (0, 130, 255), (245, 240, 80)
_RIM: Colour = (20, 20, 20)
_SHIFT = 4
# Farther out, OpenCV's fixed-point coordinates overflow; such a point is not only outside the image, but wrong.
_FAR_PX = 2**14


def skeleton_overlay(
    image: np.ndarray,
    keypoints: np.ndarray,
    skeleton: Skeleton,
    *,
    threshold: float = 0.2,
    colours: tuple[Colour, Colour, Colour] | None = None,
) -> np.ndarray:
    """Draw the limbs and keypoints of people into a copy of the image.

    Args:
        image: (h, w, 3) uint8 RGB.
        keypoints: (N, K, 3) x, y in image pixels and a score.
        skeleton: names and limbs of the keypoints.
        threshold: keypoints with a lower score are not drawn, nor are the limbs that end at them.
        colours: RGB of the left, right and middle limbs; None takes `SIDE_COLOURS`.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        ValueError: if image or keypoints have another type or shape.
    """
    keypoints = np.asarray(keypoints, np.float64)
    _check_image(image)
    if keypoints.ndim != 3 or keypoints.shape[1:] != (len(skeleton), 3):
        raise ValueError(
            f"keypoints have shape {keypoints.shape}, expected (N, {len(skeleton)}, 3) for skeleton {skeleton.name!r}"
        )
    out = image.copy()
    palette = colours or SIDE_COLOURS
    for person in keypoints:
        # NaN compares as False, infinity is far: neither is drawn
        shown = (person[:, 2] >= threshold) & (np.abs(person[:, :2]) < _FAR_PX).all(axis=1)
        if shown.any():
            _draw_person(out, person[:, :2], shown, skeleton, palette)
    return out


def heatmap_overlay(image: np.ndarray, heatmaps: np.ndarray, skeleton: Skeleton) -> np.ndarray:
    """Draw heatmaps over the darkened image, each in the colour of its side.

    The square root of the maps is drawn, so that the faint maps of a network early in its training are visible.

    Args:
        image: (h, w, 3) uint8 RGB.
        heatmaps: (H, W, K) that peak at about 1, cells as in `poseport.heatmap`; maps that are NaN are not drawn.
        skeleton: names of the keypoints.

    Returns:
        (h, w, 3) uint8 RGB.

    Raises:
        ValueError: if image or heatmaps have another type or shape.
    """
    _check_image(image)
    if heatmaps.ndim != 3 or heatmaps.shape[2] != len(skeleton):
        raise ValueError(
            f"heatmaps have shape {heatmaps.shape}, expected (H, W, {len(skeleton)}) for {skeleton.name!r}"
        )
    maps = np.nan_to_num(heatmaps.astype(np.float32))
    sides = np.array([_side(name) for name in skeleton.names])
    out = image.astype(np.float32) / 3
    for side, colour in enumerate(SIDE_COLOURS):
        if (sides == side).any():
            peak = np.sqrt(np.clip(maps[..., sides == side].max(axis=-1), 0, 1))
            peak = cv2.resize(peak, image.shape[1::-1])[..., None]
            out = out * (1 - peak) + peak * np.array(colour, np.float32)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def beside(images: Sequence[np.ndarray]) -> np.ndarray:
    """Place images side by side.

    Args:
        images: (h_i, w_i, 3) uint8 each, at least one.

    Returns:
        (max h_i, sum w_i, 3) uint8, black below the lower images.

    Raises:
        ValueError: if there is no image, or if one has another type or shape.
    """
    if not images:
        raise ValueError("no images to place side by side, expected at least one")
    for image in images:
        _check_image(image)
    height = max(image.shape[0] for image in images)
    return np.concatenate([np.pad(i, ((0, height - i.shape[0]), (0, 0), (0, 0))) for i in images], axis=1)


def caption(image: np.ndarray, text: str) -> np.ndarray:
    """Write a line of text on a darkened strip at the top of a copy of the image.

    Text that is wider than the image is made smaller, down to 70 %; the rest is cut off.

    Args:
        image: (h, w, 3) uint8.
        text: one line of ASCII.

    Returns:
        (h, w, 3) uint8.

    Raises:
        ValueError: if the image has another type or shape.
    """
    _check_image(image)
    out = image.copy()
    font, scale = cv2.FONT_HERSHEY_SIMPLEX, 0.45
    (width, height), below = cv2.getTextSize(text, font, scale, 1)
    scale *= float(np.clip((image.shape[1] - 8) / max(width, 1), 0.7, 1.0))
    strip = out[: height + below + 6]
    strip //= 3
    cv2.putText(out, text, (4, height + 3), font, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return out


def _check_image(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image is {image.dtype} {image.shape}, expected uint8 (h, w, 3) RGB")


def _draw_person(
    canvas: np.ndarray,
    points_xy: np.ndarray,
    shown: np.ndarray,
    skeleton: Skeleton,
    palette: tuple[Colour, Colour, Colour],
) -> None:
    """Draw one person into the canvas; `points_xy` is (K, 2) in pixels, `shown` (K,) bool."""
    extent = np.ptp(points_xy[shown], axis=0).max()
    # a line must neither cover a small person nor be invisible on a large photograph
    width = int(np.clip(round(min(extent / 60, max(canvas.shape[:2]) / 150)), 2, 12))
    for a, b in skeleton.limbs:
        i, j = skeleton.index(a), skeleton.index(b)
        if shown[i] and shown[j]:
            ends = _fixed(points_xy[i]), _fixed(points_xy[j])
            cv2.line(canvas, *ends, palette[_side(a, b)], width, cv2.LINE_AA, _SHIFT)
    for name, point, drawn in zip(skeleton.names, points_xy, shown, strict=True):
        if drawn:
            radius = width + 0.5
            cv2.circle(canvas, _fixed(point), _scaled(radius + 1), _RIM, -1, cv2.LINE_AA, _SHIFT)
            cv2.circle(canvas, _fixed(point), _scaled(radius), palette[_side(name)], -1, cv2.LINE_AA, _SHIFT)


def _side(*names: str) -> int:
    """Return 0 for left, 1 for right, 2 for middle; a limb from a middle point to a side belongs to that side."""
    left = any(name.startswith("left_") for name in names)
    right = any(name.startswith("right_") for name in names)
    return 2 if left == right else (0 if left else 1)


def _scaled(value: float) -> int:
    return int(value * 2**_SHIFT + (0.5 if value >= 0 else -0.5))


def _fixed(point_xy: np.ndarray) -> tuple[int, int]:
    return _scaled(float(point_xy[0])), _scaled(float(point_xy[1]))
