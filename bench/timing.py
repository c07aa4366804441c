"""A process of its own that times one file: `python -m poseport.bench.timing`, a request in, samples out.

Nothing that was loaded or grew warm in another process is in its load time, first run and memory.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseport import cascade, pose
from poseport.data.drawn import synth
from poseport.data.images import read_image
from poseport.records import dumps, loads
from poseport.tflite.runner import Pose, load

WARMUP = 20
LEAST = 10


@dataclass(frozen=True)
class Crop:
    """A person to crop: an image file and a box in it."""

    image: str
    box_xywh: tuple[float, float, float, float]


@dataclass(frozen=True)
class Request:
    """What to time. runs: people, fewer after max_seconds (at least ten). people: taken in turns; none: a drawn one."""

    file: str
    threads: int
    xnnpack: bool
    runs: int
    max_seconds: float
    people: tuple[Crop, ...] = ()


@dataclass(frozen=True)
class Samples:
    """Microseconds of each person, in order, and what came before; the names are those of `Latency`."""

    load_us: float
    first_us: float
    prepare_us: tuple[float, ...]
    invoke_us: tuple[float, ...]
    decode_us: tuple[float, ...]
    before_bytes: int | None
    peak_bytes: int | None


def timed(request: Request) -> Samples:
    """Load the file and run it person by person, each stage on the clock."""
    people = [(read_image(Path(c.image)), np.array([c.box_xywh])) for c in request.people] or [_drawn()]
    before = _peak_memory()
    began = time.perf_counter_ns()
    model = load(request.file, request.threads, xnnpack=request.xnnpack)
    load_us = (time.perf_counter_ns() - began) / 1e3
    first_us = _person(model, *people[0])[1]
    for image, box in itertools.islice(itertools.cycle(people), WARMUP):
        _person(model, image, box)
    samples = list(_samples(model, people, request.runs, request.max_seconds))
    prepare, invoke, decode = zip(*samples, strict=True)
    return Samples(load_us, first_us, prepare, invoke, decode, before, _peak_memory())


def _samples(
    model: Pose, people: list[tuple[np.ndarray, np.ndarray]], runs: int, max_seconds: float
) -> Iterator[tuple[float, float, float]]:
    stop = time.perf_counter() + max_seconds
    for count, (image, box) in enumerate(itertools.islice(itertools.cycle(people), runs)):
        if count >= LEAST and time.perf_counter() >= stop:
            return
        yield _person(model, image, box)


def _person(model: Pose, image: np.ndarray, box: np.ndarray) -> tuple[float, float, float]:
    """Microseconds of preparing, invoking and decoding; of a cascade, of all crops of all stages."""
    spent, keypoints = np.zeros(3), None
    for network in (model, *model.later):
        clock = [time.perf_counter_ns()]
        windows = box if keypoints is None else cascade.windows(network.spec, box, keypoints)[0]
        crops, matrices = pose.crops(network.spec, image, windows)
        tensors = network.prepare(crops)
        clock.append(time.perf_counter_ns())
        raw = [network.runner.invoke(tensor[None]) for tensor in tensors]
        clock.append(time.perf_counter_ns())
        decoded = pose.decode(network.spec, network.read(raw), matrices)
        keypoints = decoded if keypoints is None else cascade.refined(network.spec, decoded, keypoints)
        clock.append(time.perf_counter_ns())
        spent += np.diff(clock) / 1e3
    prepare, invoke, decode = spent.tolist()
    return prepare, invoke, decode


def _drawn() -> tuple[np.ndarray, np.ndarray]:
    """A drawn person rather than random numbers: real pictures' values decide which denormal numbers a kernel meets."""
    image, people = synth.scene(np.random.default_rng(0), (288, 384))
    return image, np.array([people[0].box_xywh])


def _peak_memory() -> int | None:
    """Bytes that the process has held at most so far; None where the system does not say."""
    try:  # getrusage's highest is the parent's where that was larger: Linux hands it on
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    except (OSError, IndexError):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on macOS


if __name__ == "__main__":
    try:
        answer = dumps(timed(loads(Request, sys.stdin.read(), "request")))
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.write(answer)
