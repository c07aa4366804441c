"""A decoder inside the file, from the network's raw output to (1, K, 3) x, y and score in [0, 1].

It computes the same as `poseport.heatmap` and `poseport.coords` with TensorFlow's operations, for apps that read
keypoints from the output tensor, as they do with MoveNet. The golden vectors of the decoders test both.

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
from poseport.spec import Decode, HeatmapOutput, KeypointsOutput, PoseSpec
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
    return join(flatbuffer, bytes(head), output.kind), replace(card, spec=replace(spec, output=output))


def function(spec: PoseSpec) -> Any:
    """Trace the decoder of a spec as a TensorFlow function.

    Args:
        spec: The network's spec.

    Returns:
        A concrete function: raw outputs (1, *spec.output_shape) float32 -> keypoints (1, K, 3) float32.
    """
    signature = tf.TensorSpec((1, *spec.output_shape), tf.float32, name="raw")
    keypoints = _from_maps if isinstance(spec.output, HeatmapOutput) else _from_coords
    traced = tf.function(lambda raw: keypoints(spec, raw[0])[None], input_signature=[signature], autograph=False)
    return traced.get_concrete_function()


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
    h, w = spec.input_hw
    # the inverse of `coords.decode`: input pixel p of n lies at (p + 1/2) / n between the edges
    px, py = (x * stride + (stride - 1) / 2 + 0.5) / w, (y * stride + (stride - 1) / 2 + 0.5) / h
    return tf.stack([px, py, tf.clip_by_value(score, 0.0, 1.0)], axis=-1)


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
