"""Smoothing over frames: less shaking, little lag, on drawn films whose keypoints are exactly known."""

from __future__ import annotations

import numpy as np
import pytest
from drawn_film import film

import poseport
from poseport.people.smooth import OneEuro

RATE = 30.0


def jitter(keypoints: np.ndarray, truth: np.ndarray) -> float:
    """Root mean square of the change of the error from frame to frame in pixels, over (T, K, 2)."""
    return float(np.sqrt((np.diff(keypoints - truth, axis=0) ** 2).sum(axis=-1).mean()))


def lag(smoothed: np.ndarray, raw: np.ndarray) -> float:
    """Frames by which the smoothed keypoints come later than the raw ones: the delay that fits best, in tenths."""
    times = np.arange(len(raw))
    flat, wanted = raw.reshape(len(raw), -1), smoothed.reshape(len(raw), -1)
    delays = np.arange(0, 6, 0.1)

    def error(delay: float) -> float:
        late = np.stack([np.interp(times - delay, times, column) for column in flat.T], axis=1)
        return float(((late - wanted)[10:] ** 2).mean())

    return float(delays[np.argmin([error(delay) for delay in delays])])


def smooth(raw: np.ndarray, size_px: float) -> np.ndarray:
    one = OneEuro()
    return np.stack([one(frame, size_px, 1 / RATE) for frame in raw])


def measured(seed: int) -> tuple[float, float, float]:
    """Jitter before and after smoothing, and lag in frames, of the shipped `starter` on one drawn film."""
    pose = poseport.load("starter", threads=1)
    frames = list(film(seed, 100))
    truth = np.stack([points for _, points in frames])
    low, high = truth.min(axis=(0, 1)), truth.max(axis=(0, 1))
    box = np.concatenate([low - 20, high - low + 40])
    raw = np.stack([pose(image, box[None])[0] for image, _ in frames])
    smoothed = smooth(raw, float(box[2:].max()))
    return jitter(raw[..., :2], truth), jitter(smoothed[..., :2], truth), lag(smoothed[..., :2], truth)


def test_drawn_films_shake_half_as_much_and_lag_less_than_a_frame_and_a_half() -> None:
    films = [measured(seed) for seed in (3, 4, 5)]
    for before, after, late in films:
        print(f"jitter {before:.2f} -> {after:.2f} px, lag {late:.1f} frames")
        assert late < 1.5
        assert after <= before / 2


def test_a_step_is_the_papers_and_unsure_keypoints_move_little() -> None:
    one = OneEuro(rest_hz=1.0, rise=0.0)
    first = np.array([[10.0, 20.0, 0.8], [10.0, 20.0, 0.8], [10.0, 20.0, 0.8]])
    np.testing.assert_array_equal(one(first, 100.0, 1 / RATE), first)
    second = np.array([[20.0, 20.0, 0.8], [20.0, 20.0, 0.1], [np.nan, 20.0, 0.9]])
    found = one(second, 100.0, 1 / RATE)
    share = 1 / (1 + RATE / (2 * np.pi))  # equation 1 and 2 of the paper with a cutoff of 1 Hz
    assert found[0, 0] == pytest.approx(10 + 10 * share)
    assert 10 < found[1, 0] < 10 + 3 * share
    assert found[2, 0] == 10  # no number, so that it stays
    np.testing.assert_array_equal(found[:, 2], second[:, 2])


def test_what_was_no_number_begins_with_its_first() -> None:
    one = OneEuro()
    one(np.array([[np.nan, np.nan, np.nan]]), 100.0, 1 / RATE)
    np.testing.assert_array_equal(one(np.array([[3.0, 4.0, 0.5]]), 100.0, 1 / RATE), [[3.0, 4.0, 0.5]])
