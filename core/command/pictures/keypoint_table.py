"""Keypoints as a table: one row for each person and keypoint of each picture."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from poseport.command.pictures.result_files import Predicted
from poseport.records import write_whole
from poseport.skeleton import Skeleton

COLUMNS = ("file", "picture", "person", "keypoint", "x", "y", "score")


def write(path: Path, pictures: Sequence[Predicted], skeleton: Skeleton) -> None:
    """Write the keypoints of pictures as CSV.

    Args:
        path: The file; its name ends in .csv.
        pictures: The pictures.
        skeleton: The keypoints.

    Raises:
        ValueError: If the name ends otherwise, or the file cannot be written.
    """
    if path.suffix.lower() != ".csv":
        raise ValueError(f"{path}: the table is written as CSV; give a name that ends in .csv")
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for picture in pictures:
        found = picture.found
        numbers = range(1, len(found.scores) + 1) if found.ids is None else found.ids.tolist()
        for number, keypoints in zip(numbers, found.keypoints.tolist(), strict=True):
            for name, (x, y, score) in zip(skeleton.names, keypoints, strict=True):
                rows.writerow([picture.name, picture.index, number, name, f"{x:.3f}", f"{y:.3f}", f"{score:.5f}"])
    write_whole(path, text.getvalue().encode())
