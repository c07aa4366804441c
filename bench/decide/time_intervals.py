"""Intervals of a time: a bootstrap over the timed processes, and over blocks of samples within each."""

from __future__ import annotations

import numpy as np

from poseport.bench.decide.bootstrap import Interval
from poseport.bench.record import Latency

# successive samples that are drawn together
BLOCK = 16


def median_change(base: Latency, candidate: Latency, *, resamples: int = 2000, seed: int = 0) -> Interval:
    """Compute the change of the median time from baseline to candidate; the two were timed unpaired.

    Args:
        base: Times of the baseline.
        candidate: Times of the candidate.
        resamples: Number of bootstrap resamples.
        seed: Seed of the draws.

    Returns:
        The change in percent, with its interval.
    """
    rng = np.random.default_rng(seed)
    drawn = 100 * (_drawn(candidate, 50, resamples, rng) / _drawn(base, 50, resamples, rng) - 1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = 100 * (np.median(candidate.invoke_us) / np.median(base.invoke_us) - 1)
    return Interval(float(value), float(low), float(high))


def percentile_interval(latency: Latency, percent: float, *, resamples: int = 500) -> Interval:
    """Compute a percentile of the network's time.

    Args:
        latency: The times.
        percent: The percentile, 0 to 100.
        resamples: Number of bootstrap resamples.

    Returns:
        The percentile in milliseconds, with its interval.
    """
    drawn = _drawn(latency, percent, resamples, np.random.default_rng(0))
    low, high = np.percentile(drawn, [2.5, 97.5]) / 1e3
    return Interval(float(np.percentile(latency.invoke_us, percent)) / 1e3, float(low), float(high))


def _drawn(latency: Latency, percent: float, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Compute a percentile (R,) of resampled times, in microseconds.

    Processes are drawn first, because each has its own lasting speed. Within each process, blocks of successive samples
    are drawn rather than single samples, because a machine slows down for a while, not for one sample.
    """
    processes = [np.array_split(times, max(len(times) // BLOCK, 1)) for times in latency.processes_us]
    samples = np.concatenate([block for blocks in processes for block in blocks])
    order = np.argsort(samples, kind="stable")
    sizes = [[len(block) for block in blocks] for blocks in processes]
    share = [1 / len(processes)] * len(processes)
    percentiles = []
    for start in range(0, resamples, 100):  # in chunks, to bound memory
        chosen = rng.multinomial(len(processes), share, min(100, resamples - start))
        counts = [
            np.repeat(rng.multinomial(times * len(lengths), [1 / len(lengths)] * len(lengths)), lengths, axis=1)
            for times, lengths in zip(chosen.T, sizes, strict=True)
        ]
        percentiles.append(_percentile(samples[order], np.concatenate(counts, axis=1)[:, order], percent))
    return np.concatenate(percentiles)


def _percentile(ordered: np.ndarray, counts: np.ndarray, percent: float) -> np.ndarray:
    """Percentile (R,), as by `np.percentile`, of sorted values (n,) that were drawn `counts` (R, n) times."""
    up_to = counts.cumsum(axis=1)
    place = percent / 100 * (up_to[:, -1] - 1)
    low = ordered[(up_to <= np.floor(place)[:, None]).sum(axis=1)]
    high = ordered[(up_to <= np.ceil(place)[:, None]).sum(axis=1)]
    return np.asarray(low + (place - np.floor(place)) * (high - low))
