"""Records as an attacker or a broken tool writes them, made from the small records that the repository keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDS = Path(__file__).parent.parent / "data" / "records"
NAMES = {
    (model, kind): next(RECORDS.glob(f"tiny.{model}.{kind}.*"))
    for model in ("float32", "int8")
    for kind in ("accuracy", "latency")
}


def data(model: str, kind: str) -> Any:
    """A stored record as plain data, to be changed."""
    return json.loads(NAMES[model, kind].read_text())


def write(folder: Path, *records: Any) -> Path:
    """Write records into a folder of results."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, record in enumerate(records):
        (folder / f"{number}.json").write_text(json.dumps(record))
    return folder
