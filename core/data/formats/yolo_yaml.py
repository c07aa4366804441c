"""Read the data.yaml of a YOLO-pose set: the keypoints and classes of its labels, and the places of its photos."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport import skeletons
from poseport.data import categories
from poseport.files.safe_path import read_file
from poseport.skeleton import Skeleton

MAX_TEXT_BYTES = 64 * 2**20  # of data.yaml, a list of photos, and a label file
SPLITS = ("train", "val", "test")
_PHOTOS = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Form:
    """The form of a label file's lines, from data.yaml.

    Attributes:
        skeleton: Keypoints of the people.
        order: (K,) place in a line of each keypoint of the skeleton.
        numbers: Number of numbers per keypoint: 2, or 3 with its visibility.
        classes: The classes that are people.
    """

    skeleton: Skeleton
    order: np.ndarray
    numbers: int
    classes: frozenset[int]


def find(folder: Path) -> Path:
    """Find the data.yaml: the path itself, or the only one in a folder.

    Args:
        folder: The folder or the file.

    Returns:
        The file.

    Raises:
        ValueError: If there is none, or several.
    """
    folder = Path(folder)
    if folder.is_file():
        return folder
    found = sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")])
    if len(found) != 1:
        names = ", ".join(f.name for f in found) or "none"
        raise ValueError(f"{folder}: expected one data.yaml, found {names}; name the file")
    return found[0]


def read(path: Path) -> dict[str, Any]:
    """Read a data.yaml.

    Args:
        path: The file.

    Returns:
        Its content.

    Raises:
        ValueError: If it is not YAML of that form.
    """
    try:
        import yaml
    except ImportError:
        raise ValueError('reading data.yaml takes PyYAML: pip install "poseport[data]"') from None
    try:
        content = yaml.safe_load(read_file(path, MAX_TEXT_BYTES))
    except (yaml.YAMLError, OSError, UnicodeError, RecursionError) as error:
        raise ValueError(f"{path}: not YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected kpt_shape, names, train and val")
    return content


def form(path: Path, content: dict[str, Any], skeleton: Skeleton | None, category: str | None) -> Form:
    """Find the form of the label files' lines.

    Args:
        path: The data.yaml, for messages.
        content: Its content.
        skeleton: Keypoints of the labels; None takes a built-in one.
        category: Name or number of the people's class; None takes the only class, or the one called `person`.

    Returns:
        The form.

    Raises:
        ValueError: If no skeleton or no single class fits.
    """
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
    skeleton, order = _skeleton(path, shape[0], flip, _keypoint_names(content, chosen[0]), skeleton)
    return Form(skeleton, order, shape[1], frozenset(int(n) for n in chosen))


def _keypoint_names(content: dict[str, Any], category: Any) -> list[Any] | None:
    """List the names of the keypoints in their order, if data.yaml has them, for all classes or for each class."""
    names = content.get("kpt_names")
    if isinstance(names, dict):
        names = names.get(category, names.get(str(category)))
    return names if isinstance(names, list) else None


def _skeleton(
    path: Path, count: int, flip: Any, names: list[Any] | None, skeleton: Skeleton | None
) -> tuple[Skeleton, np.ndarray]:
    """Choose the skeleton of `count` keypoints, and find the place in a line of each of its keypoints.

    The names of the keypoints are used first, then `flip_idx`. Without either, only COCO's 17 keypoints are assumed,
    because sets of 14 or 16 keypoints have them in several orders.
    """
    known = [skeleton] if skeleton else [s for s in skeletons.BUILT_IN.values() if len(s) == count]
    if names is not None:
        for one in known:
            order = categories.file_order(names, one)
            if order is not None:
                return one, order
        listed = ", ".join(map(str, names))
        raise ValueError(f"{path}: its kpt_names ({listed}) are not those of {_called(skeleton)}; give --skeleton")
    if skeleton is None:
        if flip is None:
            known = [s for s in known if s is skeletons.COCO17]
        else:
            known = [s for s in known if s.flip_index.tolist() == flip]
        if len(known) != 1:
            raise ValueError(
                f"{path}: its {count} keypoints with flip_idx {flip} are no built-in skeleton; give --skeleton"
            )
    if len(known[0]) != count:
        raise ValueError(f"{path}: has {count} keypoints, but {_called(known[0])} has {len(known[0])}")
    return known[0], np.arange(count)


def _called(skeleton: Skeleton | None) -> str:
    return f"skeleton {skeleton.name!r}" if skeleton else "a built-in skeleton"


def photos(path: Path, content: dict[str, Any], split: str) -> list[Path]:
    """List the photos of a split, from a folder, a text file that lists them, or a list of either.

    Args:
        path: The data.yaml.
        content: Its content.
        split: "train", "val" or "test".

    Returns:
        The photos; none if the split is not named.

    Raises:
        ValueError: If a folder or file does not exist.
    """
    given = content.get(split if split != "val" or "val" in content else "valid")
    found: list[Path] = []
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
            listed = read_file(place, MAX_TEXT_BYTES).decode("utf-8", "replace").split("\n")
            found += [(place.parent / line.strip()).resolve() for line in listed if line.strip()]
        else:
            found += sorted(p.absolute() for p in place.rglob("*") if p.suffix.lower() in _PHOTOS and p.name[0] != ".")
    return found
