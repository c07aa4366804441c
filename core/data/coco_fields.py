"""Fields of COCO's annotations and images, checked one by one: each says what it holds and what was expected."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Image(NamedTuple):
    """One of the images. hw: height and width in pixels. photo_digest: as in `coco.Person`."""

    path: Path
    hw: tuple[int, int]
    photo_digest: str | None


def image(entry: dict[str, Any], folder: Path) -> Image:
    """An entry of the images, checked."""
    path = inside(folder, entry.get("file_name"))
    h, w = entry.get("height"), entry.get("width")
    if not (isinstance(h, int) and isinstance(w, int) and h > 0 and w > 0):
        raise ValueError(f"image {entry['id']} has height {h!r} and width {w!r}; expected whole numbers above 0")
    digest = entry.get("photo_digest")
    if digest is not None and not isinstance(digest, str):
        raise ValueError(f"image {entry['id']} has photo_digest {digest!r}; expected text or nothing")
    return Image(path, (h, w), digest)


def inside(folder: Path, name: Any) -> Path:
    """Path of an image; a name that leaves the folder is refused, so that a data set cannot read other files.

    Raises ValueError that names it.
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"file_name is {name!r}; expected a path inside {folder}")
    parts = Path(name).parts
    if Path(name).is_absolute() or ".." in parts:
        raise ValueError(f"file_name {name!r} leaves the image folder {folder}; expected a path inside it")
    return folder / name


def keypoints(values: Any, count: int) -> np.ndarray:
    """(K, 3) float64; a file without keypoints for somebody (COCO's crowds) counts as unlabelled."""
    if values is None:
        return np.zeros((count, 3))
    try:
        points = np.asarray(values, float)
    except (TypeError, ValueError):
        raise ValueError("keypoints are not numbers") from None
    if points.shape != (3 * count,):
        raise ValueError(f"{points.size} keypoint numbers, expected {3 * count} (x, y, v for {count} keypoints)")
    points = points.reshape(count, 3)
    if not np.isfinite(points).all():
        raise ValueError("keypoints hold NaN or infinity; expected finite x, y and v of 0, 1 or 2")
    seen = points[:, 2]
    if not ((seen == 0) | (seen == 1) | (seen == 2)).all():  # a tenth of the time of `isin`
        raise ValueError(f"keypoint visibility {sorted(set(points[:, 2].tolist()))}; expected 0, 1 or 2")
    return points


def box(values: Any, h: int, w: int, *, cropped: bool) -> tuple[float, float, float, float]:
    """A box x, y, width, height in an image of h x w pixels.

    cropped: it has to show somebody; people without labels are only ever ignored, and COCO has some whose box
    is a line.
    """
    try:
        if not isinstance(values, list):
            raise TypeError
        found = tuple(float(v) for v in values)
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"bbox is {values!r}; expected [x, y, width, height]") from None
    if len(found) != 4 or not all(math.isfinite(v) for v in found):
        raise ValueError(f"bbox is {values!r}; expected [x, y, width, height]")
    if not cropped:
        return found
    if found[2] <= 0 or found[3] <= 0:
        raise ValueError(f"bbox {list(found)} has no area; expected [x, y, width > 0, height > 0]")
    if found[0] >= w or found[1] >= h or found[0] + found[2] <= 0 or found[1] + found[3] <= 0:
        raise ValueError(f"bbox {list(found)} lies outside the image of {w}x{h} (width x height)")
    return found


def area(annotation: dict[str, Any]) -> float:
    """Area of the person's segment, or that of the box where none is given (as loaders of custom sets do)."""
    given = annotation.get("area")
    if given is None:
        _, _, w, h = annotation["bbox"]
        return float(w * h)
    if not isinstance(given, int | float) or not math.isfinite(given) or given < 0:
        raise ValueError(f"area is {given!r}; expected square pixels")
    return float(given)
