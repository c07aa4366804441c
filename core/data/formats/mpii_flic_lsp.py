"""MPII, FLIC and LSP as they are downloaded -> people that `coco_folder` writes in COCO form.

What their files mean is taken from the sets' own readmes and from the conversion that Convolutional Pose
Machines trained with (https://github.com/shihenw/convolutional-pose-machines-release, training/genJSON.m).
MATLAB counts pixels from 1: x and y lose 1 here. Left and right are the person's own in all four sets.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from poseport.data.formats.coco_folder import ConvertedSet, LabelledPerson
from poseport.skeleton import Skeleton
from poseport.skeletons import FLIC11, LSP14, MPII16

T = TypeVar("T")

# the columns of FLIC's coords that are labelled, in the order of `FLIC11`; the other 18 are NaN
_FLIC_COLUMNS = [0, 1, 2, 3, 4, 5, 6, 9, 12, 13, 16]
_LSP_TRAIN = 1000
_IMAGE_NUMBER = re.compile(r"im0*(\d+)\.(jpg|jpeg|png)", re.IGNORECASE)


def mpii(path: Path) -> ConvertedSet:
    """MPII Human Pose (Andriluka et al. 2014): `mpii_human_pose_v1_u12_1.mat`, variable RELEASE.

    A box is the square of 200 px x scale that hourglasses are trained on, 15 px x scale below the centre so
    that feet are not cut off (Newell et al. 2016). `head_box` keeps the rectangle that the official PCKh
    measures by. A point without a visibility (head top and neck) counts as visible. The test people have no
    public labels; whoever has none is left out.
    """
    release = read_mat(path, "RELEASE")
    expected = "the fields of version 1.0: annolist.image.name, annolist.annorect.annopoints.point, img_train"

    def read(entry: tuple[dict[str, Any], Any]) -> Iterator[LabelledPerson]:
        image, is_train = entry
        for rectangle in _many(image["annorect"]):
            yield LabelledPerson(
                split="train" if is_train else "test",
                file_name=str(image["image"]["name"]),
                keypoints=_mpii_keypoints(rectangle),
                box_xywh=_mpii_box(rectangle),
                more=_mpii_head(rectangle),
            )

    try:
        entries = list(zip(_many(release["annolist"]), np.atleast_1d(release["img_train"]), strict=True))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise ValueError(f"{path}: RELEASE: {_reason(error)}; expected {expected}") from None
    return _converted("MPII Human Pose", MPII16, _each(path, entries, read, expected))


def flic(path: Path) -> ConvertedSet:
    """FLIC (Sapp and Taskar 2013): `examples.mat`, variable examples.

    Only the upper body is labelled, and not whether it is seen. A box is 2.2 heights of the torso that a
    detector found, about the chest, as Convolutional Pose Machines cut it; `torso_box` keeps the torso.
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
        entries = _many(examples)
    except TypeError as error:
        raise ValueError(f"{path}: examples: {_reason(error)}; expected structs with {expected}") from None
    return _converted("FLIC", FLIC11, _each(path, entries, read, expected))


def lsp(path: Path, images: Path) -> ConvertedSet:
    """Leeds Sports Pose (Johnson and Everingham 2010) or its extension (2011): `joints.mat`, variable joints.

    The two say opposite things in the third number. LSP, (3, 14, N), has every joint labelled, 1 where it is
    hidden; its first thousand train, the others test. LSPET, (14, 3, N), has 1 where a joint is labelled at
    all, and all of it trains. images: folder with im0001.jpg, im0002.jpg …, which the file does not name.
    """
    joints = np.asarray(read_mat(path, "joints"))
    joints = joints[..., None] if joints.ndim == 2 else joints  # of one person
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


def find_mat(source: Path, pattern: str) -> Path:
    """The .mat file itself, or the one of that name in a folder; ValueError says what is missing."""
    if source.is_file():
        return source
    found = sorted(source.glob(pattern))
    if len(found) != 1:
        raise ValueError(f"{source}: {len(found)} files are called {pattern}; give the .mat file or its folder")
    return found[0]


