"""Write people that were read from another format as a folder in COCO form, with a link to their images."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from poseport.data import coco_json
from poseport.data.images import stored_hw
from poseport.data.layout import ImageFolder
from poseport.skeleton import Skeleton

# share of a box that a person's outline fills, as in CrowdPose's evaluation where no outline is labelled
FILLED = 0.53


@dataclass(frozen=True, eq=False)
class LabelledPerson:
    """One labelled person of another format.

    Attributes:
        split: Part of the set, such as "train" or "test".
        file_name: Name of the image, below the folder of the images.
        keypoints: (K, 3): x and y in image pixels, whose centres are at integers from 0, and COCO's visibility.
        box_xywh: Left, top, width and height of the box in image pixels; None takes one around the keypoints.
        more: Further keys of the annotation.
        image_hw: Height and width of the image that the labels refer to; None takes those that its file stores.
    """

    split: str
    file_name: str
    keypoints: np.ndarray
    box_xywh: tuple[float, float, float, float] | None = None
    more: dict[str, Any] = field(default_factory=dict)
    image_hw: tuple[int, int] | None = None


@dataclass(frozen=True, eq=False)
class ConvertedSet:
    """The people of a set in another format.

    Attributes:
        name: Name of the set, which becomes the description of the file.
        skeleton: The keypoint set of every person.
        people: The people.
        left_out: Reason -> number of people who were left out.
    """

    name: str
    skeleton: Skeleton
    people: Sequence[LabelledPerson]
    left_out: dict[str, int]


@dataclass(frozen=True)
class WrittenFile:
    """One annotations file that was written.

    Attributes:
        path: The file.
        split: The part of the set that it holds.
        people: Number of people.
        images: Number of images that show them.
    """

    path: Path
    split: str
    people: int
    images: int


def points_box(keypoints: np.ndarray, image_hw: tuple[int, int]) -> tuple[float, float, float, float]:
    """Make a person's box from the labelled points, with an eighth added on each side for hands, feet and hair.

    The box is clipped to the image. COCO's own boxes are 1.28 times as wide and 1.20 times as high as the extent of
    their keypoints (medians of 122 people with 12 labels or more).

    Args:
        keypoints: (K, 3) x and y in image pixels and visibility, at least one labelled.
        image_hw: Height and width of the image in pixels.

    Returns:
        Left, top, width and height in image pixels.
    """
    points = keypoints[keypoints[:, 2] > 0, :2]
    low, high = points.min(axis=0), points.max(axis=0)
    # a person seen from the side or lying along an axis still has a width
    margin = np.maximum((high - low) / 8, max((high - low).max() / 20, 1.0))
    size = np.array(image_hw[::-1], float)
    low, high = np.clip(low - margin, -0.5, size - 1.5), np.clip(high + margin, 0.5, size - 0.5)
    return tuple((low + 0.5).tolist() + (high - low).tolist())  # boxes are measured between pixel edges


def write(
    sets: Sequence[tuple[ConvertedSet, Path]], out: Path, progress: Callable[[int], None] | None = None
) -> list[WrittenFile]:
    """Write OUT/person_keypoints_SPLIT.json for every split, and the link OUT/images; nothing is copied.

    Args:
        sets: People and the folder of their images. Several sets, of one skeleton, become one, whose images folder is
            the nearest that holds all of them.
        out: The folder to write.
        progress: Called with the number of images just opened.

    Returns:
        The files, the training people's first. A split without people has no file.

    Raises:
        ValueError: If an image is missing or broken, a name leaves its folder, or the set exists already.
    """
    folders = [folder.resolve() for _, folder in sets]
    root = Path(os.path.commonpath(folders))
    splits = list(dict.fromkeys(s.split for found, _ in sets for s in found.people))
    splits.sort(key=lambda split: split == "train")
    for split in splits:
        path = out / f"person_keypoints_{split}.json"
        if path.exists():
            raise ValueError(f"{path}: exists already; remove it or choose another --out")
    people = [
        (person, ImageFolder(folder).file(person.file_name))
        for (found, _), folder in zip(sets, folders, strict=True)
        for person in found.people
    ]
    if not people:
        raise ValueError(f"{sets[0][0].name}: nobody has a labelled keypoint; is it the right file?")
    sizes = {path: person.image_hw for person, path in people if person.image_hw is not None}
    with ThreadPoolExecutor(8) as pool:  # waiting for the disk, not computing
        paths = list(dict.fromkeys(path for _, path in people))
        for path, image_hw in zip(paths, pool.map(lambda p: sizes.get(p) or stored_hw(p), paths), strict=True):
            sizes[path] = image_hw
            if progress is not None:
                progress(1)
    _link(out, root)
    ids = {path: number for number, path in enumerate(paths, 1)}
    description = " and ".join(found.name for found, _ in sets)
    written = []
    for split in splits:  # train comes last, so that a train file shows that the set is complete
        chosen = [(number, s, path) for number, (s, path) in enumerate(people, 1) if s.split == split]
        if not chosen:
            continue
        seen = list(dict.fromkeys(path for _, _, path in chosen))
        out_path = out / f"person_keypoints_{split}.json"
        coco_json.write(
            out_path,
            sets[0][0].skeleton,
            [coco_json.image(ids[p], p.relative_to(root).as_posix(), sizes[p]) for p in seen],
            [_annotation(number, ids[path], s, sizes[path]) for number, s, path in chosen],
            f"{description}, {split}",
        )
        written.append(WrittenFile(out_path, split, len(chosen), len(seen)))
    return written[::-1]


def _annotation(number: int, image_id: int, person: LabelledPerson, image_hw: tuple[int, int]) -> dict[str, Any]:
    around = points_box(person.keypoints, image_hw)
    box = [round(v, 2) for v in person.box_xywh or around]
    area = round(FILLED * around[2] * around[3], 2)
    return coco_json.annotation(number, image_id, person.keypoints, box, area, **person.more)


def _link(out: Path, images: Path) -> None:
    """Make the link OUT/images, where `layout.find_images` looks first."""
    link = out / "images"
    if link.resolve() == images:
        return
    if os.path.lexists(link):
        raise ValueError(f"{link}: exists already and is not {images}; remove it or choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        link.symlink_to(os.path.relpath(images, out.resolve()), target_is_directory=True)
    except OSError as error:
        raise ValueError(
            f"{link}: cannot become a link to {images} ({error.strerror}); choose another --out, "
            f"or {images.parent}, which holds the images"
        ) from None
