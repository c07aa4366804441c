"""Heatmaps with offsets to keypoints: the cell with the highest score, moved by what the network says for that cell.

PoseNet (Papandreou et al. 2017; decodeSinglePose of tfjs-models) and MoveNet. MoveNet's own decoder also weights the
scores by their distance to a first estimate of the pose, so as to choose one of several people; a crop holds one.
"""

from __future__ import annotations

import numpy as np

from poseport import heatmap
from poseport.outputs.kinds import OffsetsOutput


def decode(raw: np.ndarray, output: OffsetsOutput) -> tuple[np.ndarray, np.ndarray]:
    """Decode heatmaps with offsets.

    Args:
        raw: (N, H, W, 3K) float32: K maps of scores, then 2K of offsets in the order of `output`.
        output: the kind and its settings.

    Returns:
        Points (N, K, 2) float64 x, y in input pixels, and scores (N, K) float64 in [0, 1].
    """
    maps, (down, across) = raw[..., : raw.shape[-1] // 3], _axes(raw, output)
    cells, score = heatmap.argmax(maps)
    x, y = cells[..., 0].astype(int), cells[..., 1].astype(int)
    n, k = np.arange(len(raw))[:, None], np.arange(maps.shape[-1])
    moves = np.stack([across[n, y, x, k], down[n, y, x, k]], axis=-1).astype(np.float64)
    if output.values == "logits":
        score = sigmoid(score)
    return output.stride * cells + output.origin_px + output.offset_px * moves, np.clip(score, 0.0, 1.0)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Scores in [0, 1] from logits of any size, float64."""
    return 0.5 + 0.5 * np.tanh(0.5 * np.asarray(logits, np.float64))  # exp(-x) overflows


def unflip(raw: np.ndarray, output: OffsetsOutput, input_width: int, flip_index: np.ndarray) -> np.ndarray:
    """Turn the raw outputs for mirrored crops into those for the crops themselves; shapes as in `decode`."""
    maps, (down, across) = raw[..., : raw.shape[-1] // 3], _axes(raw, output)
    # the mirrored cell and the mirrored point: their distance has the opposite sign, and the grids may not coincide
    apart = input_width - 1 - output.stride * (raw.shape[2] - 1) - 2 * output.origin_px
    across = np.float32(apart / output.offset_px) - across
    maps, down, across = (part[:, :, ::-1, flip_index] for part in (maps, down, across))
    if output.order == "y-then-x":
        return np.concatenate([maps, down, across], axis=-1)
    return np.concatenate([maps, np.stack([down, across], axis=-1).reshape(*maps.shape[:3], -1)], axis=-1)


def _axes(raw: np.ndarray, output: OffsetsOutput) -> tuple[np.ndarray, np.ndarray]:
    """Offsets in y and in x, (N, H, W, K) each."""
    k = raw.shape[-1] // 3
    moves = raw[..., k:]
    if output.order == "y-then-x":
        return moves[..., :k], moves[..., k:]
    return moves[..., ::2], moves[..., 1::2]
