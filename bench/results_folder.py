"""A folder of results: one JSON file per record."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from poseport.bench.detector_record import DetectorTimes
from poseport.bench.record import Accuracy, Environment, Pictures, Result
from poseport.files import safe_path
from poseport.records import read_json, write_json


def file_name(result: Result) -> str:
    """Name a record's file: the same measurement gets the same name, so that a new record replaces the older one.

    The name of the model comes from the record, which need not be trusted; it never leads out of the folder.

    Args:
        result: The record.

    Returns:
        The name.
    """
    m, e, name = result.measured, result.environment, safe_path.file_name(result.model.name)
    if isinstance(m, Accuracy):
        conditions = m.data.sha256, m.data.people, m.boxes, m.flip, m.keypoints, *filter(None, [m.decoder])
        parts = [name, "accuracy", _word(Path(m.data.file).stem), f"{len(m.keypoints)}kp"]
        parts += [*filter(None, [m.decoder]), hashlib.sha256(repr(conditions).encode()).hexdigest()[:6]]
        parts += [_word(" ".join(map(str, e.conditions)))] if e.device != "host" else []
    else:
        parts = [name, m.kind, *_place(e)]
        if isinstance(m, Pictures):
            parts.append(_word(m.detector.removesuffix(".tflite")))
    return ".".join(parts) + ".json"


def save(result: Result, directory: Path) -> Path:
    """Write a record into a folder of results.

    Args:
        result: The record.
        directory: The folder; created if missing.

    Returns:
        The path of the file.

    Raises:
        ValueError: if it cannot be written.
    """
    path = Path(directory) / file_name(result)
    write_json(result, path)
    return path


def save_detector(times: DetectorTimes, directory: Path) -> Path:
    """Write the times of a person detector into the folder `detectors` of a folder of results.

    Args:
        times: The record.
        directory: The folder of results; created if missing.

    Returns:
        The path of the file.

    Raises:
        ValueError: if it cannot be written.
    """
    name = ".".join([safe_path.file_name(times.name), times.latency.kind, *_place(times.environment)])
    path = Path(directory) / "detectors" / f"{name}.json"
    write_json(times, path)
    return path


def load(path: Path) -> Result:
    """Read one record.

    Args:
        path: The file.

    Returns:
        The record.

    Raises:
        ValueError: if it is not a regular file, is larger than 1 GiB, or does not hold a record.
    """
    return read_json(Result, Path(path))


def load_all(directory: Path) -> list[Result]:
    """Read every record of a folder.

    Args:
        directory: The folder.

    Returns:
        The records, in the order of the file names.

    Raises:
        ValueError: if there is none, or one cannot be read.
    """
    directory = Path(directory)
    paths = sorted(directory.glob("*.json")) if directory.is_dir() else []
    if not paths:
        raise ValueError(f"{directory}: holds no results; `poseport bench accuracy … --out {directory}` writes them")
    return [load(path) for path in paths]


def load_baseline(path: Path) -> list[Result]:
    """Read saved records of one model.

    Args:
        path: A record, or a folder of them.

    Returns:
        The records.

    Raises:
        ValueError: if they are of several models, or one cannot be read.
    """
    results = load_all(path) if Path(path).is_dir() else [load(path)]
    names = sorted({r.model.name for r in results})
    if len(names) > 1:
        raise ValueError(f"{path}: holds records of {', '.join(names)}; expected those of one model")
    return results


def _place(e: Environment) -> list[str]:
    """The parts of a name that say where times were taken."""
    if e.device != "host":
        return [_word(e.device), f"{e.threads}t", _word(e.delegate)]
    return [_word(e.device), f"{e.threads}t", *(["no-delegate"] if e.delegate == "none" else [])]


def _word(text: str) -> str:
    """Text as a part of a file name, of at most 80 characters."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:80] or "unnamed"
