"""Choose which of a COCO file's categories the people are, and match its keypoints with a skeleton."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport.data.coco_fields import whole
from poseport.skeleton import Skeleton


@dataclass(frozen=True)
class Category:
    """The category whose annotations are people.

    Attributes:
        id: Its id, see `key`.
        name: Its name.
        keypoints: Names of its keypoints as the file writes them.
        alone: Whether no other category of the file has keypoints.
    """

    id: int | str
    name: str
    keypoints: tuple[str, ...]
    alone: bool


def choose(entries: list[Any], wanted: str | None, known: Sequence[Skeleton]) -> tuple[Category, dict[int | str, str]]:
    """Choose the category of the people.

    Args:
        entries: `categories` of a file.
        wanted: Name or id of the category; None takes the only one with keypoints or, of several, the only one whose
            keypoints are those of a known skeleton.
        known: The skeletons that the people may have.

    Returns:
        The category, and id -> name of every listed one.

    Raises:
        ValueError: If no category with keypoints can be chosen; the message lists them.
    """
    listed = {key(c.get("id")): f"category {c.get('id')} ({c.get('name')})" for c in entries}
    found = [c for c in entries if c.get("keypoints") and isinstance(c["keypoints"], list)]
    names = "; ".join(f"{c['id']} ({c.get('name')}) with {len(c['keypoints'])} keypoints" for c in found)
    kept = found
    if wanted is not None:
        kept = [c for c in found if wanted.strip().casefold() in (str(c["id"]), str(c.get("name")).casefold())]
        if len(kept) != 1:
            raise ValueError(f"--category {wanted} names {len(kept)} categories with keypoints, which are {names}")
    elif len(found) > 1:
        kept = [c for c in found if any(file_order(c["keypoints"], s) is not None for s in known)]
    if not found:
        raise ValueError("0 categories have keypoints")
    if len(kept) != 1:
        raise ValueError(f"{len(found)} categories have keypoints: {names}; choose with --category")
    one = kept[0]
    category = Category(key(one["id"]), str(one.get("name")), tuple(map(str, one["keypoints"])), len(found) == 1)
    return category, listed


def match(path: Path, category: Category, known: Sequence[Skeleton]) -> tuple[Skeleton, np.ndarray | None]:
    """Match a category with a skeleton.

    Args:
        path: The file, for messages.
        category: The category.
        known: The skeletons that it may have.

    Returns:
        The skeleton, and the index in the file of each of its keypoints, (K,) int; None where the orders agree.

    Raises:
        ValueError: If the category's keypoints are those of none of the `known` skeletons.
    """
    names = category.keypoints
    for skeleton in known:
        order = file_order(names, skeleton)
        if order is not None:
            return skeleton, None if np.array_equal(order, np.arange(len(order))) else order
    if len(known) == 1:
        (skeleton,) = known
        raise ValueError(
            f"{path}: has the keypoints {', '.join(names)}, but skeleton {skeleton.name!r} has "
            f"{', '.join(skeleton.names)}"
        )
    raise ValueError(
        f"{path}: its {len(names)} keypoints ({', '.join(names)}) are no built-in skeleton; give --skeleton FILE.json"
    )


def file_order(names: Sequence[Any], skeleton: Skeleton) -> np.ndarray | None:
    """Index in the names of a file of each keypoint of a skeleton.

    Args:
        names: Names of keypoints as the file writes them.
        skeleton: The skeleton.

    Returns:
        (K,) integers; None unless the names are those of the skeleton, with or without capitals, spaces and signs.
    """
    index = {_letters(name): i for i, name in enumerate(names)}
    wanted = [_letters(name) for name in skeleton.names]
    if len(names) != len(wanted) or index.keys() != set(wanted):
        return None
    return np.array([index[name] for name in wanted])


def _letters(name: Any) -> str:
    """Remove capitals, spaces and signs from a name, so that `Left Eye`, `leftEye` and `left_eye` are equal."""
    return "".join(c for c in str(name).casefold() if c.isalnum())


def key(value: Any) -> int | str:
    """Convert an id for comparisons, in which 1, 1.0 and "1" are equal.

    Args:
        value: The id in a file.

    Returns:
        A whole number, or else text.
    """
    number = whole(value)
    return str(value) if number is None else number
