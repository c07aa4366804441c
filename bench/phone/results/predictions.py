"""Read what a phone predicted: raw outputs and keypoints, part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poseport import crop, pose
from poseport.bench.phone.files import Description
from poseport.bench.phone.parts import MAX_RESULT_BYTES, PART, read
from poseport.data.people import Person
from poseport.files import safe_path
from poseport.tflite.runner import Pose


def keypoints(
    model: Pose, run: Description, folder: Path, persons: Sequence[Person]
) -> tuple[np.ndarray, float | None]:
    """Read the keypoints of a run: decoded here from raw outputs, or as the phone reports them for whole images.

    Args:
        model: The loaded file.
        run: What was measured.
        folder: Folder of the run.
        persons: The N people whose crops were sent.

    Returns:
        (N, K, 3) x, y in image pixels and score, and the largest distance in input pixels between the keypoints of the
        app's decoder and of this package's (None for whole images).

    Raises:
        ValueError: if a part is damaged or missing.
    """
    found, apart = [], 0.0
    for path, those, reported in _parts(model, run, folder, persons):
        if run.mode == "images":
            found.append(reported)
            continue
        maps = raw(model, path, len(those))
        found.append(pose.decode(model.spec, maps, matrices(model, those)))
        apart = max(apart, float(np.abs(pose.decode_input(model.spec, maps)[..., :2] - reported[..., :2]).max()))
    return np.concatenate(found), None if run.mode == "images" else apart


def first_outputs(model: Pose, run: Description, folder: Path, persons: Sequence[Person]) -> np.ndarray:
    """Read what the phone gave for the first part: raw outputs, or keypoints for whole images.

    Args:
        model: The loaded file.
        run: What was measured.
        folder: Folder of the run.
        persons: The people whose crops were sent.

    Returns:
        (n, *spec.output_shape) float32 or (n, K, 3) float64 in image pixels, with whatever values the phone gave.

    Raises:
        ValueError: if the part is damaged or missing.
    """
    path, those, reported = next(_parts(model, run, folder, persons))
    return reported if run.mode == "images" else raw(model, path, len(those))


def raw(model: Pose, part: Path, count: int) -> np.ndarray:
    """Read the raw outputs of a part as the decoder takes them.

    Args:
        model: The loaded file.
        part: The part's JSON file.
        count: Number of people in it.

    Returns:
        (count, *spec.output_shape) float32.

    Raises:
        ValueError: if the file is missing or truncated.
    """
    return model.read([outputs(part, count, model.runner.outputs)])


def matrices(model: Pose, persons: Sequence[Person]) -> np.ndarray:
    """Compute the crop matrices of people.

    Args:
        model: The loaded file.
        persons: N people.

    Returns:
        (N, 2, 3) from image pixels to input pixels.
    """
    spec = model.spec
    return np.stack([crop.crop_matrix(np.array(p.box_xywh), spec.input_hw, spec.padding) for p in persons])


def _parts(
    model: Pose, run: Description, folder: Path, persons: Sequence[Person]
) -> Iterator[tuple[Path, Sequence[Person], np.ndarray]]:
    """Each part, its people, and the keypoints (n, K, 3) that the phone reports."""
    for path, count in parts(folder, run):
        part, those = read(path), persons[int(path.stem) : int(path.stem) + count]
        key = "image_px" if run.mode == "images" else "input_px"
        reported = np.array(part[key], np.float64).reshape(-1, len(model.spec.skeleton), 3)
        if len(reported) != len(those):
            raise ValueError(
                f"{path}: {len(reported)} people, expected {len(those)}; remove it, and it is measured again"
            )
        yield path, those, reported


def parts(folder: Path, run: Description) -> list[tuple[Path, int]]:
    """List the parts of a run in order, each with its number of people.

    Args:
        folder: Folder of the run.
        run: What was measured.

    Raises:
        ValueError: if one is missing.
    """
    files = [(folder / f"{first}.json", min(PART, run.count - first)) for first in range(0, run.count, PART)]
    missing = [path for path, _ in files if not path.is_file()]
    if missing:
        raise ValueError(f"{missing[0]}: is missing; remove {folder}, and it is measured again")
    return files


def outputs(part: Path, count: int, described: Sequence[dict[str, Any]]) -> list[np.ndarray]:
    """Read the raw outputs of a part: for each person, all output tensors one after the other.

    Args:
        part: The part's JSON file; the outputs lie beside it.
        count: Number of people in the part.
        described: Descriptions of the output tensors by the interpreter, in the spec's order.

    Returns:
        For each tensor (count, ...) in its own type.

    Raises:
        ValueError: if the file is missing or truncated.
    """
    path = part.with_suffix(".bin")
    raw = safe_path.read_file(path, MAX_RESULT_BYTES) if path.is_file() else b""
    row = np.dtype([(str(i), one["dtype"], tuple(one["shape"][1:])) for i, one in enumerate(described)])
    if len(raw) != count * row.itemsize:
        raise ValueError(f"{path}: is cut off; remove {part.name}, and it is measured again")
    rows = np.frombuffer(raw, row)
    return [rows[name] for name in row.names or ()]
