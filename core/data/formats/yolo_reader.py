"""Read YOLO-pose text labels, in the form that Ultralytics uses.

A line of a label file is a person: class, box centre x and y, width and height, then x, y and (with three numbers per
keypoint) COCO's visibility; all lengths are shares of the image's width and height.
(https://docs.ultralytics.com/datasets/pose)
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from poseport.data.formats import yolo_yaml
from poseport.data.formats.coco_folder import ConvertedSet, LabelledPerson
from poseport.data.images import shown_hw
from poseport.files.safe_path import read_file
from poseport.skeleton import Skeleton

# shares may leave 0 to 1 by this much: by rounding, and by boxes that are cut by the image's border
_SLACK = 0.02


def read(
    folder: Path,
    skeleton: Skeleton | None = None,
    category: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[ConvertedSet, Path]:
    """Read the people of a YOLO-pose set.

    Args:
        folder: The folder that holds data.yaml, or a data.yaml.
        skeleton: Keypoints of the labels; None takes the built-in one whose number and `flip_idx` data.yaml has.
        category: Name or number of the class to read; None takes the only class.
        progress: Called with 1 for each photo whose size was read.

    Returns:
        The people, and the folder that their file names start from.

    Raises:
        ValueError: If a file has another form; the message names the file and line.
    """
    path = yolo_yaml.find(folder)
    content = yolo_yaml.read(path)
    form = yolo_yaml.form(path, content, skeleton, category)
    photos = {split: yolo_yaml.photos(path, content, split) for split in yolo_yaml.SPLITS}
    every = [photo for some in photos.values() for photo in some]
    if not every:
        raise ValueError(f"{path}: names no folder with photos under train, val or test")
    root = Path(os.path.commonpath([photo.parent for photo in every]))
    people: list[LabelledPerson] = []
    left_out: Counter[str] = Counter({"photos without a label file": 0})
    with ThreadPoolExecutor(8) as pool:
        for (split, photo), image_hw in zip(
            [(split, photo) for split, some in photos.items() for photo in some], pool.map(shown_hw, every), strict=True
        ):
            label = _label_path(photo)
            if label is None:
                left_out["photos without a label file"] += 1
            else:
                for box, keypoints in _lines(label, form, image_hw, left_out):
                    name = photo.relative_to(root).as_posix()
                    people.append(LabelledPerson(split, name, keypoints, box, image_hw=image_hw))
            if progress is not None:
                progress(1)
    return ConvertedSet(f"YOLO-pose {path.parent.name}", form.skeleton, people, dict(left_out)), root


def count_photos(folder: Path) -> int:
    """Count the photos of a set.

    Args:
        folder: The folder that holds data.yaml, or a data.yaml.

    Returns:
        Their number.
    """
    path = yolo_yaml.find(folder)
    content = yolo_yaml.read(path)
    return sum(len(yolo_yaml.photos(path, content, split)) for split in yolo_yaml.SPLITS)


def _label_path(photo: Path) -> Path | None:
    """Find the label file of a photo: `labels` replaces the last folder called `images`, or it is beside the photo."""
    parts = list(photo.with_suffix(".txt").parts)
    for i in range(len(parts) - 2, -1, -1):
        if parts[i] == "images":
            parts[i] = "labels"
            break
    found = Path(*parts)
    return found if found.is_file() else None


def _lines(
    label: Path, form: yolo_yaml.Form, image_hw: tuple[int, int], left_out: Counter[str]
) -> Iterator[tuple[tuple[float, float, float, float], np.ndarray]]:
    """Box and keypoints (K, 3) in pixels of each person of a label file."""
    size = np.array(image_hw[::-1], float)
    wanted = 5 + len(form.skeleton) * form.numbers
    for number, line in enumerate(
        read_file(label, yolo_yaml.MAX_TEXT_BYTES).decode("utf-8", "replace").splitlines(), 1
    ):
        words = line.split()
        try:
            values = np.array([float(word) for word in words])
        except ValueError:
            raise ValueError(f"{label}, line {number}: not numbers; expected class, box and keypoints") from None
        if not len(values):
            continue
        if int(values[0]) not in form.classes:
            left_out["of other classes"] += 1
            continue
        if len(values) == 5:
            left_out["without keypoints"] += 1
            continue
        if len(values) != wanted or not np.isfinite(values).all():
            raise ValueError(f"{label}, line {number}: {len(values)} numbers; expected {wanted}, all of them finite")
        points = values[5:].reshape(-1, form.numbers)
        seen = points[:, 2] if form.numbers == 3 else np.where((points[:, :2] != 0).any(axis=1), 2.0, 0.0)
        if not np.isin(seen, (0, 1, 2)).all():
            raise ValueError(f"{label}, line {number}: visibility {seen.max():g}; expected 0, 1 or 2")
        shares = np.concatenate([values[1:5], points[seen > 0, :2].ravel()])
        if shares.min(initial=0) < -_SLACK or shares.max(initial=0) > 1 + _SLACK:
            raise ValueError(f"{label}, line {number}: {shares.max():g}; expected shares of the image from 0 to 1")
        keypoints = np.column_stack([np.where(seen[:, None] > 0, points[:, :2] * size, 0), seen])
        middle, extent = values[1:3] * size, values[3:5] * size
        yield (*(middle - extent / 2).tolist(), *extent.tolist()), keypoints[form.order]
