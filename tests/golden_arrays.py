"""Golden vectors as files: arrays in a .bin, and the cases that name them in a .json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from poseport.records import loads
from poseport.spec import PoseSpec

FOLDER = Path(__file__).parent / "golden"
Case = dict[str, Any]


class Arrays:
    """The arrays of one .bin, little-endian, one behind the other at multiples of 4 bytes."""

    def __init__(self, data: bytes = b""):
        self.data = bytearray(data)
        self.offsets: dict[bytes, int] = {}

    def put(self, array: np.ndarray) -> Case:
        """Append an array, if its bytes are not there yet; returns what the JSON says of it."""
        raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
        if raw not in self.offsets:
            self.offsets[raw] = len(self.data)
            self.data += raw + bytes(-len(raw) % 4)
        return {"dtype": array.dtype.name, "shape": list(array.shape), "offset": self.offsets[raw]}

    def stored(self, entry: Case) -> Any:
        """What a case stores: one array, or several by their names."""
        return self.get(entry) if "offset" in entry else {name: self.get(part) for name, part in entry.items()}

    def get(self, entry: Case) -> np.ndarray:
        """An array that the JSON names."""
        dtype = np.dtype(entry["dtype"]).newbyteorder("<")
        count = int(np.prod(entry["shape"]))
        return np.frombuffer(bytes(self.data), dtype, count, entry["offset"]).reshape(entry["shape"])


def spec_of(case: Case) -> PoseSpec:
    """The spec of a case, read as a card's is."""
    return loads(PoseSpec, json.dumps(case["spec"]), case["name"])


def rows(array: np.ndarray) -> list[Any]:
    """Float64 numbers for JSON, NaN as null."""
    return [rows(part) if part.ndim else (float(part) if np.isfinite(part) else None) for part in np.asarray(array)]


def numbers(values: list[Any]) -> np.ndarray:
    """The inverse of `rows`."""
    return np.array(values, np.float64)
