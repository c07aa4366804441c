"""Smooth keypoints over the frames of a film: the one-euro filter, weighted by score.

Casiez, Roussel and Vogel 2012, "1€ Filter: A Simple Speed-based Low-pass Filter for Noisy Input in Interactive
Systems". The cutoff frequency of a low-pass filter rises with the speed: what stands still does not shake, and what
moves does not lag behind.
"""

from __future__ import annotations

import numpy as np

# Hz: cutoff for a keypoint at rest, and of the filter of the speed, as in the paper
REST_HZ, SPEED_HZ = 1.5, 1.0
# Hz of cutoff for each body size per second; sizes make it the same for people near and far. Chosen with REST_HZ on
# four drawn films, as what halves the jitter of each
RISE = 3.0


class OneEuro:
    """The filter of the keypoints of one person.

    The mean over time is weighted by score as well: a keypoint that the network is unsure of moves the mean little, and
    one without a number (NaN) does not move it. Speeds are measured in sizes of the person per second.

    Args:
        rest_hz: cutoff frequency of a keypoint at rest.
        rise: increase of the cutoff in Hz for each size of the person per second.
        speed_hz: cutoff frequency of the filter of the speed.
    """

    def __init__(self, rest_hz: float = REST_HZ, rise: float = RISE, speed_hz: float = SPEED_HZ):
        self.rest_hz, self.rise, self.speed_hz = rest_hz, rise, speed_hz
        self._last: np.ndarray | None = None
        self._speed = np.zeros((0, 2))
        self._weight = np.zeros(0)

    def __call__(self, keypoints: np.ndarray, size_px: float, seconds: float) -> np.ndarray:
        """Smooth the keypoints of the next frame.

        Args:
            keypoints: (K, 3) x, y in image pixels and a score in [0, 1].
            size_px: size of the person in pixels, such as the longer side of the box; above 0.
            seconds: time since the last call, above 0; not used in the first.

        Returns:
            (K, 3) float64: smoothed x, y and the scores as they came.
        """
        keypoints = np.asarray(keypoints, np.float64)
        known = np.isfinite(keypoints).all(axis=1)
        weight = np.where(known, np.clip(keypoints[:, 2], 0.0, 1.0), 0.0)
        if self._last is None or len(self._last) != len(keypoints):
            self._last, self._speed, self._weight = keypoints[:, :2].copy(), np.zeros((len(keypoints), 2)), weight
            return keypoints.copy()
        first = ~np.isfinite(self._last).all(axis=1)
        before = np.where(first[:, None], keypoints[:, :2], self._last)
        now = np.where(known[:, None], keypoints[:, :2], before)
        self._speed = self._speed + _share(self.speed_hz, seconds) * ((now - before) / seconds - self._speed)
        speed = np.linalg.norm(np.nan_to_num(self._speed), axis=1) / size_px
        share = _share(self.rest_hz + self.rise * speed, seconds)
        mean_weight = share * weight + (1 - share) * self._weight
        # the mean of x weighted by score, written as a step from the last mean
        step = np.divide(share * weight, mean_weight, out=np.where(known, share, 0.0), where=mean_weight > 0)
        self._last, self._weight = before + step[:, None] * (now - before), mean_weight
        return np.column_stack([self._last, keypoints[:, 2]])


def _share(cutoff_hz: float | np.ndarray, seconds: float) -> np.ndarray:
    """The share of the new value in an exponential mean with this cutoff: 1 / (1 + tau / T), tau = 1 / (2 pi f)."""
    return np.asarray(1 / (1 + 1 / (2 * np.pi * np.asarray(cutoff_hz) * seconds)))
