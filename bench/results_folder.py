"""A folder of results: one JSON file per record."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from poseport.bench.record import Accuracy, Result
from poseport.records import read_json, write_json


def file_name(result: Result) -> str:
    """Name of a record's file: a repeated measurement replaces the older one."""
    m, e = result.measured, result.environment
    if isinstance(m, Accuracy):
        way = repr((m.data.sha256, m.data.people, m.boxes, m.flip, m.keypoints, *filter(None, [m.decoder])))
        parts = [result.model.name, "accuracy", _word(Path(m.data.file).stem), f"{len(m.keypoints)}kp"]
        parts += [*filter(None, [m.decoder]), hashlib.sha256(way.encode()).hexdigest()[:6]]
        parts += [_word(" ".join(map(str, e.conditions)))] if e.device != "host" else []
    else:
        parts = [result.model.name, m.kind, _word(e.device), f"{e.threads}t"]
        if e.device != "host":
            parts.append(_word(e.delegate))
        elif e.delegate == "none":
            parts.append("no-delegate")
    return ".".join(parts) + ".json"


def save(result: Result, directory: Path) -> Path:
    """Write a record into a folder of results."""
    path = Path(directory) / file_name(result)
    write_json(result, path)
    return path


def load_all(directory: Path) -> list[Result]:
    """Every record of a folder, by file name; ValueError when there is none, or one cannot be read."""
    directory = Path(directory)
    paths = sorted(directory.glob("*.json")) if directory.is_dir() else []
    if not paths:
        raise ValueError(f"{directory}: holds no results; `poseport bench accuracy … --out {directory}` writes them")
    return [read_json(Result, path) for path in paths]


def load_some(path: Path) -> list[Result]:
    """Records that somebody kept: a file, or a folder of them, of one model; ValueError when of several."""
    found = [read_json(Result, path)] if Path(path).is_file() else load_all(path)
    names = sorted({r.model.name for r in found})
    if len(names) > 1:
        raise ValueError(f"{path}: holds records of {', '.join(names)}; expected those of one model")
    return found


def _word(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "unnamed"
