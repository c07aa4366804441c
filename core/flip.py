"""Averaging over an image and its mirror image: the crop is flipped, and the output is flipped back."""

from __future__ import annotations

import numpy as np

from poseport.outputs import landmarks, offsets, simcc
from poseport.spec import (
    CoordsOutput,
    HeatmapOutput,
    KeypointsOutput,
    LandmarksOutput,
    OffsetsOutput,
    PoseSpec,
    SimccOutput,
)


def flip(crops: np.ndarray) -> np.ndarray:
    """Mirror crops left to right.

    Args:
        crops: (n, H, W, 3) of any type.

    Returns:
        A new contiguous array of the same shape and type.
    """
    return np.ascontiguousarray(crops[:, :, ::-1])


def unflip(spec: PoseSpec, outputs: np.ndarray) -> np.ndarray:
    """Turn the raw outputs for mirrored crops into those for the crops themselves, for flip averaging.

    Args:
        spec: spec of the network that gave the outputs.
        outputs: (n, *spec.output_shape), for crops mirrored by `flip`.

    Returns:
        (n, *spec.output_shape) of the same type: positions mirrored, and left and right keypoints swapped.
    """
    outputs = np.asarray(outputs).reshape(-1, *spec.output_shape)
    index, width = spec.skeleton.flip_index, spec.input_hw[1]
    match spec.output:
        case HeatmapOutput():
            return outputs[:, :, ::-1, index]
        case OffsetsOutput() as output:
            return offsets.unflip(outputs, output, width, index)
        case SimccOutput() as output:
            return simcc.unflip(outputs, output, width, index)
        case LandmarksOutput() as output:
            return landmarks.unflip(outputs, output, width, index)
        case KeypointsOutput(order=order):
            x = order.index("x")
            outputs = outputs[:, index]
            outputs[..., x] = 1 - outputs[..., x]
            return outputs
        case CoordsOutput():
            return outputs[:, index] * np.array([-1, 1, 1], outputs.dtype)[: outputs.shape[-1]]
