"""The accuracy in a record, and files of detections."""

from __future__ import annotations

import json
from pathlib import Path

from poseport.bench.record import Accuracy, Result


def recorded(found: Result) -> Accuracy:
    assert isinstance(found.measured, Accuracy)
    return found.measured


def detected(path: Path, entries: object) -> Path:
    path.write_text(json.dumps(entries))
    return path
