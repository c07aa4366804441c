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

from poseport.convert.join_flatbuffers import join
from poseport.spec import (
    CoordsOutput,
    Decode,
    HeatmapOutput,
    KeypointsOutput,
    LandmarksOutput,
    OffsetsOutput,
    PoseSpec,
    SimccOutput,
)
from poseport.tflite.card import ModelCard
from poseport.tflite.quiet import quiet

_RING = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))


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
    x, y, score, _ = _argmax(maps, maps)
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
    """Scores of columns (K, X) and of rows (K, Y)."""
    x, y = (tf.cast(tf.argmax(bins, -1, tf.int32), tf.float32) / output.split_ratio for bins in (columns, rows))
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
        rows = tf.nn.softmax(_rows(raw))
        maps = tf.reshape(tf.transpose(rows), raw.shape) * (2 * np.pi * output.sigma**2)
    x, y, score, stride = _decode(maps, raw, output.decode, output.stride)
    return _normalised(spec, x * stride + (stride - 1) / 2, y * stride + (stride - 1) / 2, score)


def _decode(maps: Any, raw: Any, method: Decode, stride: int) -> tuple[Any, Any, Any, int]:
    """Decode maps to x, y (K,) in cells, the score, and the number of input pixels per cell.

    The highest cell is looked up in `raw`, from which the maps were computed, because a vectorised softmax may make
    one of two equal cells larger.
    """
    if method.method == "seed":
        h, w = maps.shape[:2]
        large = _blurred(tf.image.resize(maps[None], (h * stride, w * stride))[0], 1.0)
        x, y, score, _ = _argmax(large, large)
        kept = tf.cast(score >= method.threshold, tf.float32)
        return x * kept, y * kept, score * kept, 1
    if method.method == "dark" and method.blur_cells > 0:
        maps = raw = _blurred(maps, method.blur_cells)
    x, y, score, around = _argmax(maps, raw)
    if method.method == "quarter":
        values, inside = around(_RING[1:5])
        left, right, up, down = tf.unstack(values)
        dx = 0.25 * tf.sign(right - left) * inside[0] * inside[1]
        dy = 0.25 * tf.sign(down - up) * inside[2] * inside[3]
    elif method.method == "dark":
        dx, dy = _dark(*around(_RING))
    elif method.method == "centroid":
        steps = range(-method.radius_cells, method.radius_cells + 1)
        offsets = [(u, v) for v in steps for u in steps]
        values, inside = around(offsets)
        mass = tf.maximum(values, 0.0) * inside
        moment = tf.matmul(np.array(offsets, np.float32), mass, transpose_a=True)  # (2, K)
        # where nothing is above 0 the moment is 0 too
        dx, dy = tf.unstack(moment / tf.maximum(tf.reduce_sum(mass, axis=0), 1e-30))
    else:
        dx = dy = tf.zeros_like(x)
    return x + dx, y + dy, score, stride


def _dark(values: Any, inside: Any) -> tuple[Any, Any]:
    """Step (K,), (K,) of `heatmap.dark`; values and inside: (9, K) of `_RING`."""
    # relative to the peak, because float32 has too few digits for logarithms of a nearly flat map
    values = tf.maximum(values, 1e-10)
    _, l, r, u, d, lu, ru, ld, rd = tf.unstack(tf.math.log(values / values[:1]))  # noqa: E741
    level, upright = inside[1] * inside[2], inside[3] * inside[4]
    gx, gy, hxx, hyy = (r - l) / 2, (d - u) / 2, r + l, d + u
    hxy = (rd - ru - ld + lu) / 4 * level * upright
    determinant = hxx * hyy - hxy**2
    across, down = (hxx < 0) & (level > 0), (hyy < 0) & (upright > 0)
    peaked = (determinant > 0) & across & down

    def step(full: Any, alone: Any, along: Any) -> Any:
        taken = tf.where(peaked, full / determinant, tf.where(along, alone, 0.0))
        return tf.where(tf.abs(taken) <= 1, taken, 0.0)

    return step(hxy * gy - hyy * gx, -gx / hxx, across), step(hxy * gx - hxx * gy, -gy / hyy, down)


def _rows(maps: Any) -> Any:
    """Reshape (H, W, K) to (K, H W), one map per row."""
    return tf.transpose(tf.reshape(maps, (-1, maps.shape[-1])))


def _argmax(maps: Any, raw: Any) -> tuple[Any, Any, Any, Any]:
    """Find x, y (K,) of the highest cell of `raw` and the value of `maps` there, and make a function of offsets.

    For n offsets (dx, dy) from that cell the function returns the values (n, K), those of the nearest cell where the
    offset leaves the map, and (n, K) with 1 inside the map and 0 outside.
    """
    h, w, k = maps.shape
    flat = tf.reshape(_rows(maps), (k * h * w,))
    best = tf.argmax(_rows(raw), axis=-1, output_type=tf.int32)
    y = best // w
    x = best - y * w
    begin = np.arange(k, dtype=np.int32) * (h * w)

    def around(offsets: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
        dx, dy = np.array(offsets, np.int32).T[..., None]
        u, v = tf.clip_by_value(x + dx, 0, w - 1), tf.clip_by_value(y + dy, 0, h - 1)
        inside = tf.equal(u, x + dx) & tf.equal(v, y + dy)
        return tf.gather(flat, begin + v * w + u), tf.cast(inside, tf.float32)

    return tf.cast(x, tf.float32), tf.cast(y, tf.float32), tf.gather(flat, begin + best), around


def _blurred(maps: Any, sigma: float) -> Any:
    """Blur maps (H, W, K) with a Gaussian of `sigma` cells, the border mirrored as in `heatmap`."""
    radius = int(np.ceil(4 * sigma))
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    kernel = np.tile((weights / weights.sum()).astype(np.float32)[:, None, None, None], (1, 1, maps.shape[-1], 1))
    padded = tf.pad(maps, ((radius, radius), (radius, radius), (0, 0)), "SYMMETRIC")[None]
    once = tf.nn.depthwise_conv2d(padded, kernel, (1, 1, 1, 1), "VALID")
    return tf.nn.depthwise_conv2d(once, kernel.transpose(1, 0, 2, 3), (1, 1, 1, 1), "VALID")[0]
