"""Measure the time of whole pictures on this machine in fresh processes, by the number of people in them."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import numpy as np

from poseport.bench.measure.describe import host, model_info
from poseport.bench.measure.latency import PROCESSES, fresh
from poseport.bench.measure.picture_timing import Request, Samples
from poseport.bench.measure.timing import WARMUP
from poseport.bench.record import Pictures, Result
from poseport.data.people import People
from poseport.people import detector as detectors
from poseport.tflite import model_file
from poseport.tflite.runner import load

# pictures that are kept in memory and timed in turns
MOST_PICTURES = 64


def measure(path: Path, detector: str, threads: int, people: People, *, runs: int, max_seconds: float) -> Result:
    """Time pictures from letterbox to everyone's keypoints, in two fresh processes one after the other.

    Args:
        path: A converted pose network.
        detector: Path or name of the person detector.
        threads: Number of threads of both interpreters.
        people: The set whose pictures are timed.
        runs: Number of timed pictures, both processes together.
        max_seconds: Stop after this many seconds in total, but not before 10 pictures per process.

    Returns:
        A record of whole pictures, with times in microseconds.

    Raises:
        ValueError: if a file cannot be run, or a picture cannot be read.
    """
    model = load(path, threads)  # a faulty file fails here, before any process starts
    file = detectors.load(detector, threads).path
    environment, images = host(model), spread(people)
    request = Request(
        file=str(Path(path).absolute()),
        detector=str(file.absolute()),
        threads=threads,
        runs=-(-runs // PROCESSES),
        max_seconds=max_seconds / PROCESSES,
        images=tuple(str(image.absolute()) for image in images),
    )
    parts = [fresh("picture_timing", request, Samples) for _ in range(PROCESSES)]
    measured = Pictures(
        kind="pictures",
        input=people.path.name,
        detector=file.name,
        detector_sha256=hashlib.sha256(model_file.read_bytes(file)).hexdigest(),
        load_us=parts[0].load_us,
        first_us=parts[0].first_us,
        warmup=WARMUP,
        names=tuple(image.name for image in images),
        picture=tuple(i % len(images) for part in parts for i in range(len(part.detect_us))),
        boxes=tuple(n for part in parts for n in part.boxes),
        people=tuple(n for part in parts for n in part.people),
        detect_us=tuple(us for part in parts for us in part.detect_us),
        people_us=tuple(us for part in parts for us in part.people_us),
        before_bytes=parts[0].before_bytes,
        peak_bytes=parts[0].peak_bytes,
        repeats=tuple(len(part.detect_us) for part in parts),
    )
    return Result(model_info(model), environment, measured)


def spread(people: People, most: int = MOST_PICTURES) -> list[Path]:
    """Choose pictures that differ in their number of annotated people, from the fewest to the most.

    Args:
        people: The set.
        most: The largest number of pictures.

    Returns:
        Their files, in an order in which any first few hold few and many people.
    """
    counts = Counter(p.image_path for p in people.persons)
    ordered = sorted(counts, key=lambda path: (counts[path], str(path)))
    places = np.unique(np.linspace(0, len(ordered) - 1, min(most, len(ordered))).round().astype(int))
    chosen = [ordered[i] for i in places]
    return [chosen[i] for i in np.random.default_rng(0).permutation(len(chosen))]
