"""Run a .tflite file on a phone and return its raw outputs, for `poseport verify`."""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np

from poseport.bench.phone import run
from poseport.bench.phone.adb import Device
from poseport.bench.phone.files import Hardware, Sent
from poseport.bench.phone.parts import Job
from poseport.bench.phone.results.predictions import outputs, parts
from poseport.bench.phone.run import Cannot
from poseport.tflite.interpreter import Runner


def on_phone(device: Device, hardware: Hardware = "CPU") -> Callable[[bytes, np.ndarray], np.ndarray]:
    """Make a function that runs a single-stage file on a phone, which must have the app installed.

    Args:
        device: The phone.
        hardware: Delegate that runs the network.

    Returns:
        A function of a flatbuffer and input tensors (n, H, W, 3) of its input type that returns raw outputs (n, ...),
        and that removes what it sent to the phone.

    Raises:
        ValueError: by that function, with one line for any fault on the phone.
    """

    def run_tensors(flatbuffer: bytes, tensors: np.ndarray) -> np.ndarray:
        with tempfile.TemporaryDirectory() as scratch:
            model, people = Path(scratch) / "model.tflite", Path(scratch) / "tensors.bin"
            model.write_bytes(flatbuffer)
            data = np.ascontiguousarray(tensors).tobytes()
            people.write_bytes(data)
            sent = Sent(people, "tensors", hashlib.sha256(data).hexdigest(), len(data), len(tensors))
            job = Job(device, model, sent, Path(scratch) / "phone", threading.Event())
            description = run.describe(job, hardware, 1, repeat=1, warm_up=0)
            try:
                folder = run.measure(job, description, lambda people: None)
                if isinstance(folder, Cannot):
                    raise ValueError(f"{device.serial}: {folder.reason}")
                described = Runner(flatbuffer, str(model)).outputs
                return np.concatenate(
                    [outputs(path, count, described)[0] for path, count in parts(folder, description)]
                )
            finally:
                with suppress(ValueError):  # a disconnected phone keeps the files until the next run
                    run.forget(job, [description])

    return run_tensors
