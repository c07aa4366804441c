"""The process that times whole pictures: `python -m poseport.bench.measure.picture_timing`.

It reads a request and writes samples, as `poseport.bench.measure.timing` does for single people.
"""

from __future__ import annotations

import itertools
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseport.bench.measure.timing import WARMUP, in_turns, peak_memory
from poseport.data.images import read_image
from poseport.people import detector
from poseport.people.everyone import MOST_PEOPLE, Everyone, least_score
from poseport.records import dumps, loads
from poseport.tflite.runner import load

Sample = tuple[int, int, float, float]


@dataclass(frozen=True)
class Request:
    """The settings of a timing.

    Attributes:
        file: Path of the pose network's file.
        detector: Path of the detector's file.
        threads: Number of threads of both interpreters.
        runs: Number of timed pictures.
        max_seconds: Stop after this many seconds, but not before ten pictures.
        images: Files of the pictures, which are taken in turns.
    """

    file: str
    detector: str
    threads: int
    runs: int
    max_seconds: float
    images: tuple[str, ...]


@dataclass(frozen=True)
class Samples:
    """The samples of one process, in order of the pictures. The fields are those of `poseport.bench.record.Pictures`.

    Attributes:
        load_us: Microseconds to load both files.
        first_us: Microseconds of the first picture.
        boxes: Number of boxes that the pose network looked at, per sample.
        people: Number of people found, per sample.
        detect_us: Microseconds of the detector, per sample.
        people_us: Microseconds of what follows, per sample.
        before_bytes: Peak memory before the files were loaded; None if the system does not report it.
        peak_bytes: Peak memory at the end.
    """

    load_us: float
    first_us: float
    boxes: tuple[int, ...]
    people: tuple[int, ...]
    detect_us: tuple[float, ...]
    people_us: tuple[float, ...]
    before_bytes: int | None
    peak_bytes: int | None


def timed(request: Request) -> Samples:
    """Load both files and run them picture by picture.

    Args:
        request: The settings.

    Returns:
        The samples; that of number i is of picture i modulo the number of pictures.

    Raises:
        ValueError: if a file cannot be run or an image cannot be read.
    """
    images = [read_image(Path(name)) for name in request.images]
    before_bytes = peak_memory()
    start = time.perf_counter_ns()
    pose, detect = load(request.file, request.threads), detector.load(request.detector, request.threads)
    load_us = (time.perf_counter_ns() - start) / 1e3
    ends: list[int] = []

    def stamped(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        boxes, scores = detect(image)
        ends[:] = [time.perf_counter_ns(), len(boxes)]
        return boxes, scores

    everyone = Everyone(pose, pose.spec.skeleton, stamped, unsure=least_score(pose.spec))

    def once(image: np.ndarray) -> Sample:
        began = time.perf_counter_ns()
        found = everyone(image)
        ended, (detected, boxes) = time.perf_counter_ns(), ends
        return min(boxes, MOST_PEOPLE), len(found.scores), (detected - began) / 1e3, (ended - detected) / 1e3

    first_us = sum(once(images[0])[2:])
    for image in itertools.islice(itertools.cycle(images), WARMUP):
        once(image)
    samples = list(in_turns(once, [(image,) for image in images], request.runs, request.max_seconds))
    boxes, people, detect_us, people_us = zip(*samples, strict=True)
    return Samples(load_us, first_us, boxes, people, detect_us, people_us, before_bytes, peak_memory())


if __name__ == "__main__":
    try:
        answer = dumps(timed(loads(Request, sys.stdin.read(), "request")))
    except ValueError as error:
        sys.exit(str(error))
    sys.stdout.write(answer)
