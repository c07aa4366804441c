"""The file that keeps a teacher's keypoints, so that they are predicted once."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseport.records import dumps, loads, write_whole


@dataclass(frozen=True)
class CacheKey:
    """What a cache of keypoints belongs to.

    Attributes:
        teacher_sha256: Digest of the teacher's spec and weights.
        annotations_sha256: Digest of the annotations file.
        flip: Whether outputs were averaged with those of the mirrored crops.
    """

    teacher_sha256: str
    annotations_sha256: str
    flip: bool


def write(path: Path, key: CacheKey, found: np.ndarray, seen: np.ndarray) -> None:
    """Write a cache, whole or not at all.

    Args:
        path: The file, .npz.
        key: What the keypoints belong to.
        found: (N, K, 3) float32 keypoints.
        seen: (N,) bool, the people who are done.
    """
    file = io.BytesIO()
    np.savez(file, key=np.array(dumps(key)), keypoints=found, seen=seen)
    write_whole(path, file.getvalue())


def read(path: Path, key: CacheKey, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Read a cache.

    Args:
        path: The file.
        key: What the keypoints have to belong to.
        shape: (N, K, 3), the expected shape of the keypoints.

    Returns:
        The keypoints (N, K, 3) float32, and (N,) bool, the people who are done.

    Raises:
        ValueError: If the file cannot be read, or is of another teacher or other people.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            theirs, found, seen = str(file["key"]), file["keypoints"], file["seen"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: is not a cache of a teacher's keypoints ({error}); remove it") from None
    if loads(CacheKey, theirs, str(path)) != key or found.shape != shape or seen.shape != shape[:1]:
        raise ValueError(
            f"{path}: holds keypoints of another teacher or of other people than this command's; remove it, or name "
            "another --out or --teacher-cache"
        )
    return found, seen
