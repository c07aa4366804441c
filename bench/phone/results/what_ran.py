"""What ran the network on a phone, from the runtime's log and the number of the interpreter's steps.

For each delegate TFLite logs "Replacing 71 out of 85 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 3
partitions ...": how many operations it took, and into how many pieces that divides the network, but not which ones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poseport.bench.delegate_record import Ran
from poseport.bench.measure.describe import inspect_first
from poseport.bench.phone.files import Hardware
from poseport.bench.phone.logcat import RUNTIME_LOG, LogLine, parse
from poseport.files.safe_path import read_file
from poseport.tflite import delegates, partition

_REPLACING = re.compile(
    r"Replacing (\d{1,6}) out of (\d{1,6}) node\(s\) with delegate \(([^)]*)\) node, yielding (\d{1,6}) partitions"
)
_ASKED = {"CPU": "XNNPACK", "GPU": "GPU", "NNAPI": "NNAPI"}
_TABLES = {"XNNPACK": delegates.XNNPACK, "GPU": delegates.GPU}
_MAX_LOG_BYTES = 2**20
_LONGEST_ERROR = 160


def what_ran(path: Path, hardware: Hardware, folder: Path, result: dict[str, Any]) -> Ran | None:
    """Find out what ran a file on a phone.

    Args:
        path: The file.
        hardware: What was asked to run it.
        folder: Folder of the run, with the runtime's log.
        result: The app's result: `operations` of the file's first network and `steps` of the interpreter, if it tells.

    Returns:
        What ran; None if the file cannot be inspected here.
    """
    inspection = inspect_first(path)
    if inspection is None:
        return None
    asked = _ASKED[hardware]
    table = _TABLES.get(asked)
    predicted = None if table is None else partition.predict(inspection, table)[0]
    log = folder / RUNTIME_LOG
    lines = parse(read_file(log, _MAX_LOG_BYTES).decode(errors="replace")) if log.is_file() else []
    error = next((line.text[:_LONGEST_ERROR] for line in lines if line.level in "EF"), "")
    nothing = partition.of_operations(inspection, ())
    if _untouched(result):
        return Ran(asked, "steps", nothing, predicted, error)
    replaced = _first_graph(lines, len(inspection.ops))
    if not replaced:
        return Ran(asked, "nothing", None, predicted, error)
    own = [(one.taken, one.pieces) for one in replaced if asked.lower() in one.name.lower()]
    others = tuple(f"{one.name} {one.taken} of {one.of}" for one in replaced if asked.lower() not in one.name.lower())
    found = partition.from_counts(inspection, *own[0], predicted) if own else nothing
    return Ran(asked, "log", found, predicted, error, others)


def _untouched(result: dict[str, Any]) -> bool:
    """Whether the interpreter runs every operation of the file as a step of its own, so that no delegate took any."""
    steps, operations = result.get("steps"), result.get("operations")
    return isinstance(steps, int) and isinstance(operations, int) and steps == operations > 0


@dataclass(frozen=True)
class _Replaced:
    """A line "Replacing `taken` out of `of` node(s) with delegate (`name`) node, yielding `pieces` partitions"."""

    name: str
    taken: int
    of: int
    pieces: int


def _first_graph(lines: list[LogLine], operations: int) -> list[_Replaced]:
    """The delegates that divided the first network.

    The first line of a network counts all of its operations; a later one what an earlier delegate left of them, and the
    delegate's pieces.
    """
    found: list[_Replaced] = []
    for line in lines:
        match = _REPLACING.search(line.text)
        if match is None:
            continue
        one = _Replaced(match[3], min(int(match[1]), int(match[2])), int(match[2]), max(int(match[4]), 1))
        if not found and one.of != operations:
            continue  # another network's
        if found:
            left = min(found[-1].of - found[-1].taken + found[-1].pieces, operations - 1)
            if one.of > left or one.name in {known.name for known in found}:
                break  # the next network
        found.append(one)
    return found
