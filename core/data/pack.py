"""Crop one small picture per person from a set, so that training does not wait for large photos to be decoded.

A packed set is for training and calibration. Score on the photos, because other people in a packed picture have no
labels.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from poseport import crop
from poseport.data import coco, coco_json
from poseport.data.images import decode_image, digest, encode_image, read_bytes
from poseport.data.people import People, Person
from poseport.files.one_writer import one_writer
from poseport.records import read_json, write_json, write_whole

# a square input covers 1.25 boxes; with rotation by 40 degrees, scale 0.75 and a shift of 4 % it covers 2.48
ROOM = 2.5
_PADDING = 1.25
# largest error of a keypoint after the way to the packed picture and back, in pixels of the photo
TOLERANCE_PX = 0.01
_UNFINISHED = "pack.unfinished"


@dataclass(frozen=True)
class Plan:
    """The settings of a packed set. An interrupted run can only be continued with the same ones.

    Attributes:
        annotations_sha256: Digest of the annotations file.
        size: Largest side of a person's padded box in the packed picture, in pixels, 16 or more.
        room: Side of the crop in longer sides of the box, 1 to 10.
        quality: Quality of the JPEGs, 1 to 100.
    """

    annotations_sha256: str
    size: int
    room: float
    quality: int = 95

    def __post_init__(self) -> None:
        if self.size < 16 or not 1 <= self.room <= 10 or not 1 <= self.quality <= 100:
            raise ValueError(f"size {self.size} (16 or more), room {self.room} (1 to 10), quality {self.quality}")


def cut(person: Person, plan: Plan) -> tuple[np.ndarray, tuple[int, int]]:
    """Plan the crop of a person.

    The crop covers `room` longer sides of the box about its middle, as far as the photo goes. It is reduced if the
    padded box would be longer than `size`, but never enlarged.

    Args:
        person: The person.
        plan: The settings.

    Returns:
        The matrix (2, 3) from the photo to the packed picture, and the picture's height and width in pixels.
    """
    box = np.asarray(person.box_xywh)
    side = box[2:].max()
    middle, reach = box[:2] + (box[2:] - 1) / 2, plan.room * side / 2
    low = np.floor(np.maximum(middle - reach, 0))
    high = np.ceil(np.minimum(middle + reach, np.array(person.image_hw[::-1]) - 1))
    kept = high - low + 1
    w, h = np.ceil(kept * min(1.0, plan.size / (_PADDING * side))).astype(int).tolist()
    return crop.crop_matrix(np.concatenate([low, kept]), (h, w), 1.0), (h, w)


def pack(
    people: People,
    out: Path,
    size: int,
    *,
    room: float = ROOM,
    threads: int = 2,
    progress: Callable[[int], None] | None = None,
) -> Path:
    """Write OUT/images/*.jpg and OUT/person_keypoints.json, for everybody who has a label and is not a crowd, in order.

    Pictures are written whole and the annotations last, so that an interrupted run continues where it was. The
    annotations are read back, and every keypoint is compared with the photo's (see `TOLERANCE_PX`).

    Args:
        people: The set.
        out: The folder to write.
        size: As in `Plan`.
        room: As in `Plan`.
        threads: Number of photos processed at the same time.
        progress: Called with the number of people just done.

    Returns:
        The path of the annotations.

    Raises:
        ValueError: If an image cannot be read, or the folder holds something else.
    """
    with one_writer(out):
        return _pack(people, out, size, room, threads, progress)


def _pack(
    people: People, out: Path, size: int, room: float, threads: int, progress: Callable[[int], None] | None
) -> Path:
    """`pack` into a folder that no other process writes."""
    persons = people.for_training(1).persons
    plan = Plan(people.sha256, size, float(room))
    path = out / "person_keypoints.json"
    _begin(out, path, plan)
    by_photo: dict[Path, list[int]] = {}
    for i, person in enumerate(persons):
        by_photo.setdefault(person.image_path, []).append(i)
    cv2.setNumThreads(1)  # one thread per photo is enough
    digests: dict[Path, str] = {}
    pool = ThreadPoolExecutor(threads, thread_name_prefix="pack")
    try:
        work = pool.map(lambda members: _photo(persons, members, out / "images", plan), by_photo.values())
        for (photo, members), found in zip(by_photo.items(), work, strict=True):
            digests[photo] = found
            if progress is not None:
                progress(len(members))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    entries = [_entries(i, p, people, plan, digests[p.image_path]) for i, p in enumerate(persons)]
    coco_json.write(
        path,
        people.skeleton,
        [image for image, _ in entries],
        [annotation for _, annotation in entries],
        f"packed from {people.path.name} (sha256 {people.sha256}), size {size}, room {room:g}",
    )
    _check(path, people, plan)
    for left in (out / "images").glob(".*.part"):  # of a run that was killed, whose process id may be in use again
        left.unlink(missing_ok=True)
    (out / _UNFINISHED).unlink()
    return path


def _begin(out: Path, path: Path, plan: Plan) -> None:
    """Record the settings in the folder, or compare them with those of the unfinished set that it holds."""
    unfinished = out / _UNFINISHED
    if unfinished.exists():
        before = read_json(Plan, unfinished)
        if before != plan:
            raise ValueError(
                f"{out}: holds an unfinished pack of size {before.size}, room {before.room:g}, annotations "
                f"{before.annotations_sha256[:12]}; continue with those, or remove the folder"
            )
    elif path.exists() or (out / "images").exists():
        raise ValueError(f"{out}: holds a set already; remove the folder or choose another one")
    else:
        write_json(plan, unfinished)


def _photo(persons: tuple[Person, ...], members: list[int], images: Path, plan: Plan) -> str:
    """Write the pictures of a photo's people that do not exist yet, and return the photo's digest."""
    first = persons[members[0]]
    raw = read_bytes(first.image_path)
    missing = [i for i in members if not (images / _name(i)).exists()]
    if missing:
        photo = decode_image(raw, first.image_path, first.image_hw)
    for i in missing:
        matrix, picture_hw = cut(persons[i], plan)
        picture = crop.warp(photo, matrix, picture_hw)
        write_whole(images / _name(i), encode_image(picture, ".jpg", plan.quality))
    return digest(raw)


def _name(i: int) -> str:
    return f"{i + 1:012d}.jpg"


def _entries(
    i: int, person: Person, people: People, plan: Plan, photo_digest: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Make the entries of `images` and `annotations`; `photo` names the photo and the matrix from it."""
    matrix, picture_hw = cut(person, plan)
    keypoints = np.zeros_like(person.keypoints)
    labelled = person.labelled
    keypoints[labelled, :2] = crop.move_points(person.keypoints[labelled, :2], matrix)
    keypoints[:, 2] = person.keypoints[:, 2]
    photo = {
        "image_id": person.image_id,
        "file_name": person.image_path.relative_to(people.images_dir).as_posix(),
        "matrix": matrix.ravel().tolist(),
    }
    box = np.round(crop.move_box(np.asarray(person.box_xywh), matrix), 4).tolist()
    area = round(person.area * matrix[0, 0] ** 2, 4)
    return (
        coco_json.image(i + 1, _name(i), picture_hw, photo_digest=photo_digest, photo=photo),
        coco_json.annotation(person.annotation_id, i + 1, keypoints, box, area, decimals=4),
    )


def _check(path: Path, people: People, plan: Plan) -> None:
    """Read the set back and compare its keypoints with the photos'; raise ValueError if one has moved."""
    packed = coco.load(path, skeleton=people.skeleton)
    for person, original in zip(packed.persons, people.for_training(1).persons, strict=True):
        back = crop.move_points(person.keypoints[:, :2], crop.invert(cut(original, plan)[0]))
        off = np.abs(back - original.keypoints[:, :2])[original.labelled].max()
        if off > TOLERANCE_PX or not np.array_equal(person.keypoints[:, 2], original.keypoints[:, 2]):
            path.unlink()
            raise ValueError(f"{path}: annotation {person.annotation_id} is {off:.3f} px off its photo's keypoints")
