"""Draw images with replacement, and OKS-AP over the draws: what intervals are made of."""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from poseport.bench.decide.average_precision import average_precision
from poseport.bench.record import Detections


def draws(images: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Draw images with replacement; the same seed draws the same ones for every record.

    Args:
        images: Number of images.
        resamples: Number of resamples.
        seed: Seed of the draws.

    Yields:
        (R, images) int, how often each of at most 50 resamples drew each image; in chunks, to bound memory.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, 50):
        count = min(50, resamples - start)
        picks = rng.integers(0, images, (count, images))
        rows = np.repeat(np.arange(count), images)
        yield np.bincount(rows * images + picks.ravel(), minlength=count * images).reshape(count, images)


@functools.lru_cache(maxsize=2048)  # a report asks several times for the same record
def resampled_ap(found: Detections, resamples: int, seed: int) -> tuple[float, np.ndarray]:
    """Compute OKS-AP over all images, and over resampled ones.

    Args:
        found: The matches of a record.
        resamples: Number of bootstrap resamples.
        seed: Seed of the draws.

    Returns:
        The AP in [0, 1], and (resamples,) of the resamples; NaN for those without labelled people.
    """
    images = len(found.image_ids)
    drawn = [average_precision(found, weights) for weights in draws(images, resamples, seed)]
    return float(average_precision(found, np.ones((1, images)))[0]), np.concatenate(drawn)
