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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport import skeletons
from poseport.data.formats.coco_folder import ConvertedSet, LabelledPerson
from poseport.data.images import shown_hw
from poseport.skeleton import Skeleton

_SPLITS = ("train", "val", "test")
_PHOTOS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
# shares may leave 0 to 1 by this much: by rounding, and by boxes that are cut by the image's border
_SLACK = 0.02


@dataclass(frozen=True)
class _Form:
    """The form of a label file's lines, from data.yaml.

    Attributes:
        skeleton: The keypoints.
        numbers: Numbers per keypoint, 2 or 3.
        classes: The classes that are people.
    """

    skeleton: Skeleton
    numbers: int
    classes: frozenset[int]


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
    path = _yaml_path(folder)
    content = _read_yaml(path)
    form = _form(path, content, skeleton, category)
    photos = {split: _photos(path, content, split) for split in _SPLITS}
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
    path = _yaml_path(folder)
    content = _read_yaml(path)
    return sum(len(_photos(path, content, split)) for split in _SPLITS)


def _yaml_path(folder: Path) -> Path:
    folder = Path(folder)
    if folder.is_file():
        return folder
    found = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if len(found) != 1:
        names = ", ".join(f.name for f in found) or "none"
        raise ValueError(f"{folder}: expected one data.yaml, found {names}; name the file")
    return found[0]


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError:
        raise ValueError('reading data.yaml takes PyYAML: pip install "poseport[data]"') from None
    try:
        content = yaml.safe_load(path.read_bytes())
    except (yaml.YAMLError, OSError, UnicodeError) as error:
        raise ValueError(f"{path}: not YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected kpt_shape, names, train and val")
    return content


def _form(path: Path, content: dict[str, Any], skeleton: Skeleton | None, category: str | None) -> _Form:
    shape, flip = content.get("kpt_shape"), content.get("flip_idx")
    if not (isinstance(shape, list) and len(shape) == 2 and isinstance(shape[0], int) and shape[1] in (2, 3)):
        raise ValueError(f"{path}: kpt_shape is {shape!r}; expected [keypoints, 2 or 3], as pose labels have")
    names = content.get("names", {0: "person"})
    classes = dict(enumerate(names)) if isinstance(names, list) else names
    if not isinstance(classes, dict) or not classes:
        raise ValueError(f"{path}: names is {names!r}; expected the classes' names")
    chosen = list(classes)
    if category is not None:
        chosen = [n for n, name in classes.items() if category.casefold() in (str(n), str(name).casefold())]
    elif len(classes) > 1:
        chosen = [n for n, name in classes.items() if str(name).casefold() == "person"]
    if len(chosen) != 1:
        listed = ", ".join(f"{n} ({name})" for n, name in classes.items())
        raise ValueError(f"{path}: has the classes {listed}; choose the people's with --category")
    if skeleton is None:
        fitting = [s for s in skeletons.BUILT_IN.values() if len(s) == shape[0]]
        fitting = [s for s in fitting if flip is None or s.flip_index.tolist() == flip]
        if len(fitting) != 1:
            raise ValueError(
                f"{path}: its {shape[0]} keypoints with flip_idx {flip} are no built-in skeleton; give --skeleton"
            )
        skeleton = fitting[0]
    if len(skeleton) != shape[0]:
        raise ValueError(f"{path}: has {shape[0]} keypoints, but skeleton {skeleton.name!r} has {len(skeleton)}")
    return _Form(skeleton, shape[1], frozenset(int(n) for n in chosen))


def _photos(path: Path, content: dict[str, Any], split: str) -> list[Path]:
    """List the photos of a split, from a folder, a text file that lists them, or a list of either."""
    given = content.get(split if split != "val" or "val" in content else "valid")
    photos: list[Path] = []
    for entry in given if isinstance(given, list) else [given] if given else []:
        base = path.parent / str(content.get("path") or ".")
        # Roboflow writes ../train/images for train/images beside data.yaml
        places = [base / str(entry), path.parent / str(entry), path.parent / str(entry).removeprefix("../")]
        place = next((p for p in places if p.exists()), None)
        if place is None and split == "test":  # many sets name a test split that is not published
            continue
        if place is None:
            raise ValueError(
                f"{path}: {split} is {entry!r}, which does not exist; looked in {', '.join(map(str, places))}"
            )
        if place.is_file():
            listed = place.read_text(encoding="utf-8").split("\n")
            photos += [(place.parent / line.strip()).resolve() for line in listed if line.strip()]
        else:
            photos += sorted(p.absolute() for p in place.rglob("*") if p.suffix.lower() in _PHOTOS and p.name[0] != ".")
    return photos


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
    label: Path, form: _Form, image_hw: tuple[int, int], left_out: Counter[str]
) -> Iterator[tuple[tuple[float, float, float, float], np.ndarray]]:
    """Box and keypoints (K, 3) in pixels of each person of a label file."""
    size = np.array(image_hw[::-1], float)
    wanted = 5 + len(form.skeleton) * form.numbers
    for number, line in enumerate(label.read_text(encoding="utf-8").splitlines(), 1):
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
        yield (*(middle - extent / 2).tolist(), *extent.tolist()), keypoints
