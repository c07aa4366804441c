"""How certain a time is: a bootstrap over the processes that were timed, and over blocks of samples in each."""

from __future__ import annotations

import numpy as np

from poseport.bench.decide.bootstrap import Interval
from poseport.bench.record import Latency

# successive samples that are drawn together
BLOCK = 16


def median_change(base: Latency, candidate: Latency, *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Interval of how much longer the candidate's median time is, in percent; the two were timed unpaired."""
    rng = np.random.default_rng(seed)
    drawn = 100 * (_drawn(candidate, 50, resamples, rng) / _drawn(base, 50, resamples, rng) - 1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = 100 * (np.median(candidate.invoke_us) / np.median(base.invoke_us) - 1)
    return Interval(float(value), float(low), float(high))


def percentile_interval(latency: Latency, percent: float, *, resamples: int = 500) -> Interval:
    """Interval of a percentile of the network's time, in milliseconds."""
    drawn = _drawn(latency, percent, resamples, np.random.default_rng(0))
    low, high = np.percentile(drawn, [2.5, 97.5]) / 1e3
    return Interval(float(np.percentile(latency.invoke_us, percent)) / 1e3, float(low), float(high))


def _drawn(latency: Latency, percent: float, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """A percentile (R,) of resampled times, in microseconds.

    Processes are drawn first, because each has a speed of its own that lasts. In each, blocks of successive samples are
    drawn rather than single samples: a machine is slow for a while, not for one sample.
    """
    processes = [np.array_split(times, max(len(times) // BLOCK, 1)) for times in latency.processes_us]
    samples = np.concatenate([block for blocks in processes for block in blocks])
    order = np.argsort(samples, kind="stable")
    sizes = [[len(block) for block in blocks] for blocks in processes]
    share = [1 / len(processes)] * len(processes)
    drawn = []
    for start in range(0, resamples, 100):  # in parts, so that memory stays small
        chosen = rng.multinomial(len(processes), share, min(100, resamples - start))
        counts = [
            np.repeat(rng.multinomial(times * len(own), [1 / len(own)] * len(own)), own, axis=1)
            for times, own in zip(chosen.T, sizes, strict=True)
        ]
        drawn.append(_percentile(samples[order], np.concatenate(counts, axis=1)[:, order], percent))
    return np.concatenate(drawn)


def _percentile(ordered: np.ndarray, counts: np.ndarray, percent: float) -> np.ndarray:
    """A percentile (R,) of ordered values (n,) that were drawn `counts` (R, n) times, as `np.percentile` gives it."""
    up_to = counts.cumsum(axis=1)
    place = percent / 100 * (up_to[:, -1] - 1)
    low = ordered[(up_to <= np.floor(place)[:, None]).sum(axis=1)]
    high = ordered[(up_to <= np.ceil(place)[:, None]).sum(axis=1)]
    return np.asarray(low + (place - np.floor(place)) * (high - low))
