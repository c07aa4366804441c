"""Measure latency on this machine in fresh processes, per person or, of a detector, per picture; keep every sample."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from poseport.bench.detector_record import DetectorTimes
from poseport.bench.measure.describe import detector_times, host, model_info
from poseport.bench.measure.timing import WARMUP, Crop, Request, Samples, open_detector
from poseport.bench.record import Latency, Result
from poseport.data.people import Person
from poseport.records import dumps, loads
from poseport.tflite.runner import load

RUNS = 1024
MAX_SECONDS = 60.0
PROCESSES = 2
MOST_PEOPLE = 32
T = TypeVar("T")


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
    request = _request(path, threads, xnnpack, runs, max_seconds, persons)
    return Result(model_info(model), environment, _times(request, name))


def measure_detector(
    path: Path,
    threads: int,
    *,
    xnnpack: bool = True,
    runs: int = RUNS,
    max_seconds: float = MAX_SECONDS,
    persons: Sequence[Person] = (),
    name: str = "one drawn person",
) -> DetectorTimes:
    """Time the letterbox, the network and the decoder of a person detector, as `measure` times a pose network.

    Args:
        path: A converted detector.
        threads: As in `measure`.
        xnnpack: As in `measure`.
        runs: Number of timed pictures, both processes together.
        max_seconds: Stop after this many seconds in total, but not before 10 pictures per process.
        persons: People whose pictures are timed in turns; those of the first 32 whose box has an area are used. Empty
            for one drawn picture.
        name: Description of the pictures in the record.

    Returns:
        The record, with times in microseconds.

    Raises:
        ValueError: if the file cannot be run.
    """
    detector = open_detector(path, threads, xnnpack)
    environment = host(detector)
    pictures = list({p.image_path: p for p in persons}.values())
    request = _request(path, threads, xnnpack, runs, max_seconds, pictures, detector=True)
    return detector_times(detector, environment, _times(request, name))


def fresh(module: str, request: Any, answer: type[T]) -> T:
    """Run a request in a new process.

    Args:
        module: Name of a module of `poseport.bench.measure` that reads a request and writes samples.
        request: The request.
        answer: The record of the samples.

    Returns:
        The samples.

    Raises:
        ValueError: if the process failed.
    """
    command = [sys.executable, "-P", "-m", f"poseport.bench.measure.{module}"]
    process = subprocess.run(command, input=dumps(request), capture_output=True, text=True, check=False)
    if process.returncode:
        lines = process.stderr.strip().splitlines() or [f"exit code {process.returncode}"]
        raise ValueError(f"{request.file}: the process that times it ended ({lines[-1]})")
    return loads(answer, process.stdout, "timing process")


def _request(
    path: Path,
    threads: int,
    xnnpack: bool,
    runs: int,
    max_seconds: float,
    persons: Sequence[Person],
    *,
    detector: bool = False,
) -> Request:
    """The share of one process."""
    usable = [p for p in persons if min(p.box_xywh[2:]) > 0][:MOST_PEOPLE]
    crops = tuple(Crop(str(p.image_path.absolute()), p.box_xywh) for p in usable)
    file = str(Path(path).absolute())
    return Request(file, threads, xnnpack, -(-runs // PROCESSES), max_seconds / PROCESSES, crops, detector)


def _times(request: Request, name: str) -> Latency:
    parts = [fresh("timing", request, Samples) for _ in range(PROCESSES)]
    return Latency(
        kind="latency",
        input=name if request.people else "one drawn person",
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
