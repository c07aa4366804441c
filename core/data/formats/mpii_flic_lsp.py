"""Read MPII, FLIC and LSP as they are downloaded; `coco_folder` writes them in COCO form.

The meaning of their files is from the sets' own readmes and from the conversion for the training of Convolutional
Pose Machines (https://github.com/shihenw/convolutional-pose-machines-release, training/genJSON.m). MATLAB counts
pixels from 1, so 1 is subtracted from x and y. Left and right are the person's own in all four sets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from poseport.data.formats.coco_folder import ConvertedSet, LabelledPerson
from poseport.data.formats.matlab import is_empty, read_mat, structs
from poseport.skeleton import Skeleton
from poseport.skeletons import FLIC11, LSP14, MPII16

T = TypeVar("T")

# the labelled columns of FLIC's coords, in the order of `FLIC11`; the other 18 are NaN
_FLIC_COLUMNS = [0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16]
_LSP_TRAIN = 1000
_IMAGE_NUMBER = re.compile(r"im0*(\d+)\.(jpg|jpeg|png)", re.IGNORECASE)


def mpii(path: Path) -> ConvertedSet:
    """Read MPII Human Pose (Andriluka et al. 2014): `mpii_human_pose_v1_u12_1.mat`, variable RELEASE.

    A box is the square of 200 px x scale that hourglasses are trained on, 15 px x scale below the centre so that feet
    are not cut off (Newell et al. 2016). `head_box` keeps the rectangle that the official PCKh measures by. A point
    without a visibility (head top and neck) counts as visible. The test people have no public labels; people without
    labels are left out.

    Args:
        path: The .mat file.

    Returns:
        The people.

    Raises:
        ValueError: If the file has another form; the message names the entry.
    """
    release = read_mat(path, "RELEASE")
    expected = "the fields of version 1.0: annolist.image.name, annolist.annorect.annopoints.point, img_train"

    def read(entry: tuple[dict[str, Any], Any]) -> Iterator[LabelledPerson]:
        image, is_train = entry
        for rectangle in structs(image["annorect"]):
            yield LabelledPerson(
                split="train" if is_train else "test",
                file_name=str(image["image"]["name"]),
                keypoints=_mpii_keypoints(rectangle),
                box_xywh=_mpii_box(rectangle),
                more=_mpii_head(rectangle),
            )

    try:
        entries = list(zip(structs(release["annolist"]), np.atleast_1d(release["img_train"]), strict=True))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"{path}: RELEASE: {_reason(error)}; expected {expected}") from None
    return _converted("MPII Human Pose", MPII16, _each(path, entries, read, expected))


def flic(path: Path) -> ConvertedSet:
    """Read FLIC (Sapp and Taskar 2013): `examples.mat`, variable examples.

    Only the upper body is labelled, without its visibility. A box is 2.2 heights of the torso that a detector found,
    about the chest, as in Convolutional Pose Machines; `torso_box` keeps the torso.

    Args:
        path: The .mat file.

    Returns:
        The people.

    Raises:
        ValueError: If the file has another form; the message names the entry.
    """

    def read(example: dict[str, Any]) -> Iterator[LabelledPerson]:
        points = np.asarray(example["coords"], float)[:2, _FLIC_COLUMNS].T - 1
        known = np.isfinite(points).all(axis=1)
        left, top, right, bottom = (float(v) - 1 for v in example["torsobox"])
        side = 2.2 * (bottom - top)
        yield LabelledPerson(
            split="train" if example["istrain"] else "test" if example["istest"] else "",
            file_name=str(example["filepath"]),
            keypoints=np.column_stack([np.where(known[:, None], points, 0), 2 * known]),
            box_xywh=((left + right - side) / 2, 0.7 * top + 0.3 * bottom - side / 2, side, side),
            more={"torso_box": [left, top, right - left, bottom - top]},
        )

    expected = "coords (2, 29), filepath, torsobox, istrain and istest"
    examples = read_mat(path, "examples")
    try:
        entries = structs(examples)
    except TypeError as error:
        raise ValueError(f"{path}: examples: {_reason(error)}; expected structs with {expected}") from None
    return _converted("FLIC", FLIC11, _each(path, entries, read, expected))


def lsp(path: Path, images: Path) -> ConvertedSet:
    """Read Leeds Sports Pose (Johnson and Everingham 2010) or its extension (2011): `joints.mat`, variable joints.

    The third number has opposite meanings. In LSP, (3, 14, N), every joint is labelled, and 1 means hidden; the first
    thousand people are for training, the others for testing. In LSPET, (14, 3, N), 1 means that a joint is labelled at
    all, and all people are for training.

    Args:
        path: The .mat file.
        images: Folder with im0001.jpg, im0002.jpg ..., which the file does not name.

    Returns:
        The people.

    Raises:
        ValueError: If the file has another form, or an image is missing.
    """
    joints = np.asarray(read_mat(path, "joints"))
    joints = joints[..., None] if joints.ndim == 2 else joints  # a set of one person
    if joints.ndim != 3 or joints.shape[:2] not in ((3, 14), (14, 3)):
        raise ValueError(f"{path}: joints is {joints.shape}; expected (3, 14, N) of LSP or (14, 3, N) of LSPET")
    extended = joints.shape[0] == 14
    joints = joints.transpose(2, 0, 1) if extended else joints.transpose(2, 1, 0)
    flags = joints[..., 2]
    if not np.isin(flags, (0, 1)).all():
        raise ValueError(f"{path}: the third number of a joint is {flags.min():g} to {flags.max():g}; expected 0 or 1")
    seen = np.where(flags == 1, 2, 0) if extended else np.where(flags == 1, 1, 2)
    keypoints = np.concatenate([np.where(seen[..., None] > 0, joints[..., :2] - 1, 0), seen[..., None]], axis=-1)
    splits = ["train" if extended or i < _LSP_TRAIN else "test" for i in range(len(joints))]
    people = map(LabelledPerson, splits, _lsp_images(path, images, len(joints)), keypoints)
    return _converted("Leeds Sports Pose" + (" Extended" if extended else ""), LSP14, list(people))


def _converted(name: str, skeleton: Skeleton, everybody: Sequence[LabelledPerson]) -> ConvertedSet:
    labelled = [s for s in everybody if s.keypoints[:, 2].any()]
    kept = [s for s in labelled if s.split]
    left_out = {"without labels": len(everybody) - len(labelled), "in neither split": len(labelled) - len(kept)}
    return ConvertedSet(name, skeleton, kept, left_out)


def _each(
    path: Path, entries: Sequence[T], read: Callable[[T], Iterator[LabelledPerson]], expected: str
) -> list[LabelledPerson]:
    """Apply `read` to all entries; a missing or odd field raises a ValueError that names the entry."""
    people: list[LabelledPerson] = []
    for number, entry in enumerate(entries, 1):
        try:
            people += read(entry)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise ValueError(f"{path}: entry {number}: {_reason(error)}; expected {expected}") from None
    return people


def _reason(error: Exception) -> str:
    return f"no field {error}" if isinstance(error, KeyError) else str(error)


def _mpii_keypoints(rectangle: dict[str, Any]) -> np.ndarray:
    keypoints = np.zeros((len(MPII16), 3))
    if is_empty(rectangle, "annopoints"):
        return keypoints
    for point in structs(rectangle["annopoints"]["point"]):
        hidden = not is_empty(point, "is_visible") and int(point["is_visible"]) == 0
        number = int(point["id"])
        if not 0 <= number < len(MPII16):
            raise ValueError(f"a point has id {number}, expected 0 to {len(MPII16) - 1}")
        keypoints[number] = float(point["x"]) - 1, float(point["y"]) - 1, 1 if hidden else 2
    return keypoints


def _mpii_box(rectangle: dict[str, Any]) -> tuple[float, float, float, float] | None:
    if is_empty(rectangle, "scale", "objpos"):
        return None
    scale = float(rectangle["scale"])
    x, y = float(rectangle["objpos"]["x"]) - 1, float(rectangle["objpos"]["y"]) - 1 + 15 * scale
    return x - 100 * scale, y - 100 * scale, 200 * scale, 200 * scale


def _mpii_head(rectangle: dict[str, Any]) -> dict[str, Any]:
    if is_empty(rectangle, "x1", "y1", "x2", "y2"):
        return {}
    left, top, right, bottom = (float(rectangle[name]) - 1 for name in ("x1", "y1", "x2", "y2"))
    return {"head_box": [left, top, right - left, bottom - top]}


def _lsp_images(path: Path, images: Path, count: int) -> Iterator[str]:
    """Yield the file name of each person, in order; raise ValueError if one is missing."""
    numbers = {int(m[1]): m[0] for m in map(_IMAGE_NUMBER.fullmatch, sorted(f.name for f in images.iterdir())) if m}
    if len(numbers) == count:  # numbers may have gaps, as in the high-resolution LSPET
        yield from (numbers[i] for i in sorted(numbers))
        return
    for i in range(1, count + 1):
        if i not in numbers:
            raise ValueError(f"{images}: image {i} of the {count} people of {path} is missing; name another --images")
        yield numbers[i]
