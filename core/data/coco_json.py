"""Read and write COCO keypoint JSON; `coco` interprets it. Keys that are not needed are dropped while reading."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from poseport.files.json_text import decode_json, parse_json
from poseport.files.safe_path import read_file
from poseport.records import write_whole
from poseport.skeleton import Skeleton

MAX_BYTES = 2**32  # 4 million people with outlines
# the keys that `coco.load` takes; COCO's outlines and addresses are three quarters of its file
_READ = {
    "images", "id", "file_name", "height", "width", "photo_digest", "annotations", "image_id", "category_id",
    "keypoints", "bbox", "area", "iscrowd", "categories", "name",
}  # fmt: skip


def read(path: Path) -> tuple[Any, str]:
    """Read a file.

    Every object is reduced as soon as it is parsed, so that COCO's 150,000 people and their outlines are never in
    memory at once.

    Args:
        path: The file.

    Returns:
        The contents with the keys that `coco.load` takes, keypoints as `array("d")`, and the file's sha256 in hex.

    Raises:
        ValueError: If it is not JSON, is nested too deeply, or has more than `MAX_BYTES`.
    """
    raw = read_file(path, MAX_BYTES)
    digest, text = hashlib.sha256(raw).hexdigest(), decode_json(raw)
    del raw
    return parse_json(text, _lean), digest


def _lean(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    wanted = [pair for pair in pairs if pair[0] in _READ]
    kept = dict(wanted)
    if len(kept) < len(wanted):
        for key, value in wanted:
            if value != kept[key]:
                raise ValueError(f"an entry has two values of {key!r}, {_short(value)} and {_short(kept[key])}")
    points = kept.get("keypoints")
    if points and isinstance(points, list):
        with suppress(TypeError, OverflowError):  # a category's names, or a fault that `coco` will name
            kept["keypoints"] = array("d", points)
    return kept


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def image(image_id: int, file_name: str, image_hw: tuple[int, int], **more: Any) -> dict[str, Any]:
    """Make an entry of `images`.

    Args:
        image_id: The id.
        file_name: Path below the folder of the images, with forward slashes.
        image_hw: Height and width in pixels.
        more: Further keys.

    Returns:
        The entry.
    """
    return {"id": image_id, "file_name": file_name, "width": image_hw[1], "height": image_hw[0], **more}


def annotation(
    annotation_id: int,
    image_id: int,
    keypoints: np.ndarray,
    box_xywh: Sequence[float],
    area: float,
    *,
    decimals: int = 2,
    **more: Any,
) -> dict[str, Any]:
    """Make an entry of `annotations`.

    Args:
        annotation_id: The id.
        image_id: Id of the image.
        keypoints: (K, 3) x, y in image pixels and COCO's visibility.
        box_xywh: Left, top, width and height in image pixels.
        area: Area of the person in square pixels.
        decimals: Number of decimals of x and y.
        more: Further keys, which `coco.load` ignores.

    Returns:
        The entry.
    """
    flat: list[float | int] = []
    for x, y, visibility in keypoints.tolist():
        flat += [round(x, decimals), round(y, decimals), int(visibility)]
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": 1,
        "keypoints": flat,
        "num_keypoints": int(np.count_nonzero(keypoints[:, 2])),
        "bbox": list(box_xywh),
        "area": area,
        "iscrowd": 0,
        **more,
    }


def write(
    path: Path,
    skeleton: Skeleton,
    images: list[dict[str, Any]],
    annotations: list[dict[str, Any]],
    description: str,
) -> None:
    """Write a file, whole or not at all.

    Args:
        path: The file.
        skeleton: The keypoints of the only category.
        images: Entries that `image` made.
        annotations: Entries that `annotation` made.
        description: Text for `info`.

    Raises:
        ValueError: If it cannot be written.
    """
    limbs = (skeleton.pair_indices(skeleton.limbs) + 1).tolist()
    category = {"id": 1, "name": "person", "supercategory": "person", "keypoints": list(skeleton.names)}
    data = {
        "info": {"description": description, "version": "1"},
        "licenses": [],
        "images": images,
        "annotations": annotations,
        "categories": [{**category, "skeleton": limbs}],
    }
    write_whole(path, (json.dumps(data, allow_nan=False) + "\n").encode())
