"""Crop, normalise, encode and decode for any network, as its spec says.

This is the only module that chooses between kinds of output. Training, calibration, benchmarks and `predict` all use
it. In shapes, N are people and K keypoints.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from poseport import coords, crop, heatmap
from poseport.outputs import landmarks, offsets, simcc
from poseport.spec import (
    ChannelOrder,
    CoordsOutput,
    HeatmapOutput,
    KeypointsOutput,
    LandmarksOutput,
    OffsetsOutput,
    PoseSpec,
    SimccOutput,
)


def preprocess(spec: PoseSpec, image: np.ndarray, box_xywh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Crop one person from an image.

    Args:
        spec: gives input size and padding.
        image: (h, w, 3) uint8 RGB.
        box_xywh: (4,) left, top, width, height in image pixels.

    Returns:
        The crop (H, W, 3) uint8 RGB, and the matrix (2, 3) float64 that maps image pixels to crop pixels.

    Raises:
        ValueError: if the box has no area.
    """
    matrix = crop.crop_matrix(box_xywh, spec.input_hw, spec.padding)
    return crop.warp(image, matrix, spec.input_hw), matrix


def crops(spec: PoseSpec, image: np.ndarray, boxes_xywh: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Crop several boxes from one image.

    Args:
        spec: gives input size and padding.
        image: (h, w, 3) uint8 RGB.
        boxes_xywh: (n, 4) left, top, width, height in image pixels, at least one.

    Returns:
        The crops (n, H, W, 3) uint8 RGB, and the matrices (n, 2, 3) float64 that map image pixels to crop pixels.

    Raises:
        ValueError: if a box has no area.
    """
    images, matrices = zip(*(preprocess(spec, image, box) for box in boxes_xywh), strict=True)
    return np.stack(images), np.stack(matrices)


class Pixels(Protocol):
    """What turns pixels into the input of a network; part of the spec of every kind of network."""

    @property
    def mean(self) -> tuple[float, float, float]:
        """Red, green, blue, in pixel values."""

    @property
    def std(self) -> tuple[float, float, float]:
        """Red, green, blue, in pixel values."""

    @property
    def channel_order(self) -> ChannelOrder:
        """The order of the colour channels in the network's input."""


def normalise(
    spec: Pixels, crops: np.ndarray, out: np.ndarray | None = None, tone: np.ndarray | None = None
) -> np.ndarray:
    """Turn crops into the input of a network: (pixel - mean) / std, in its channel order.

    A pixel has 256 levels, so the values come from a table, which is several times as fast as arithmetic on each pixel
    and rounds in the same way everywhere.

    Args:
        spec: gives mean, std and channel order.
        crops: (..., H, W, 3) uint8 RGB.
        out: contiguous float32 array of the same shape to write into; None for a new one.
        tone: (256,) uint8, the level that replaces each level first, at no extra cost; None for no change.

    Returns:
        (..., H, W, 3) float32.
    """
    table = _table(spec.mean, spec.std)
    if tone is not None:
        table = table[tone]
    if spec.channel_order == "bgr":
        crops, table = crops[..., ::-1], np.ascontiguousarray(table[..., ::-1])
    rows = np.ascontiguousarray(crops).reshape(-1, crops.shape[-2], 3)
    into = None if out is None else out.reshape(rows.shape)
    return cv2.LUT(rows, table, dst=into).reshape(crops.shape)


@lru_cache(maxsize=8)
def _table(mean: tuple[float, ...], std: tuple[float, ...]) -> np.ndarray:
    """Normalised levels (256, 1, 3) float32; (256, 1, 1), which is twice as fast, if all channels are alike."""
    table = ((np.arange(256)[:, None] - np.asarray(mean)) / np.asarray(std)).astype(np.float32)
    if (table == table[:, :1]).all():
        table = table[:, :1]
    table.flags.writeable = False
    return table.reshape(256, 1, -1)


def fingerprint(spec: PoseSpec) -> str:
    """Compute a digest of how a spec crops and normalises.

    Any other padding, size, mean, deviation or order changes it. It is computed from the matrices of three boxes and
    from every level of every channel, to five digits, so that it depends neither on how a library rounds nor on
    anything behind the input.

    Args:
        spec: the spec.

    Returns:
        16 hex digits.
    """
    boxes = ((0, 0, 100, 100), (10.5, -20, 30, 200), (300, 40, 250, 60))
    matrices = [crop.crop_matrix(np.array(box, float), spec.input_hw, spec.padding) for box in boxes]
    levels = np.arange(256, dtype=np.uint8)
    pixels = np.stack([levels, levels[::-1], np.roll(levels, 64)], axis=-1)[None]
    # + 0: no difference between 0 and -0
    rounded = [[float(f"{v:.5g}") + 0.0 for v in np.ravel(part)] for part in (matrices, normalise(spec, pixels))]
    return hashlib.sha256(json.dumps([spec.input_hw, rounded]).encode()).hexdigest()[:16]


def encode(spec: PoseSpec, points_px: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Make the training target of one person.

    Args:
        spec: spec of the network that is trained.
        points_px: (K, 2) x, y in input pixels, NaN where there is no label. The target of such a keypoint is NaN,
            which losses ignore; its third number, if the output has one, stands for score 0.
        out: contiguous float32 array of the target's shape to write into; None for a new one.

    Returns:
        `spec.output_shape` float32.
    """
    if isinstance(spec.output, HeatmapOutput):
        return heatmap.encode(points_px, spec.heatmap_hw, spec.output.stride, spec.output.sigma, out)
    target = np.empty(spec.output_shape, np.float32) if out is None else out
    if isinstance(spec.output, SimccOutput):
        simcc.encode(points_px, spec.output, spec.input_hw, target)
        return target
    assert isinstance(spec.output, CoordsOutput)  # networks with a decoder inside are not trained
    target[:, :2] = coords.encode(points_px, spec.input_hw)
    if spec.output.score != "none":
        target[:, 2] = np.where(np.isfinite(target[:, 0]), 0.5, -0.5)
    return target


def encode_nobody(spec: PoseSpec, out: np.ndarray) -> None:
    """Fill the training target of a crop that shows no person.

    Gaussian maps become 0. Logits, which are trained towards a distribution over cells or bins, get the uniform one,
    whose score is about 2 pi sigma^2 / cells on a map. Coordinates cannot express it: their target is that of a person
    without labels.

    Args:
        spec: spec of the network that is trained.
        out: `spec.output_shape` float32, written into.
    """
    if isinstance(spec.output, HeatmapOutput):
        out[...] = 1.0 if spec.output.values == "logits" else 0.0
    elif isinstance(spec.output, SimccOutput):
        out[...] = 1.0
    else:
        encode(spec, np.full((len(spec.skeleton), 2), np.nan), out)


def maps(spec: PoseSpec, outputs: np.ndarray) -> np.ndarray:
    """Turn the raw outputs of a heatmap network into maps that peak at about 1.

    Args:
        spec: spec of the network, with heatmaps as output.
        outputs: (N, H, W, K), or any shape that can be reshaped to it.

    Returns:
        (N, H, W, K) float32.
    """
    assert isinstance(spec.output, HeatmapOutput)
    outputs = np.asarray(outputs, np.float32).reshape(-1, *spec.output_shape)
    return heatmap.to_maps(outputs, spec.output.values, spec.output.sigma)


def decode_input(spec: PoseSpec, outputs: np.ndarray) -> np.ndarray:
    """Decode raw outputs into keypoints in input pixels.

    Args:
        spec: spec of the network.
        outputs: (N, *spec.output_shape), or any shape that can be reshaped to it.

    Returns:
        (N, K, 3) float64: x, y in input pixels and a score in [0, 1], which is 1 for coordinates without a score.
    """
    outputs = np.asarray(outputs, np.float32).reshape(-1, *spec.output_shape)
    match spec.output:
        case HeatmapOutput() as maps:
            points, scores = heatmap.decode(
                outputs,
                maps.decode,
                maps.stride,
                values=maps.values,
                sigma=maps.sigma,
                oks_sigmas=spec.skeleton.sigmas,
            )
        case OffsetsOutput() as output:
            points, scores = offsets.decode(outputs, output)
        case SimccOutput() as output:
            points, scores = simcc.decode(outputs, output, spec.input_hw)
        case LandmarksOutput() as output:
            points, scores = landmarks.decode(outputs, output)
        case KeypointsOutput(order=order):
            xys = outputs if order == "xys" else outputs[..., [1, 0, 2]]
            points, scores = coords.decode(xys[..., :2] - 0.5, spec.input_hw), np.clip(xys[..., 2], 0.0, 1.0)
        case CoordsOutput(score=score):
            points = coords.decode(outputs[..., :2], spec.input_hw)
            scores = np.ones(points.shape[:2]) if score == "none" else np.clip(outputs[..., 2] + 0.5, 0.0, 1.0)
    return np.concatenate([points, scores[..., None]], axis=-1)


def decode(spec: PoseSpec, outputs: np.ndarray, matrices: np.ndarray) -> np.ndarray:
    """Decode raw outputs into keypoints in image pixels.

    Args:
        spec: spec of the network.
        outputs: (N, *spec.output_shape), or any shape that can be reshaped to it.
        matrices: (N, 2, 3), the matrices that made the crops.

    Returns:
        (N, K, 3) float64: x, y in image pixels and a score in [0, 1].
    """
    keypoints = decode_input(spec, outputs)
    keypoints[..., :2] = crop.move_points(keypoints[..., :2], crop.invert(matrices))
    return keypoints
