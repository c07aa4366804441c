"""Small COCO files with whatever is changed in them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poseport.skeletons import COCO17

Change = Callable[[dict[str, Any]], Any]


def person(number: int, image_id: int = 1, labelled: int = 17, **changes: Any) -> dict[str, Any]:
    points = [[10.0 + k, 20.5 + k, 2 if k % 2 else 1] if k < labelled else [0, 0, 0] for k in range(17)]
    flat = [value for point in points for value in point]
    return {
        "id": number, "image_id": image_id, "category_id": 1, "bbox": [5, 6, 40.5, 30], "area": 700.25, "iscrowd": 0,
        "num_keypoints": labelled, "keypoints": flat, **changes,
    }  # fmt: skip


def good() -> dict[str, Any]:
    return {
        "images": [
            {"id": 1, "file_name": "one.jpg", "width": 64, "height": 48},
            {"id": 7, "file_name": "two.jpg", "width": 64, "height": 48},
        ],
        "annotations": [person(0), person(11, 7, labelled=5), person(12, 7, labelled=4)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.names)}],
    }


def write(folder: Path, data: Any, name: str = "people.json", images: str = "images") -> Path:
    """An annotations file and both its images."""
    (folder / images).mkdir(parents=True, exist_ok=True)
    for file in ("one.jpg", "two.jpg"):
        cv2.imwrite(str(folder / images / file), np.full((48, 64, 3), 90, np.uint8))
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def changed(change: Change) -> dict[str, Any]:
    data = copy.deepcopy(good())
    change(data)
    return data


def image(**values: Any) -> Change:
    return lambda d: d["images"][1].update(values)
