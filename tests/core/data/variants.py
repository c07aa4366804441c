"""A small drawn set, changed as other tools write their annotations or as they go wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from poseport.data.drawn import synth

Data = dict[str, Any]
Change = Callable[[Data], Any]


def drawn_set(folder: Path, people: int = 8) -> Path:
    """A folder with drawn people and their photos."""
    synth.write_people(folder, people, seed=5)
    return folder


def changed(base: Path, out: Path, change: Change) -> Path:
    """A copy of a set whose annotations were changed."""
    shutil.copytree(base, out)
    path = out / "person_keypoints.json"
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))
    return out


def annotations(change: Callable[[Data], Any]) -> Change:
    """Change every annotation."""

    def every(data: Data) -> None:
        for annotation in data["annotations"]:
            change(annotation)

    return every


def points(change: Callable[[list[Any]], list[Any]]) -> Change:
    """Change every keypoint [x, y, v]."""

    def each(annotation: Data) -> None:
        flat = annotation["keypoints"]
        annotation["keypoints"] = [v for i in range(0, len(flat), 3) for v in change(flat[i : i + 3])]

    return annotations(each)


def images(change: Callable[[Data], Any]) -> Change:
    """Change every image."""

    def every(data: Data) -> None:
        for image in data["images"]:
            change(image)

    return every


def both(*changes: Change) -> Change:
    """Several changes, one after the other."""

    def all_of_them(data: Data) -> None:
        for change in changes:
            change(data)

    return all_of_them
