"""Crops without a person: free regions of photos, or photos without people. A network learns low scores from them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from poseport import crop
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.spec import PoseSpec

_TRIES = 16
_SMALLEST = 0.25  # side of a region, of the photo's shorter side
_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo and the boxes of everybody in it.

    Attributes:
        path: The image file.
        image_hw: Height and width as annotated; None if nothing is annotated.
        boxes_xywh: (n, 4) boxes in image pixels.
    """

    path: Path
    image_hw: tuple[int, int] | None
    boxes_xywh: np.ndarray


def find_photos(folder: Path | None, persons: Sequence[Person], share: float) -> tuple[Photo, ...]:
    """Find the photos for crops without a person: those of a folder, or else those of the people.

    Args:
        folder: Folder of photos without people; None for free regions of the people's photos.
        persons: Everybody who is annotated, crowds and people without labels included, since they are no background.
        share: Share of crops without a person (`AugmentConfig.background`); at 0 no photos are needed.

    Returns:
        The photos, sorted by path (folder) or in the order of the people; () if `share` is 0.

    Raises:
        ValueError: If the folder holds no photo, or `share` is 0 and a folder is given.
    """
    if folder is None:
        return _of_people(persons) if share else ()
    if not share:
        raise ValueError(
            f"{folder}: the share of crops without a person is 0; set it, such as --set augment.background=0.05"
        )
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _ENDINGS)
    if not paths:
        raise ValueError(f"{folder}: holds no photo ({', '.join(_ENDINGS)}); expected photos without people")
    return tuple(Photo(path, None, np.zeros((0, 4))) for path in paths)


def _of_people(persons: Sequence[Person]) -> tuple[Photo, ...]:
    by_path: dict[Path, list[Person]] = {}
    for person in persons:
        by_path.setdefault(person.image_path, []).append(person)
    return tuple(
        Photo(path, several[0].image_hw, np.array([p.box_xywh for p in several])) for path, several in by_path.items()
    )


def digest(photos: Sequence[Photo]) -> str:
    """Compute a sha256 over the names of the photos and the sizes of their files, in order.

    Args:
        photos: The photos.

    Returns:
        64 hex digits.
    """
    lines = (f"{photo.path.name} {photo.path.stat().st_size}\n" for photo in photos)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def random_background(
    rng: np.random.Generator, spec: PoseSpec, photos: Sequence[Photo]
) -> tuple[Photo, np.ndarray] | None:
    """Choose a random region without people.

    Args:
        rng: Source of randomness.
        spec: The network's spec, for the input's size.
        photos: Photos to choose from.

    Returns:
        The photo and the (2, 3) matrix of a region that touches no person's box, mirrored half of the time. None if
        a few tries found no such region, as in a photo that one person fills.
    """
    photo = photos[int(rng.integers(len(photos)))]
    box = _free_region(rng, photo.image_hw or _image_hw(photo.path), photo.boxes_xywh, spec.input_hw)
    if box is None:
        return None
    return photo, crop.crop_matrix(box, spec.input_hw, padding=1.0, flip=bool(rng.random() < 0.5))


@cache
def _image_hw(path: Path) -> tuple[int, int]:
    height, width = read_image(path).shape[:2]
    return height, width


def _free_region(
    rng: np.random.Generator, image_hw: tuple[int, int], boxes_xywh: np.ndarray, input_hw: tuple[int, int]
) -> np.ndarray | None:
    """A box (4,) with the input's aspect ratio inside the image and outside all boxes; None after a few tries."""
    image_wh, input_wh = np.array(image_hw[::-1], float), np.array(input_hw[::-1], float)
    largest = input_wh * min(image_wh / input_wh)
    low, high = boxes_xywh[:, :2], boxes_xywh[:, :2] + boxes_xywh[:, 2:]
    for share, x, y in rng.uniform((_SMALLEST, 0, 0), 1, (_TRIES, 3)):
        size = share * largest
        begin = (x, y) * (image_wh - size)
        if not ((begin < high) & (begin + size > low)).all(axis=1).any():
            return np.concatenate([begin, size])
    return None
