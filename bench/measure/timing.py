"""The process that times one file: `python -m poseport.bench.measure.timing` reads a request and writes samples.

A fresh process is needed because another measurement may have loaded or warmed up something that would change the load
time, the first run and the memory.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from poseport import cascade, pose
from poseport.data.drawn import synth
from poseport.data.images import read_image
from poseport.people import centers
from poseport.people.detector import CenterDetector
from poseport.records import dumps, loads
from poseport.tflite import model_file
from poseport.tflite.runner import Pose, load

WARMUP = 20
LEAST = 10
T = TypeVar("T")

# times an image and a box (1, 4), which a detector ignores: microseconds of preparing, invoking and decoding
Once = Callable[[np.ndarray, np.ndarray], tuple[float, float, float]]


@dataclass(frozen=True)
class Crop:
    """A person to crop.

    Attributes:
        image: The image file.
        box_xywh: Left, top, width and height of the box in pixels.
    """

    image: str
    box_xywh: tuple[float, float, float, float]


@dataclass(frozen=True)
class Request:
    """The settings of a timing.

    Attributes:
        file: Path of the converted file.
        threads: Number of threads of the interpreter.
        xnnpack: Whether to use the XNNPACK delegate.
        runs: Number of timed people.
        max_seconds: Stop after this many seconds, but not before ten people.
        people: People to crop in turns; empty for one drawn person.
        detector: Whether the file is a person detector, which takes the whole images.
    """

    file: str
    threads: int
    xnnpack: bool
    runs: int
    max_seconds: float
    people: tuple[Crop, ...] = ()
    detector: bool = False


@dataclass(frozen=True)
class Samples:
    """The samples of one process. The names of the fields are those of `poseport.bench.record.Latency`.

    Attributes:
        load_us: Microseconds to load the file.
        first_us: Microseconds of the first inference.
        prepare_us: Microseconds of cropping and normalising, per person.
        invoke_us: Microseconds of the network, per person.
        decode_us: Microseconds of decoding, per person.
        before_bytes: Peak memory before the file was loaded; None if the system does not report it.
        peak_bytes: Peak memory at the end.
    """

    load_us: float
    first_us: float
    prepare_us: tuple[float, ...]
    invoke_us: tuple[float, ...]
    decode_us: tuple[float, ...]
    before_bytes: int | None
    peak_bytes: int | None


def timed(request: Request) -> Samples:
    """Load the file and run it person by person, timing each stage.

    Args:
        request: The settings.

    Returns:
        The samples.

    Raises:
        ValueError: if the file cannot be run or an image cannot be read.
    """
    people = [(read_image(Path(c.image)), np.array([c.box_xywh])) for c in request.people] or [_drawn()]
    before_bytes = peak_memory()
    start = time.perf_counter_ns()
    once = _opened(request)
    load_us = (time.perf_counter_ns() - start) / 1e3
    first_us = once(*people[0])[1]
    for image, box in itertools.islice(itertools.cycle(people), WARMUP):
        once(image, box)
    samples = list(in_turns(once, people, request.runs, request.max_seconds))
    prepare, invoke, decode = zip(*samples, strict=True)
    return Samples(load_us, first_us, prepare, invoke, decode, before_bytes, peak_memory())


def in_turns(once: Callable[..., T], inputs: Sequence[tuple[Any, ...]], runs: int, max_seconds: float) -> Iterator[T]:
    """Call a function with inputs in turns, until enough was measured or the time is over.

    Args:
        once: Measures one input.
        inputs: Its arguments, in turns.
        runs: Number of calls.
        max_seconds: Stop after this many seconds, but not before ten calls.

    Yields:
        What each call returns.
    """
    deadline = time.perf_counter() + max_seconds
    for count, arguments in enumerate(itertools.islice(itertools.cycle(inputs), runs)):
        if count >= LEAST and time.perf_counter() >= deadline:
            return
        yield once(*arguments)


def open_detector(path: Path | str, threads: int, xnnpack: bool) -> CenterDetector:
    """Open a person detector.

    Args:
        path: A converted detector.
        threads: Number of threads of the interpreter.
        xnnpack: Whether to use the XNNPACK delegate.

    Returns:
        The detector.

    Raises:
        ValueError: if the file is not a person detector, or cannot be run.
    """
    data, card = model_file.read_detector(Path(path))
    return CenterDetector(data, card, Path(path), threads, xnnpack=xnnpack)


def _opened(request: Request) -> Once:
    if request.detector:
        detector = open_detector(request.file, request.threads, request.xnnpack)
        return lambda image, box: _picture(detector, image)
    model = load(request.file, request.threads, xnnpack=request.xnnpack)
    return lambda image, box: _person(model, image, box)


def _picture(detector: CenterDetector, image: np.ndarray) -> tuple[float, float, float]:
    """Microseconds of preparing, invoking and decoding a whole picture."""
    clock = [time.perf_counter_ns()]
    picture, matrix = centers.letterbox(image, detector.spec.input_hw)
    tensor = detector.runner.quantize(pose.normalise(detector.spec, picture[None]))
    clock.append(time.perf_counter_ns())
    raw = detector.runner.invoke(tensor)
    clock.append(time.perf_counter_ns())
    centers.decode(detector.spec, detector.runner.dequantize(raw)[0], matrix)
    clock.append(time.perf_counter_ns())
    prepare, invoke, decode = (np.diff(clock) / 1e3).tolist()
    return prepare, invoke, decode


def _person(model: Pose, image: np.ndarray, box: np.ndarray) -> tuple[float, float, float]:
    """Microseconds of preparing, invoking and decoding; for a cascade, summed over all crops of all stages."""
    elapsed_us, keypoints = np.zeros(3), None
    for network in (model, *model.later):
        clock = [time.perf_counter_ns()]
        windows = box if keypoints is None else cascade.windows(network.spec, box, keypoints)[0]
        crops, matrices = pose.crops(network.spec, image, windows)
        tensors = network.prepare(crops)
        clock.append(time.perf_counter_ns())
        raw = [network.runner.invoke_all(tensor[None]) for tensor in tensors]
        clock.append(time.perf_counter_ns())
        decoded = pose.decode(network.spec, network.read(raw), matrices)
        keypoints = decoded if keypoints is None else cascade.refined(network.spec, decoded, keypoints)
        clock.append(time.perf_counter_ns())
        elapsed_us += np.diff(clock) / 1e3
    prepare, invoke, decode = elapsed_us.tolist()
    return prepare, invoke, decode


def _drawn() -> tuple[np.ndarray, np.ndarray]:
    """The image of a drawn person and its box (1, 4).

    Random numbers are not suitable, because the input determines how often kernels compute with denormal numbers, which
    are slow.
    """
    image, people = synth.scene(np.random.default_rng(0), (288, 384))
    return image, np.array([people[0].box_xywh])


def peak_memory() -> int | None:
    """Find the peak memory of this process so far.

    Returns:
        Bytes; None if the system does not report it.
    """
    try:  # on Linux, getrusage reports the parent's peak if that was larger
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
