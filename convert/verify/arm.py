"""Run a .tflite on an emulated Arm processor, with the library that a phone uses."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import numpy as np

from poseport.convert.verify.verification import Place

WORKER = Path(__file__).with_name("arm_worker.py")


def place(folder: Path) -> Place:
    """Prepare the emulated processor in a folder that `make arm-parity` made.

    Args:
        folder: The folder, usually `.arm`.

    Returns:
        The processor as `verification.verify` takes it.

    Raises:
        ValueError: If the folder does not hold an emulated Python.
    """
    python = folder / "python"
    if not python.is_file():
        raise ValueError(f"{folder}: holds no emulated python; run `make arm-parity` and give --arm .arm")

    def run(flatbuffer: bytes, tensors: np.ndarray) -> np.ndarray:
        """Compute raw outputs; the ValueError of a failed run ends with the emulator's last line."""
        with tempfile.TemporaryDirectory() as scratch:
            model, inputs, outputs = (Path(scratch) / name for name in ("model.tflite", "tensors.npy", "outputs.npy"))
            model.write_bytes(flatbuffer)
            np.save(inputs, tensors)
            # -P keeps the other files of this folder from being imported as modules
            command: list[str | Path] = [python.resolve(), "-P", WORKER, model, inputs, outputs]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode or not outputs.is_file():
                lines = [line for line in done.stderr.strip().splitlines() if not line.startswith("INFO")]
                last = (lines or [f"exit code {done.returncode}"])[-1]
                raise ValueError(f"{folder}: the emulated run failed ({last[:160]}); make it again: rm -r {folder}")
            return np.asarray(np.load(outputs))

    return run
