"""The results of `predict`: COCO results, annotations as a start for labelling, and JSON for a script."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport.data import coco_json
from poseport.data.formats.coco_folder import FILLED, points_box
from poseport.files.escape import terminal
from poseport.people.everyone import Found
from poseport.skeleton import Skeleton

# keypoints that score below this are left unlabelled in annotations
LABEL_SCORE = 0.2


@dataclass(frozen=True, eq=False)
class Predicted:
    """The people of one picture.

    Attributes:
        name: File name of the photo, or of the film.
        index: Number of the picture, from 0.
        image_hw: Height and width of the picture in pixels.
        found: The people.
    """

    name: str
    index: int
    image_hw: tuple[int, int]
    found: Found


def image_ids(pictures: Sequence[Predicted], moving: bool) -> list[int]:
    """Choose an id for each picture: the number in a photo's name, as in COCO, and a free number for other photos.

    Args:
        pictures: The pictures.
        moving: Whether they are frames, whose ids are their numbers.

    Returns:
        The ids, in the order of the pictures.
    """
    if moving:
        return [picture.index for picture in pictures]
    ids: list[int | None] = []
    for picture in pictures:
        stem = Path(picture.name).stem
        number = int(stem) if stem.isascii() and stem.isdigit() else None
        ids.append(None if number in ids else number)
    free = max([number for number in ids if number is not None], default=-1)
    for i, number in enumerate(ids):
        if number is None:
            free += 1
            ids[i] = free
    return [number for number in ids if number is not None]


def results(pictures: Sequence[Predicted], moving: bool) -> list[dict[str, Any]]:
    """Make the entries of a COCO results file.

    Args:
        pictures: The pictures.
        moving: Whether they are frames.

    Returns:
        One entry per person.
    """
    return [
        {
            "image_id": image_id, "category_id": 1, "file_name": picture.name, "bbox": box.round(2).tolist(),
            "keypoints": np.nan_to_num(points, nan=0, posinf=0, neginf=0).round(3).ravel().tolist(),
            "score": round(float(np.nan_to_num(score)), 5), **number,
        }
        for image_id, picture in zip(image_ids(pictures, moving), pictures, strict=True)
        for box, points, score, number in _people(picture)
    ]  # fmt: skip


def write_annotations(path: Path, pictures: Sequence[Predicted], skeleton: Skeleton) -> None:
    """Write a COCO annotations file of predictions, which labelling tools import and `data check` accepts.

    Keypoints that score at least `LABEL_SCORE` and lie in the image are labelled as visible. The box is the one around
    them. A person without such a keypoint is not written.

    Args:
        path: The file to write.
        pictures: The photos.
        skeleton: The keypoints.

    Raises:
        ValueError: If the file cannot be written.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for image_id, picture in zip(image_ids(pictures, moving=False), pictures, strict=True):
        h, w = picture.image_hw
        images.append(coco_json.image(image_id, picture.name, picture.image_hw))
        for points in picture.found.keypoints:
            x, y, score = points.T
            sure = (
                np.isfinite(points).all(axis=1)
                & (score >= LABEL_SCORE)
                & (x > -0.5)
                & (y > -0.5)
                & (x < w - 0.5)
                & (y < h - 0.5)
            )
            if not sure.any():
                continue
            keypoints = np.where(sure[:, None], np.column_stack([x, y, np.full(len(x), 2.0)]), 0.0)
            box = [round(v, 2) for v in points_box(keypoints, picture.image_hw)]
            area, number = round(FILLED * box[2] * box[3], 2), len(annotations) + 1
            mean = round(float(score[sure].mean()), 5)
            annotations.append(coco_json.annotation(number, image_id, keypoints, box, area, score=mean))
    coco_json.write(path, skeleton, images, annotations, "keypoints predicted by poseport, to be corrected")


def plain(picture: Predicted, names: tuple[str, ...]) -> dict[str, Any]:
    """Turn one picture into plain values for `--json`; numbers that are not finite become null.

    Args:
        picture: The picture.
        names: Names of the keypoints.

    Returns:
        The values.
    """
    people = [
        {
            "box": box.tolist(),
            "score": score if math.isfinite(score) else None,
            "keypoints": {key: _finite(p) for key, p in zip(names, points, strict=True)},
            **number,
        }
        for box, points, score, number in _people(picture)
    ]
    return {"name": picture.name, "index": picture.index, "people": people}


def table(keypoints: np.ndarray, skeleton: Skeleton) -> list[str]:
    """List all keypoints of the people in one photo.

    Args:
        keypoints: (N, K, 3) x and y in pixels, and score.
        skeleton: The keypoints.

    Returns:
        Lines of text.
    """
    lines = [f"{'keypoint':<16}{'x px':>9}{'y px':>9}   score"] if len(keypoints) else ["no person was found"]
    for number, person in enumerate(keypoints, 1):
        lines += [f"person {number}"] if len(keypoints) > 1 else []
        for name, (x, y, score) in zip(skeleton.names, person, strict=True):
            lines.append(f"{name:<16}{x:9.1f}{y:9.1f}   {score:.2f}")
    return lines


def line(picture: Predicted) -> str:
    """Describe one of many pictures in one line.

    Args:
        picture: The picture.

    Returns:
        The line.
    """
    keypoints = picture.found.keypoints
    scores = ", ".join(f"{points[:, 2].mean():.2f}" for points in keypoints)
    count = f"{len(keypoints)} {'person' if len(keypoints) == 1 else 'people'}"
    return f"{terminal(picture.name)} {picture.index}: {count}" + (f", mean score {scores}" if scores else "")


def _people(picture: Predicted) -> Iterator[tuple[np.ndarray, np.ndarray, float, dict[str, int]]]:
    """Box, keypoints and score of each person, and the number of a tracked one as `track_id`."""
    found = picture.found
    numbers = [{}] * len(found.scores) if found.ids is None else [{"track_id": n} for n in found.ids.tolist()]
    yield from zip(found.boxes, found.keypoints, found.scores.tolist(), numbers, strict=True)


def _finite(values: np.ndarray) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]
