"""Read the boxes of a person detector from a COCO results file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from poseport.data.coco_fields import Box, number, whole
from poseport.data.coco_json import MAX_BYTES
from poseport.files.json_text import decode_json, parse_json
from poseport.files.safe_path import read_file

Detection = tuple[int, Box, float]


def read_boxes(path: Path, category_id: int = 1) -> list[Detection]:
    """Read every person in a COCO results file.

    Args:
        path: The file. Detectors write all categories that they know; only one of them is people.
        category_id: The people's. Entries without a category are people too.

    Returns:
        Image id, box (x, y, width, height) in pixels, and score of each person.

    Raises:
        ValueError: If the file has another form, or boxes of other categories only.
    """
    try:
        entries = parse_json(decode_json(read_file(Path(path), MAX_BYTES)))
        found: list[Detection] = []
        others: Counter[object] = Counter()
        for entry in entries:
            category = entry.get("category_id")
            if category is not None and whole(category) != category_id:
                others[category] += 1
                continue
            image_id, score = whole(entry["image_id"]), number(entry["score"])
            if image_id is None or score is None:
                raise ValueError(f"image_id {entry['image_id']!r} and score {entry['score']!r} must be numbers")
            found.append((image_id, _box(entry["bbox"]), score))
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path}: not a COCO results file ({type(error).__name__}: {error}); expected a list of "
            '{"image_id", "bbox": [x, y, width, height], "score"}'
        ) from None
    if others and not found:
        names = ", ".join(f"{name} ({count} boxes)" for name, count in others.most_common(5))
        raise ValueError(
            f"{path}: no box is of category {category_id}, but of {names}; name the people's category "
            "with --category (bench: --detections-category)"
        )
    return found


def _box(values: Any) -> Box:
    numbers = [number(v) for v in values]
    if len(numbers) != 4 or None in numbers:
        raise ValueError(f"bbox {values!r} must be four finite numbers")
    x, y, w, h = (v for v in numbers if v is not None)
    return x, y, w, h
