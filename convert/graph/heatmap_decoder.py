"""The decoders of `poseport.heatmap` with TensorFlow's operations, for a decoder inside the file.

In shapes, H x W are cells and K keypoints.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from poseport.outputs import expected_oks
from poseport.spec import Decode

_RING = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))


def decode_maps(
    maps: Any, raw: Any, method: Decode, stride: int, oks_sigmas: Sequence[float]
) -> tuple[Any, Any, Any, int]:
    """Decode maps to x, y (K,) in cells, the score, and the number of input pixels per cell.

    The highest cell is looked up in `raw`, from which the maps were computed, because a vectorised softmax may make
    one of two equal cells larger.
    """
    if method.method == "seed":
        h, w = maps.shape[:2]
        large = _blurred(tf.image.resize(maps[None], (h * stride, w * stride))[0], 1.0)
        x, y, score, _ = argmax(large, large)
        kept = tf.cast(score >= method.threshold, tf.float32)
        return x * kept, y * kept, score * kept, 1
    if method.method == "dark" and method.blur_cells > 0:
        maps = raw = _blurred(maps, method.blur_cells)
    if method.method == "oks":
        peaks = tf.reduce_max(maps, axis=(0, 1))
        maps = raw = _expected(maps, oks_sigmas)
    x, y, score, around = argmax(maps, raw)
    if method.method == "oks":
        score = peaks
    if method.method == "quarter":
        values, inside = around(_RING[1:5])
        left, right, up, down = tf.unstack(values)
        dx = 0.25 * tf.sign(right - left) * inside[0] * inside[1]
        dy = 0.25 * tf.sign(down - up) * inside[2] * inside[3]
    elif method.method in ("dark", "oks"):
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


def rows_of(maps: Any) -> Any:
    """Reshape (H, W, K) to (K, H W), one map per row."""
    return tf.transpose(tf.reshape(maps, (-1, maps.shape[-1])))


def argmax(maps: Any, raw: Any) -> tuple[Any, Any, Any, Any]:
    """Find x, y (K,) of the highest cell of `raw` and the value of `maps` there, and make a function of offsets.

    For n offsets (dx, dy) from that cell the function returns the values (n, K), those of the nearest cell where the
    offset leaves the map, and (n, K) with 1 inside the map and 0 outside.
    """
    h, w, k = maps.shape
    flat = tf.reshape(rows_of(maps), (k * h * w,))
    best = tf.argmax(rows_of(raw), axis=-1, output_type=tf.int32)
    y = best // w
    x = best - y * w
    begin = np.arange(k, dtype=np.int32) * (h * w)

    def around(offsets: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
        dx, dy = np.array(offsets, np.int32).T[..., None]
        u, v = tf.clip_by_value(x + dx, 0, w - 1), tf.clip_by_value(y + dy, 0, h - 1)
        inside = tf.equal(u, x + dx) & tf.equal(v, y + dy)
        return tf.gather(flat, begin + v * w + u), tf.cast(inside, tf.float32)

    return tf.cast(x, tf.float32), tf.cast(y, tf.float32), tf.gather(flat, begin + best), around


def _expected(maps: Any, oks_sigmas: Sequence[float]) -> Any:
    """`expected_oks.expected` of maps (H, W, K).

    Products of matrices, because depthwise kernels this long take four times the time; one keypoint after the other,
    because the converter fails at a batch of products with constants.
    """
    bands = expected_oks.bands(oks_sigmas, maps.shape[:2])
    found = []
    for one, down, across in zip(tf.unstack(maps, axis=-1), *bands, strict=True):
        columns = tf.transpose(tf.matmul(one, across))
        found.append(tf.transpose(tf.matmul(columns, down)))
    return tf.stack(found, axis=-1)


def _blurred(maps: Any, sigma: float) -> Any:
    """Blur maps (H, W, K) with a Gaussian of `sigma` cells, the border mirrored as in `heatmap`."""
    radius = int(np.ceil(4 * sigma))
    weights = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    kernel = np.tile((weights / weights.sum()).astype(np.float32)[:, None, None, None], (1, 1, maps.shape[-1], 1))
    padded = tf.pad(maps, ((radius, radius), (radius, radius), (0, 0)), "SYMMETRIC")[None]
    once = tf.nn.depthwise_conv2d(padded, kernel, (1, 1, 1, 1), "VALID")
    return tf.nn.depthwise_conv2d(once, kernel.transpose(1, 0, 2, 3), (1, 1, 1, 1), "VALID")[0]
