"""Keypoints to heatmaps and back.

Cell (u, v) of a heatmap with stride s is the input point (s u + (s-1)/2, s v + (s-1)/2): the centre of
the s x s pixels that it covers. Gaussians are centred on the continuous position.

In shapes, N are people, H x W cells and K keypoints. The decoders `argmax`, `quarter`, `dark`, `centroid` and
`upsampled` take maps (N, H, W, K) float32 that peak at about 1, and return points (N, K, 2) float64 x, y in cells and
scores (N, K).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from poseport.outputs import expected_oks
from poseport.outputs.kinds import Decode, Values

Points = tuple[np.ndarray, np.ndarray]


def input_to_cells(points_px: np.ndarray, stride: int) -> np.ndarray:
    """Convert positions (any shape) from input pixels to cells. stride: input pixels per cell."""
    return (points_px - (stride - 1) / 2) / stride


def cells_to_input(points_cells: np.ndarray, stride: int) -> np.ndarray:
    """Convert positions (any shape) from cells to input pixels; the inverse of `input_to_cells`."""
    return points_cells * stride + (stride - 1) / 2


def encode(
    points_px: np.ndarray, hw: tuple[int, int], stride: int, sigma: float, out: np.ndarray | None = None
) -> np.ndarray:
    """Draw a Gaussian of height 1 around each keypoint: exp(-d^2 / (2 sigma^2)) at distance d.

    Args:
        points_px: (K, 2) x, y in input pixels; the map of a point that is NaN is NaN.
        hw: height and width of the maps in cells.
        stride: input pixels per cell.
        sigma: standard deviation in cells.
        out: contiguous (H, W, K) float32 array to write into; None for a new one.

    Returns:
        (H, W, K) float32 in [0, 1].
    """
    (h, w), k = hw, len(points_px)
    cells = input_to_cells(np.asarray(points_px, np.float64), stride)
    exponent = ((np.arange(max(hw))[:, None] - cells.T.reshape(1, 2 * k)) ** 2 / (-2 * sigma**2)).astype(np.float32)
    # beyond 9 sigmas the value is set to 0: the product of two smaller values would be a denormal number,
    # and arithmetic on those takes a hundred times as long
    factors = np.where(exponent < -40, np.float32(0), np.exp(exponent))
    across, down = factors[:w, :k], factors[:h, k:]
    maps = np.empty((h, w, k), np.float32) if out is None else out
    # rows of w x k: multiplied cell by cell they would be too short, keypoint by keypoint too far apart
    rows = maps.reshape(h, w * k)
    cv2.repeat(down, 1, w, dst=rows)
    np.multiply(rows, across.reshape(1, w * k), out=rows)
    return maps


def to_maps(outputs: np.ndarray, values: Values, sigma: float) -> np.ndarray:
    """Turn the raw outputs of a network into maps that peak at about 1.

    Gaussian outputs are such maps already. Logits become a distribution over the cells by softmax, which is divided
    by 1 / (2 pi sigma^2), the height of a Gaussian of that sigma that sums to one: the map peaks at 1 where the
    softmax is the target Gaussian, and higher where it is sharper.

    Args:
        outputs: (N, H, W, K) float32.
        values: what the outputs are.
        sigma: standard deviation of the target Gaussian, in cells; used for logits only.

    Returns:
        (N, H, W, K) float32.
    """
    if values == "gaussian":
        return outputs
    exp = np.exp(outputs - outputs.max(axis=(1, 2), keepdims=True))
    height = 2 * np.pi * sigma**2 / exp.sum(axis=(1, 2), keepdims=True)
    return np.asarray(exp * height, np.float32)


def decode(
    outputs: np.ndarray,
    method: Decode,
    stride: int,
    *,
    values: Values = "gaussian",
    sigma: float = 1.5,
    oks_sigmas: Sequence[float] = (),
) -> Points:
    """Decode heatmaps into points; the only place that chooses a decoder.

    Args:
        outputs: (N, H, W, K) raw outputs of the network, or maps that peak at about 1.
        method: the decoder and its settings.
        stride: input pixels per cell.
        values: what the outputs are: "gaussian" maps, or "logits" that `to_maps` turns into maps first.
        sigma: standard deviation of the target Gaussian, in cells; used for logits only.
        oks_sigmas: the OKS constant of each keypoint; used by the decoder "oks" only.

    Returns:
        Points (N, K, 2) float64 x, y in input pixels, and scores (N, K) float64, clipped to [0, 1].
    """
    maps = to_maps(np.asarray(outputs, np.float32), values, sigma)
    if method.method == "argmax":
        cells, score = argmax(maps)
    elif method.method == "quarter":
        cells, score = quarter(maps)
    elif method.method == "dark":
        cells, score = dark(maps, method.blur_cells)
    elif method.method == "centroid":
        cells, score = centroid(maps, method.radius_cells)
    elif method.method == "oks":
        cells, _ = dark(expected_oks.expected(maps, oks_sigmas))
        score = maps.max(axis=(1, 2)).astype(np.float64)
    else:
        cells, score = upsampled(maps, stride, method.threshold)  # files call it "seed"
    return cells_to_input(cells, stride), np.clip(score, 0.0, 1.0)


def argmax(maps: np.ndarray) -> Points:
    """Take the highest cell and its value; of several equal ones the first in row order.

    Args:
        maps: (N, H, W, K) float32.

    Returns:
        Points (N, K, 2) in cells and scores (N, K).
    """
    n, _, w, k = maps.shape
    flat = maps.reshape(n, -1, k)
    best = flat.argmax(axis=1)
    score = np.take_along_axis(flat, best[:, None], axis=1)[:, 0]
    return np.stack([best % w, best // w], axis=-1).astype(np.float64), score.astype(np.float64)


def quarter(maps: np.ndarray) -> Points:
    """Move the argmax a quarter of a cell towards the higher neighbour on each axis (Newell et al. 2016).

    Args and result as in `argmax`.
    """
    cells, score = argmax(maps)
    left, right, up, down = _neighbours(maps, cells, ((-1, 0), (1, 0), (0, -1), (0, 1)))
    step = np.stack([np.sign(right - left), np.sign(down - up)], axis=-1)
    return cells + 0.25 * np.where(np.isfinite(step), step, 0.0), score


def dark(maps: np.ndarray, blur_cells: float = 0.0) -> Points:
    """Move the argmax by a second-order Taylor step of the log map (DARK, Zhang et al. 2020, eq. 7).

    The result is exact for a Gaussian without noise. A step of more than a cell, or on a map without a peak at its
    argmax, is not taken. At the border, where a neighbour is missing, that axis keeps its cell.

    Args:
        maps: (N, H, W, K) float32.
        blur_cells: sigma in cells of a Gaussian that smooths the maps first; 0 for none.

    Returns:
        Points (N, K, 2) in cells and scores (N, K), the peaks of the (smoothed) maps.
    """
    if blur_cells > 0:
        maps = np.stack([_blurred(person_maps, blur_cells) for person_maps in maps])
    cells, score = argmax(maps)
    ring = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (1, -1), (-1, 1), (1, 1))
    with np.errstate(invalid="ignore", divide="ignore"):
        around = [np.log(np.maximum(v, 1e-10)) for v in _neighbours(maps, cells, ring)]
        c, l, r, u, d, lu, ru, ld, rd = around  # noqa: E741
        gx, gy = (r - l) / 2, (d - u) / 2
        hxx, hyy, hxy = r - 2 * c + l, d - 2 * c + u, (rd - ru - ld + lu) / 4
        hxy = np.where(np.isfinite(hxy), hxy, 0.0)
        determinant = hxx * hyy - hxy**2
        full = np.stack([-(hyy * gx - hxy * gy), -(hxx * gy - hxy * gx)], axis=-1) / determinant[..., None]
        alone = np.stack([-gx / hxx, -gy / hyy], axis=-1)
        peaked = (determinant > 0) & (hxx < 0) & (hyy < 0)
        step = np.where(peaked[..., None], full, np.where(np.stack([hxx < 0, hyy < 0], -1), alone, 0.0))
    return cells + np.where(np.abs(step) <= 1, step, 0.0), score


def centroid(maps: np.ndarray, radius_cells: int = 2) -> Points:
    """Take the centre of mass of a window around the argmax (the "island of activation" of Lee et al., section 7).

    Args:
        maps: (N, H, W, K) float32; negative values count as 0.
        radius_cells: half width of the window.

    Returns:
        Points (N, K, 2) in cells and scores (N, K).
    """
    cells, score = argmax(maps)
    steps = range(-radius_cells, radius_cells + 1)
    offsets = [(dx, dy) for dy in steps for dx in steps]
    mass = np.stack(_neighbours(maps, cells, tuple(offsets)))
    mass = np.where(np.isfinite(mass), np.maximum(mass, 0.0), 0.0)
    moment = np.einsum("ink,ic->nkc", mass, np.array(offsets, np.float64))
    total = mass.sum(axis=0)[..., None]
    return cells + np.divide(moment, total, out=np.zeros_like(moment), where=total > 0), score


def upsampled(maps: np.ndarray, stride: int, threshold: float = 0.04) -> Points:
    """Enlarge the maps to input size, blur them with sigma 1, and take the highest pixel (Lee et al., section 3.4.1).

    Specs, cards and command lines call this decoder `seed`. The enlarged map has pixel centres at integers, so that
    its points are in input pixels; they are converted to cells only to have the form of the other decoders.

    Args:
        maps: (N, H, W, K) float32.
        stride: input pixels per cell.
        threshold: a keypoint whose peak is lower is dropped: it gets the first cell and score 0.

    Returns:
        Points (N, K, 2) in cells and scores (N, K).
    """
    h, w = maps.shape[1] * stride, maps.shape[2] * stride
    points, scores = [], []
    for person_maps in maps:
        large = _by_channels(person_maps, lambda part: cv2.resize(part, (w, h), interpolation=cv2.INTER_LINEAR))
        pixels, score = argmax(_blurred(large, 1.0)[None])
        high = score >= threshold
        points.append(np.where(high[..., None], pixels, 0.0)[0])
        scores.append(np.where(high, score, 0.0)[0])
    return input_to_cells(np.stack(points), stride), np.stack(scores)


def _blurred(maps: np.ndarray, sigma: float) -> np.ndarray:
    size = 2 * int(np.ceil(4 * sigma)) + 1
    return _by_channels(maps, lambda part: cv2.GaussianBlur(part, (size, size), sigma, borderType=cv2.BORDER_REFLECT))


def _by_channels(maps: np.ndarray, work: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Apply an OpenCV function to (H, W, K): OpenCV takes at most 128 channels, and drops the axis of a single one."""
    parts = [work(np.ascontiguousarray(maps[..., i : i + 64])) for i in range(0, maps.shape[-1], 64)]
    return np.concatenate([part.reshape(*part.shape[:2], -1) for part in parts], axis=-1)


def _neighbours(maps: np.ndarray, cells: np.ndarray, offsets: tuple[tuple[int, int], ...]) -> list[np.ndarray]:
    """Values (N, K) at cells + (dx, dy) for each offset; NaN outside the map."""
    n, h, w, k = maps.shape
    x, y = cells[..., 0].astype(int), cells[..., 1].astype(int)
    rows, channels = np.arange(n)[:, None], np.arange(k)[None]
    values = []
    for dx, dy in offsets:
        i, j = y + dy, x + dx
        inside = (i >= 0) & (i < h) & (j >= 0) & (j < w)
        value = maps[rows, np.clip(i, 0, h - 1), np.clip(j, 0, w - 1), channels].astype(np.float64)
        values.append(np.where(inside, value, np.nan))
    return values
