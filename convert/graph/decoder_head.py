"""A decoder inside the file, from the network's output tensors to (1, K, 3) x, y and score in [0, 1].

It computes the same as `poseport.heatmap`, `poseport.coords` and `poseport.outputs` with TensorFlow's operations, for
apps that read keypoints from the output tensor, as they do with MoveNet. The golden vectors of the decoders test both.

The decoder is converted in float32 and appended to a finished flatbuffer of any recipe. The network's operations and
constants stay as the recipe made them, and coordinates are not rounded to 256 levels.

In shapes, H x W are cells and K keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf

from poseport.convert.graph.heatmap_decoder import argmax, decode_maps, rows_of
from poseport.convert.graph.join_flatbuffers import join
from poseport.outputs import simcc
from poseport.spec import (
    CoordsOutput,
    HeatmapOutput,
    KeypointsOutput,
    LandmarksOutput,
    OffsetsOutput,
    PoseSpec,
    SimccOutput,
)
from poseport.tflite.card import ModelCard
from poseport.tflite.quiet import quiet


def wants_decoder(spec: PoseSpec, head: str | None) -> bool:
    """Whether `--head` requests a decoder inside the file.

    Args:
        spec: The spec of the bundle; for a cascade, that of its last stage.
        head: "keypoints" for a decoder; "heatmap", "coords" or None for the output that the network was trained with.

    Raises:
        ValueError: If the network does not have that output, or is a cascade.
    """
    if head in (None, spec.output.kind):
        return False
    if head != "keypoints":
        raise ValueError(
            f"--head {head!r}: {spec.name} has {spec.output.kind} (as trained) or keypoints (decoded inside)"
        )
    if spec.refine is not None:
        raise ValueError(f"{spec.name} is a cascade, which decodes between its stages; leave out --head {head}")
    return True


def append_decoder(flatbuffer: bytes, card: ModelCard) -> tuple[bytes, ModelCard]:
    """Append the decoder that a card's spec names.

    Args:
        flatbuffer: The network's flatbuffer, of any recipe.
        card: Its card.

    Returns:
        The new flatbuffer, and the card with keypoints as output.
    """
    spec = card.spec
    with quiet():
        head = tf.lite.TFLiteConverter.from_concrete_functions([function(spec)]).convert()
    output = KeypointsOutput(order="xys")
    names = [tensor.name for tensor in spec.output_tensors]
    return join(flatbuffer, bytes(head), output.kind, names), replace(card, spec=replace(spec, output=output))


def function(spec: PoseSpec) -> Any:
    """Trace the decoder of a spec as a TensorFlow function.

    Args:
        spec: The network's spec.

    Returns:
        A concrete function: the output tensors (1, *shape) float32 of `spec.output_tensors`, in that order ->
        keypoints (1, K, 3) float32.
    """
    signature = [
        tf.TensorSpec((1, *tensor.shape), tf.float32, name=f"raw{i}" if i else "raw")
        for i, tensor in enumerate(spec.output_tensors)
    ]
    traced = tf.function(lambda *raw: _keypoints(spec, raw)[None], input_signature=signature, autograph=False)
    return traced.get_concrete_function()


def _keypoints(spec: PoseSpec, tensors: Sequence[Any]) -> Any:
    """Keypoints (K, 3) of output tensors (1, *shape)."""
    raw = [
        tf.transpose(array[0], (1, 2, 0)) if tensor.layout == "channels-first" else array[0]
        for tensor, array in zip(spec.output_tensors, tensors, strict=True)
    ]
    match spec.output:
        case HeatmapOutput():
            return _from_maps(spec, raw[0])
        case OffsetsOutput() as output:
            return _from_offsets(spec, output, *raw)
        case SimccOutput() as output:
            return _from_bins(spec, output, *raw)
        case LandmarksOutput() as output:
            return _from_landmarks(spec, output, raw[0])
        case CoordsOutput():
            return _from_coords(spec, raw[0])
        case KeypointsOutput(order=order):
            x, y, score = (raw[0][:, order.index(axis)] for axis in "xys")
            return tf.stack([x, y, tf.clip_by_value(score, 0.0, 1.0)], axis=-1)


def _normalised(spec: PoseSpec, x: Any, y: Any, score: Any) -> Any:
    """x, y (K,) in input pixels: pixel p of n is (p + 1/2) / n of the way from edge to edge, as in `coords.decode`."""
    h, w = spec.input_hw
    return tf.stack([(x + 0.5) / w, (y + 0.5) / h, tf.clip_by_value(score, 0.0, 1.0)], axis=-1)


def _from_offsets(spec: PoseSpec, output: OffsetsOutput, maps: Any, moves: Any) -> Any:
    """Maps (H, W, K) and offsets (H, W, 2K)."""
    h, w, k = maps.shape
    x, y, score, _ = argmax(maps, maps)
    cells = tf.cast(y * w + x, tf.int32)
    channels = np.arange(k, dtype=np.int32)
    down, across = (channels, channels + k) if output.order == "y-then-x" else (2 * channels, 2 * channels + 1)
    flat = tf.reshape(moves, (h * w * 2 * k,))
    dy, dx = (tf.gather(flat, cells * (2 * k) + axis) for axis in (down, across))
    if output.values == "logits":
        score = tf.sigmoid(score)
    return _normalised(
        spec,
        output.stride * x + output.origin_px + output.offset_px * dx,
        output.stride * y + output.origin_px + output.offset_px * dy,
        score,
    )


def _from_bins(spec: PoseSpec, output: SimccOutput, columns: Any, rows: Any) -> Any:
    """Scores or logits of columns (K, X) and of rows (K, Y)."""
    x, y = (tf.cast(tf.argmax(bins, -1, tf.int32), tf.float32) / output.split_ratio for bins in (columns, rows))
    if output.values == "logits":
        columns, rows = (tf.nn.softmax(bins) * simcc.peak(output) for bins in (columns, rows))
    return _normalised(spec, x, y, tf.minimum(tf.reduce_max(columns, -1), tf.reduce_max(rows, -1)))


def _from_landmarks(spec: PoseSpec, output: LandmarksOutput, raw: Any) -> Any:
    """Points (K + auxiliary, 3 or 5): x and y in pixels from the left and upper edge, z, and logits."""
    points = raw[: len(spec.skeleton)]
    if output.score == "none":
        score = tf.ones_like(points[:, 0])
    else:
        score = tf.sigmoid(points[:, 3 if output.score == "visibility" else 4])
    return _normalised(spec, points[:, 0] - 0.5, points[:, 1] - 0.5, score)


def _from_coords(spec: PoseSpec, raw: Any) -> Any:
    """Decode coordinates (K, 2 or 3) relative to the centre; a third number is the score minus a half."""
    if raw.shape[-1] == 3:
        return tf.concat([raw[:, :2], tf.clip_by_value(raw[:, 2:], -0.5, 0.5)], axis=-1) + 0.5
    return tf.concat([raw + 0.5, tf.ones((raw.shape[0], 1))], axis=-1)


def _from_maps(spec: PoseSpec, raw: Any) -> Any:
    """Decode maps or logits (H, W, K)."""
    output = spec.output
    assert isinstance(output, HeatmapOutput)
    maps = raw
    if output.values == "logits":
        rows = tf.nn.softmax(rows_of(raw))
        maps = tf.reshape(tf.transpose(rows), raw.shape) * (2 * np.pi * output.sigma**2)
    x, y, score, stride = decode_maps(maps, raw, output.decode, output.stride, spec.skeleton.sigmas)
    return _normalised(spec, x * stride + (stride - 1) / 2, y * stride + (stride - 1) / 2, score)
