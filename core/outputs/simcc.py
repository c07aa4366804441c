"""SimCC: a keypoint as two classifications, over the columns and over the rows of the input (Li et al. 2022).

Bin b of an axis is input pixel b / split_ratio. As mmpose computes it (`get_simcc_maximum`), a keypoint is the pair of
highest bins, and its score is the lower of their two values; here it is also cut to [0, 1]. Logits become scores first:
a softmax over the bins of each axis, relative to the height of the Gaussian that they were trained towards.
"""

from __future__ import annotations

import math

import numpy as np

from poseport.outputs.kinds import SimccOutput


def decode(raw: np.ndarray, output: SimccOutput, input_hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Decode two vectors per keypoint.

    Args:
        raw: (N, K, X + Y) float32, scores or logits of X columns and then of Y rows.
        output: the kind and its settings.
        input_hw: height and width of the input in pixels.

    Returns:
        Points (N, K, 2) float64 x, y in input pixels, and scores (N, K) float64 in [0, 1]. Of several equal bins, the
        first counts.
    """
    columns = output.bins(input_hw[1])
    x, y = raw[..., :columns], raw[..., columns:]
    points = np.stack([x.argmax(axis=-1), y.argmax(axis=-1)], axis=-1) / output.split_ratio
    score = np.minimum(_score(x, output), _score(y, output))
    return points, np.clip(score, 0.0, 1.0)


def _score(bins: np.ndarray, output: SimccOutput) -> np.ndarray:
    """Score of the highest bin (N, K) float64, of the values (N, K, bins) of one axis."""
    highest = bins.max(axis=-1).astype(np.float64)
    if output.values == "scores":
        return np.asarray(highest)
    total = np.exp(bins - highest[..., None]).sum(axis=-1)
    return np.asarray(peak(output) / total)


def peak(output: SimccOutput) -> float:
    """Number of bins that a distribution spreads over if it is the target Gaussian: 1 / its highest value."""
    return math.sqrt(2 * math.pi) * output.sigma


def encode(points_px: np.ndarray, output: SimccOutput, input_hw: tuple[int, int], out: np.ndarray) -> None:
    """Write the training target of one person: Gaussians that peak at 1 over the bins.

    Args:
        points_px: (K, 2) x, y in input pixels, NaN where there is no label; the target of such a keypoint is NaN.
        output: the kind and its settings.
        input_hw: height and width of the input in pixels.
        out: (K, X + Y) float32, written into.
    """
    begin = 0
    for axis, size in ((0, input_hw[1]), (1, input_hw[0])):
        count = output.bins(size)
        away = np.arange(count, dtype=np.float32) - np.float32(output.split_ratio) * points_px[:, axis : axis + 1]
        np.exp(-0.5 * np.square(away / output.sigma), out=out[:, begin : begin + count], casting="same_kind")
        begin += count


def unflip(raw: np.ndarray, output: SimccOutput, input_width: int, flip_index: np.ndarray) -> np.ndarray:
    """Turn the raw outputs for mirrored crops into those for the crops themselves; shapes as in `decode`."""
    columns = output.bins(input_width)
    # the bin of pixel w - 1 - p is not the last but b: only pixel centres are mirrored into each other
    last = round(output.split_ratio * (input_width - 1))
    mirrored = np.clip(last - np.arange(columns), 0, columns - 1)
    return np.concatenate([raw[..., mirrored], raw[..., columns:]], axis=-1)[:, flip_index]
