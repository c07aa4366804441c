"""Landmarks in pixels of the input, as BlazePose and MediaPipe's hand network give them.

MediaPipe divides x and y by the size of the input and maps 0 to 1 to the crop's edges
(`TensorsToLandmarksCalculator`), so that they count from the left and upper edge: x is our pixel x - 0.5. The third
number, z, is not used. Visibility and presence are logits.
"""

from __future__ import annotations

import numpy as np

from poseport.outputs.kinds import LandmarksOutput
from poseport.outputs.offsets import sigmoid


def decode(raw: np.ndarray, output: LandmarksOutput) -> tuple[np.ndarray, np.ndarray]:
    """Decode landmarks; the auxiliary points are left out.

    Args:
        raw: (N, K + auxiliary, 3 or 5) float32: x, y, z, and the logits of visibility and presence.
        output: the kind and its settings.

    Returns:
        Points (N, K, 2) float64 x, y in input pixels, and scores (N, K) float64 in [0, 1].
    """
    kept = np.asarray(raw[:, : raw.shape[1] - output.auxiliary], np.float64)
    if output.score == "none":
        return kept[..., :2] - 0.5, np.ones(kept.shape[:2])
    return kept[..., :2] - 0.5, sigmoid(kept[..., 3 if output.score == "visibility" else 4])


def unflip(raw: np.ndarray, output: LandmarksOutput, input_width: int, flip_index: np.ndarray) -> np.ndarray:
    """Turn the raw outputs for mirrored crops into those for the crops themselves; shapes as in `decode`."""
    index = np.concatenate([flip_index, np.arange(len(flip_index), raw.shape[1])])
    mirrored = raw[:, index]
    mirrored[..., 0] = input_width - mirrored[..., 0]
    return mirrored
