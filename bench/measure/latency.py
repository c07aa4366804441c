"""Measure the latency per person on this machine in fresh processes, and keep every sample."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from poseport.bench.measure.describe import host, model_info
from poseport.bench.measure.timing import WARMUP, Crop, Request, Samples
from poseport.bench.record import Latency, Result
from poseport.data.people import Person
from poseport.records import dumps, loads
from poseport.tflite.runner import load

RUNS = 1024
MAX_SECONDS = 60.0
PROCESSES = 2
MOST_PEOPLE = 32


def measure(
    path: Path,
    threads: int,
    *,
    xnnpack: bool = True,
    runs: int = RUNS,
    max_seconds: float = MAX_SECONDS,
    persons: Sequence[Person] = (),
    name: str = "one drawn person",
) -> Result:
    """Time the crop, the network and the decoder separately, in two fresh processes one after the other.

    Args:
        path: A converted file.
        threads: Number of threads of the interpreter.
        xnnpack: Whether to use the XNNPACK delegate; otherwise TFLite's own kernels run.
        runs: Number of timed people, both processes together.
        max_seconds: Stop after this many seconds in total, but not before 10 people per process.
        persons: People to crop in turns; the first 32 whose box has an area are used. Empty for one drawn person.
        name: Description of the people in the record.

    Returns:
        A latency record, with times in microseconds.

    Raises:
        ValueError: if the file cannot be run.
    """
    model = load(path, threads, xnnpack=xnnpack)  # a faulty file fails here, before any process starts
    environment = host(model)
    usable = [p for p in persons if min(p.box_xywh[2:]) > 0][:MOST_PEOPLE]
    crops = tuple(Crop(str(p.image_path.absolute()), p.box_xywh) for p in usable)
    file, runs_per_process = str(Path(path).absolute()), -(-runs // PROCESSES)
    request = Request(file, threads, xnnpack, runs_per_process, max_seconds / PROCESSES, crops)
    parts = [_fresh(request) for _ in range(PROCESSES)]
    measured = Latency(
        kind="latency",
        input=name if crops else "one drawn person",
        load_us=parts[0].load_us,
        first_us=parts[0].first_us,
        warmup=WARMUP,
        invoke_us=tuple(us for part in parts for us in part.invoke_us),
        prepare_us=tuple(us for part in parts for us in part.prepare_us),
        decode_us=tuple(us for part in parts for us in part.decode_us),
        before_bytes=parts[0].before_bytes,
        peak_bytes=parts[0].peak_bytes,
        repeats=tuple(len(part.invoke_us) for part in parts),
    )
    return Result(model_info(model), environment, measured)


def _fresh(request: Request) -> Samples:
    """Run a request in a new process."""
    command = [sys.executable, "-m", "poseport.bench.measure.timing"]
    process = subprocess.run(command, input=dumps(request), capture_output=True, text=True, check=False)
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        raise ValueError(f"{request.file}: the process that times it ended ({lines[-1]})")
    return loads(Samples, process.stdout, "timing process")
