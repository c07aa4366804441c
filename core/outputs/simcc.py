"""SimCC: a keypoint as two classifications, over the columns and over the rows of the input (Li et al. 2022).

Bin b of an axis is input pixel b / split_ratio. As mmpose computes it (`get_simcc_maximum`), a keypoint is the pair of
highest bins, and its score is the lower of their two values; here it is also cut to [0, 1].
"""

from __future__ import annotations

import numpy as np

from poseport.outputs.kinds import SimccOutput


def decode(raw: np.ndarray, output: SimccOutput, input_hw: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Decode two vectors per keypoint.

    Args:
        raw: (N, K, X + Y) float32, scores over X columns and then over Y rows.
        output: the kind and its settings.
        input_hw: height and width of the input in pixels.

    Returns:
        Points (N, K, 2) float64 x, y in input pixels, and scores (N, K) float64 in [0, 1]. Of several equal bins, the
        first counts.
    """
    columns = output.bins(input_hw[1])
    x, y = raw[..., :columns], raw[..., columns:]
    points = np.stack([x.argmax(axis=-1), y.argmax(axis=-1)], axis=-1) / output.split_ratio
    score = np.minimum(x.max(axis=-1), y.max(axis=-1)).astype(np.float64)
    return points, np.clip(score, 0.0, 1.0)


def unflip(raw: np.ndarray, output: SimccOutput, input_width: int, flip_index: np.ndarray) -> np.ndarray:
    """Turn the raw outputs for mirrored crops into those for the crops themselves; shapes as in `decode`."""
    columns = output.bins(input_width)
    # the bin of pixel w - 1 - p is not the last but b: only pixel centres are mirrored into each other
    last = round(output.split_ratio * (input_width - 1))
    mirrored = np.clip(last - np.arange(columns), 0, columns - 1)
    return np.concatenate([raw[..., mirrored], raw[..., columns:]], axis=-1)[:, flip_index]
