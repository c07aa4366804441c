"""How long one inference takes on this machine: every sample kept."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from poseport import cascade, synth
from poseport.bench.result import Latency, Result, host, model_info
from poseport.runner import Runner, load

WARMUP = 20


def measure(path: Path, threads: int, *, runs: int = 200, max_seconds: float = 60.0) -> Result:
    """Time the interpreter alone on one drawn person's crop; of a cascade, with every crop of its later stages.

    runs: timed inferences, cut short after max_seconds (at least 10). A drawn person rather than random
    numbers: values of real pictures decide which branches and denormal numbers a kernel meets.
    """
    began = time.perf_counter()
    model = load(path, threads)
    load_us = 1e6 * (time.perf_counter() - began)
    image, people = synth.scene(np.random.default_rng(0), (288, 384))
    work: list[tuple[Runner, np.ndarray]] = []
    boxes, keypoints = np.array([people[0].box_xywh]), None
    for network in model.networks:
        crops, matrices = cascade.crops(network.spec, image, boxes, keypoints)
        tensors = network.prepare(crops)
        work += [(network.runner, tensor[None]) for tensor in tensors]
        keypoints = cascade.decode(network.spec, network.infer(tensors), matrices, keypoints)
    first_us = _timed(work)
    for _ in range(WARMUP):
        _timed(work)
    samples: list[float] = []
    stop = time.perf_counter() + max_seconds
    while len(samples) < runs and (len(samples) < 10 or time.perf_counter() < stop):
        samples.append(_timed(work))
    measured = Latency("latency", "one drawn person", load_us, first_us, WARMUP, tuple(samples))
    return Result(model_info(model), host(model), measured)


def _timed(work: Sequence[tuple[Runner, np.ndarray]]) -> float:
    """Microseconds of one person: every tensor through its interpreter."""
    began = time.perf_counter_ns()
    for runner, tensor in work:
        runner.invoke(tensor)
    return (time.perf_counter_ns() - began) / 1e3


def percentile_ms(latency: Latency, percent: float) -> float:
    """A percentile of the samples in milliseconds."""
    return float(np.percentile(latency.invoke_us, percent)) / 1e3
