"""Check that the disk has room for a network's weights before they are written."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

# generous estimate of an array's overhead in a weights file
_HDF5_BYTES = 4096


def check_room(model: Any, folder: Path) -> None:
    """Check that the disk has room for a network's weights; without room HDF5 would end the process.

    Args:
        model: The Keras model, whose optimizer counts if it has one.
        folder: An existing folder on the disk.

    Raises:
        ValueError: If there is too little room.
    """
    optimizer = getattr(model, "optimizer", None)
    kept = [*model.variables, *(optimizer.variables if optimizer else ())]
    needed = sum(4 * math.prod(one.shape) + _HDF5_BYTES for one in kept)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise ValueError(f"{folder}: {needed / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB free; make room")
