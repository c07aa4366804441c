"""Resampled percentiles of times. That their intervals cover the truth is tested with the gate."""

from __future__ import annotations

import numpy as np

from poseport.bench.decide import time_intervals


def test_a_percentile_of_counted_values_is_numpys() -> None:
    rng = np.random.default_rng(0)
    ordered, counts = np.sort(rng.normal(size=40)), rng.integers(0, 4, (30, 40))
    for percent in (0, 10, 50, 90, 99, 100):
        expected = [np.percentile(np.repeat(ordered, row), percent) for row in counts]
        np.testing.assert_allclose(time_intervals._percentile(ordered, counts, percent), expected)
