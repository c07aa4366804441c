"""The output tensors of a file, joined to the one array per crop that the toolkit decodes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poseport.outputs.output_tensor import OutputTensor
from poseport.spec import PoseSpec


def join(spec: PoseSpec, arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Join the output tensors of N crops.

    Args:
        spec: of the network; lists the tensors (`spec.output_tensors`).
        arrays: for each tensor, its values for N crops, in its own layout or in any other shape of the same order.

    Returns:
        (N, *spec.output_shape) of the same type: channels last, one tensor after the other along the last axis.
    """
    parts = []
    for tensor, array in zip(spec.output_tensors, arrays, strict=True):
        part = np.asarray(array).reshape(-1, *tensor.shape)
        parts.append(np.moveaxis(part, 1, -1) if tensor.layout == "channels-first" else part)
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)


def slices(spec: PoseSpec) -> list[tuple[OutputTensor, slice]]:
    """Where each output tensor lies along the last axis of the joined array, in its order."""
    found, begin = [], 0
    for tensor in spec.output_tensors:
        end = begin + tensor.shape[0 if tensor.layout == "channels-first" else -1]
        found.append((tensor, slice(begin, end)))
        begin = end
    return found


def split(spec: PoseSpec, raw: np.ndarray) -> list[np.ndarray]:
    """The inverse of `join`: raw outputs (N, *spec.output_shape) to each tensor's values in its own layout."""
    arrays = []
    for tensor, place in slices(spec):
        part = raw[..., place]
        arrays.append(np.ascontiguousarray(np.moveaxis(part, -1, 1) if tensor.layout == "channels-first" else part))
    return arrays
