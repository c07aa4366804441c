"""A .tflite on an emulated Arm processor: the library that a phone runs, without a phone."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from poseport.convert.verify import verify

SIDE = Path(__file__).with_name("arm_side.py")


def place(folder: Path) -> verify.Place:
    """`verify.Place` of the folder that `make arm-parity` made; ValueError when it is not one."""
    python = folder / "python"
    if not python.is_file():
        raise ValueError(f"{folder}: holds no emulated python; run `make arm-parity` and give --arm .arm")

    def run(flatbuffer: bytes, tensors: np.ndarray) -> np.ndarray:
        """Raw outputs; ValueError with the emulator's last line when it fails."""
        with tempfile.TemporaryDirectory() as scratch:
            model, given, found = (Path(scratch) / name for name in ("model.tflite", "tensors.npy", "outputs.npy"))
            model.write_bytes(flatbuffer)
            np.save(given, tensors)
            # -P: its neighbours in this folder are not modules of its Python
            command: list[str | Path] = [python.resolve(), "-P", SIDE, model, given, found]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode or not found.is_file():
                lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("INFO")]
                last = (lines or [f"exit code {done.returncode}"])[-1]
                raise ValueError(f"{folder}: the emulated run failed ({last[:160]}); make it again: rm -r {folder}")
            return np.asarray(np.load(found))

    return run