def read_mat(path: Path, variable: str) -> Any:
    """A variable of a MATLAB file: structs as dicts, arrays of structs as lists, what is empty as an empty array."""
    try:
        from scipy.io import loadmat
    except ImportError:
        raise ValueError('reading .mat files takes SciPy: pip install "poseport[data]"') from None
    try:
        content = loadmat(path, simplify_cells=True, variable_names=[variable])
    except Exception as error:  # a broken file trips the parser anywhere: struct, zlib, index and type errors
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path}: not a MATLAB file that can be read ({reason}); download it again") from None
    if variable not in content:
        raise ValueError(f"{path}: holds no variable {variable!r}; is it the file of another data set?")
    return content[variable]


def _converted(name: str, skeleton: Skeleton, everybody: Sequence[LabelledPerson]) -> ConvertedSet:
    labelled = [s for s in everybody if s.keypoints[:, 2].any()]
    kept = [s for s in labelled if s.split]
    left_out = {"without labels": len(everybody) - len(labelled), "in neither split": len(labelled) - len(kept)}
    return ConvertedSet(name, skeleton, kept, left_out)


def _each(
    path: Path, entries: Sequence[T], read: Callable[[T], Iterator[LabelledPerson]], expected: str
) -> list[LabelledPerson]:
    """What `read` makes of all entries; a missing or odd field raises a ValueError that names the entry."""
    people: list[LabelledPerson] = []
    for number, entry in enumerate(entries, 1):
        try:
            people += read(entry)
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise ValueError(f"{path}: entry {number}: {_reason(error)}; expected {expected}") from None
    return people


def _reason(error: Exception) -> str:
    return f"no field {error}" if isinstance(error, KeyError) else str(error)


def _many(value: Any) -> list[dict[str, Any]]:
    """An array of structs, which SciPy gives as a dict when it holds one and as an empty array when none."""
    if isinstance(value, dict):
        return [value]
    if isinstance(value, list):
        return value
    if np.size(value) == 0:
        return []
    raise TypeError(f"found {type(value).__name__} where structs are")


def _empty(struct: dict[str, Any], *names: str) -> bool:
    return any(name not in struct or (np.size(struct[name]) == 0) for name in names)


def _mpii_keypoints(rectangle: dict[str, Any]) -> np.ndarray:
    keypoints = np.zeros((len(MPII16), 3))
    if _empty(rectangle, "annopoints"):
        return keypoints
    for point in _many(rectangle["annopoints"]["point"]):
        hidden = not _empty(point, "is_visible") and int(point["is_visible"]) == 0
        number = int(point["id"])
        if not 0 <= number < len(MPII16):
            raise ValueError(f"a point has id {number}, expected 0 to {len(MPII16) - 1}")
        keypoints[number] = float(point["x"]) - 1, float(point["y"]) - 1, 1 if hidden else 2
    return keypoints


def _mpii_box(rectangle: dict[str, Any]) -> tuple[float, float, float, float] | None:
    if _empty(rectangle, "scale", "objpos"):
        return None
    scale = float(rectangle["scale"])
    x, y = float(rectangle["objpos"]["x"]) - 1, float(rectangle["objpos"]["y"]) - 1 + 15 * scale
    return x - 100 * scale, y - 100 * scale, 200 * scale, 200 * scale


def _mpii_head(rectangle: dict[str, Any]) -> dict[str, Any]:
    if _empty(rectangle, "x1", "y1", "x2", "y2"):
        return {}
    left, top, right, bottom = (float(rectangle[name]) - 1 for name in ("x1", "y1", "x2", "y2"))
    return {"head_box": [left, top, right - left, bottom - top]}


def _lsp_images(path: Path, images: Path, count: int) -> Iterator[str]:
    """File name of each person, in order. ValueError for one that is missing."""
    numbers = {int(m[1]): m[0] for m in map(_IMAGE_NUMBER.fullmatch, sorted(f.name for f in images.iterdir())) if m}
    if len(numbers) == count:  # also where numbers were left out, as in the high-resolution LSPET
        yield from (numbers[i] for i in sorted(numbers))
        return
    for i in range(1, count + 1):
        if i not in numbers:
            raise ValueError(f"{images}: image {i} of the {count} people of {path} is missing; name another --images")
        yield numbers[i]
