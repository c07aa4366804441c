"""Read the fields of COCO's images and annotations, in the variants that other tools write.

Numbers may be text or 384.0, flags may be "0", keypoints may be nested, and what is not labelled may be null.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from poseport.data.layout import ImageFolder
from poseport.files.json_text import MAX_INT

_FLAGS = {"": False, "0": False, "false": False, "none": False, "1": True, "true": True}
# an area of at most this many square pixels was not measured: exporters that have no outline write 0 or 1
_NO_AREA = 1.0

Box = tuple[float, float, float, float]


class Image(NamedTuple):
    """One of the images: its file, height and width in pixels, and the digest of the photo it was cut from."""

    path: Path
    hw: tuple[int, int]
    photo_digest: str | None


def whole(value: Any) -> int | None:
    """Read a whole number of at most 128 bits, which may be written as text or with a decimal point.

    Args:
        value: The value in the file.

    Returns:
        The number; None for anything else.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if abs(value) <= MAX_INT else None
    if isinstance(value, float) and value.is_integer():
        return int(value) if abs(value) <= MAX_INT else None
    if isinstance(value, str):
        text = value.strip().removesuffix(".0")
        if text.removeprefix("-").isascii() and text.removeprefix("-").isdigit() and len(text) < 40:
            return int(text) if abs(int(text)) <= MAX_INT else None
    return None


def number(value: Any) -> float | None:
    """Read a finite number, which may be written as text.

    Args:
        value: The value in the file.

    Returns:
        The number; None for anything else.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def flag(value: Any, name: str) -> bool:
    """Read a flag: 0, 1, true, false, null or one of these as text.

    Args:
        value: The value in the file.
        name: Name of the field, for the message.

    Returns:
        The flag.

    Raises:
        ValueError: If it is anything else.
    """
    if value is None or isinstance(value, bool):
        return bool(value)
    text = str(value).strip().lower().removesuffix(".0")
    if not isinstance(value, int | float | str) or text not in _FLAGS:
        raise ValueError(f"{name} is {value!r}; expected 0 or 1")
    return _FLAGS[text]


def image(entry: dict[str, Any], folder: ImageFolder) -> Image:
    """Check an entry of `images`.

    Args:
        entry: The entry.
        folder: The folder of the images.

    Returns:
        The image.

    Raises:
        ValueError: If its name, size or digest is wrong.
    """
    path = folder.file(entry.get("file_name"))
    h, w = whole(entry.get("height")), whole(entry.get("width"))
    if h is None or w is None or not (0 < h < 2**31 and 0 < w < 2**31):
        given = f"height {entry.get('height')!r} and width {entry.get('width')!r}"
        raise ValueError(f"image {entry['id']} has {given}; expected whole numbers above 0")
    digest = entry.get("photo_digest")
    if digest is not None and not isinstance(digest, str):
        raise ValueError(f"image {entry['id']} has photo_digest {digest!r}; expected text or nothing")
    return Image(path, (h, w), digest)


def keypoints(values: Any, count: int) -> np.ndarray:
    """Read keypoints; all are unlabelled where an annotation has none, as COCO's crowds.

    Args:
        values: 3 K numbers, or K lists of three. Coordinates may be null or NaN where the visibility is 0.
        count: K.

    Returns:
        (K, 3) float64 x, y and visibility.

    Raises:
        ValueError: If they are not K keypoints with a visibility of 0, 1 or 2.
    """
    if values is None or (isinstance(values, list) and not values):
        return np.zeros((count, 3))
    try:
        if isinstance(values, list):
            values = _flat(values)
        points = np.asarray(values, float)
    except (TypeError, ValueError, OverflowError):
        raise ValueError("keypoints are not numbers") from None
    if points.shape != (3 * count,):
        raise ValueError(f"{points.size} keypoint numbers, expected {3 * count} (x, y, v for {count} keypoints)")
    points = points.reshape(count, 3)
    if not np.isfinite(points).all():
        points[points[:, 2] == 0] = 0
        points[np.isnan(points).all(axis=1)] = 0
        if not np.isfinite(points).all():
            raise ValueError("labelled keypoints hold null, NaN or infinity; expected finite x, y and v of 0, 1 or 2")
    seen = points[:, 2]
    if not ((seen == 0) | (seen == 1) | (seen == 2)).all():  # a tenth of the time of `isin`
        raise ValueError(f"keypoint visibility {sorted(set(points[:, 2].tolist()))}; expected 0, 1 or 2")
    return points


def box(values: Any, h: int, w: int, *, labelled: bool) -> Box:
    """Read a box.

    Args:
        values: `bbox` of an annotation.
        h: Height of the image in pixels.
        w: Width of the image in pixels.
        labelled: Whether the person has labels, so that the box must show somebody. People without labels are only
            ever ignored; COCO has some whose box is a line.

    Returns:
        x, y, width and height in pixels.

    Raises:
        ValueError: If it is not a box, or one of a labelled person that shows nothing.
    """
    if values is None and not labelled:
        return 0.0, 0.0, 0.0, 0.0
    numbers = [number(v) for v in values] if isinstance(values, list) else []
    if len(numbers) != 4 or None in numbers:
        raise ValueError(f"bbox is {values!r}; expected [x, y, width, height]")
    found = tuple(float(v) for v in numbers if v is not None)
    if not labelled:
        return found  # type: ignore[return-value]
    if found[2] <= 0 or found[3] <= 0:
        raise ValueError(f"bbox {list(found)} has no area; expected [x, y, width > 0, height > 0]")
    if found[0] >= w or found[1] >= h or found[0] + found[2] <= 0 or found[1] + found[3] <= 0:
        raise ValueError(f"bbox {list(found)} lies outside the image of {w}x{h} (width x height)")
    return found  # type: ignore[return-value]


def area(value: Any, box_xywh: Box, *, labelled: bool) -> tuple[float, bool]:
    """Read the area of a person's segment, by which OKS divides.

    Where none is given, or 0 or 1 as exporters without outlines write it, the box's area is taken.

    Args:
        value: `area` of an annotation.
        box_xywh: The person's box in pixels.
        labelled: Whether the person has labels.

    Returns:
        The area in square pixels, and whether the given one could not be true.

    Raises:
        ValueError: If it is not a number, or below 0.
    """
    of_box = box_xywh[2] * box_xywh[3]
    if value is None:
        return of_box, False
    given = number(value)
    if given is None or given < 0:
        raise ValueError(f"area is {value!r}; expected square pixels")
    if labelled and given <= _NO_AREA < of_box:
        return of_box, True
    return given, False


def _flat(values: list[Any]) -> list[Any]:
    """List the numbers of nested keypoints one after the other, with NaN for null."""
    if all(isinstance(point, list) and len(point) == 3 for point in values):
        values = [value for point in values for value in point]
    return [math.nan if value is None else value for value in values]
