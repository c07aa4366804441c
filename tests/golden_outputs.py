"""Inputs of the golden vectors of other projects' outputs: tensors as a file holds them."""

from __future__ import annotations

import json
import math

import numpy as np
from golden_arrays import Case, rows
from golden_inputs import peaks

from poseport import crop
from poseport.architecture import ForeignArchitecture
from poseport.outputs.kinds import (
    CoordsOutput,
    Decode,
    HeatmapOutput,
    KeypointsOutput,
    LandmarksOutput,
    OffsetsOutput,
    Output,
    SimccOutput,
)
from poseport.outputs.tensors import split
from poseport.records import dumps
from poseport.skeletons import LSP14
from poseport.spec import PoseSpec
from poseport.tflite.interpreter import to_steps

K = len(LSP14)
NAMES = {"heatmaps": "maps", "offsets": "moves"}
Steps = tuple[tuple[float, int], ...]  # scale and zero point of each tensor


def _offsets(rng: np.random.Generator, output: OffsetsOutput, input_hw: tuple[int, int]) -> np.ndarray:
    """(h, w, 3K): logits or scores, one map flat and one with two equal peaks, and offsets of up to a cell."""
    h, w = (math.ceil(size / output.stride) for size in input_hw)
    maps = rng.normal(-2, 2, (h, w, K)) if output.values == "logits" else rng.uniform(-0.1, 1.1, (h, w, K))
    maps[..., 3] = 0.25
    maps[0, 1, 4] = maps[h - 1, w - 1, 4] = maps.max() + 1
    reach = 0.5 * output.stride / output.offset_px
    return np.concatenate([maps, rng.uniform(-reach, reach, (h, w, 2 * K))], axis=-1)


def _bins(rng: np.random.Generator, output: SimccOutput, input_hw: tuple[int, int]) -> np.ndarray:
    """(K, X + Y): noisy bumps, one keypoint that scores below 0, one flat and one above 1."""
    parts = []
    for size in input_hw[::-1]:
        bins, middle = np.arange(output.bins(size)), rng.uniform(0, output.bins(size), (K, 1))
        parts.append(0.9 * np.exp(-((bins - middle) ** 2) / 72) + rng.normal(0, 0.01, (K, len(bins))))
    raw = np.concatenate(parts, axis=-1)
    raw[2], raw[3], raw[4] = raw[2] - 2, 0.5, 1.5 * raw[4]
    return raw


def _points(rng: np.random.Generator, output: LandmarksOutput, input_hw: tuple[int, int]) -> np.ndarray:
    """(K + auxiliary, 3 or 5): points inside and outside the input, and logits from -90 to 90."""
    count, h, w = K + output.auxiliary, *input_hw
    raw = np.column_stack([rng.uniform(-5, w + 5, count), rng.uniform(-5, h + 5, count), rng.normal(0, 40, count)])
    return (
        raw if output.score == "none" else np.column_stack([raw, np.linspace(-90, 90, count), rng.normal(0, 3, count)])
    )


def output_inputs() -> list[Case]:
    rng = np.random.default_rng(13)
    matrix = rows(crop.crop_matrix(np.array([31.5, 12.0, 75.0, 140.0]), (64, 64), 1.25))
    cases: list[Case] = []

    def add(name: str, output: Output, hw: tuple[int, int], raw: np.ndarray, *steps: tuple[float, int]) -> None:
        spec = PoseSpec("golden", ForeignArchitecture(), LSP14, hw, output)
        arrays = split(spec, raw.astype(np.float32)[None])
        stored, quantized = {}, {}
        for i, (tensor, array) in enumerate(zip(spec.output_tensors, arrays, strict=True)):
            scale, zero_point = steps[i] if steps else (0.0, 0)
            stored[tensor.name] = to_steps(array[0], np.int8, scale, zero_point) if steps else array[0]
            quantized[tensor.name] = {"quant_scale": scale, "zero_point": zero_point}
        cases.append(
            {
                "name": name, "spec": json.loads(dumps(spec)), "tensors": stored, "quantization": quantized,
                "matrix": matrix,
            }
        )  # fmt: skip

    maps = peaks(rng, (16, 16), 4, 1.5)
    gaussian = HeatmapOutput(layout="channels-first", tensor="heatmaps")
    add("heatmaps, channels first", gaussian, (64, 64), maps)
    add("heatmaps int8, channels first", gaussian, (64, 64), maps, (1.6 / 255, -96))
    wide = HeatmapOutput(values="logits", decode=Decode("quarter"), layout="channels-first")
    logits = np.log(np.maximum(peaks(rng, (12, 20), 4, 1.5), 1e-5))
    add("logits, channels first, not square", wide, (48, 80), logits)

    posenet = OffsetsOutput(stride=16)
    raw = _offsets(rng, posenet, (65, 97))
    add("offsets of PoseNet", posenet, (65, 97), raw)
    add("offsets of PoseNet int8", posenet, (65, 97), raw, (12 / 255, 40), (17 / 255, 2))
    movenet = OffsetsOutput(stride=4, origin_px=-0.5, offset_px=4.0, order="yx-pairs", values="scores", **NAMES)
    add("offsets of MoveNet", movenet, (64, 48), _offsets(rng, movenet, (64, 48)))
    first = OffsetsOutput(stride=8, order="yx-pairs", layout="channels-first", **NAMES)
    add("offsets, channels first", first, (48, 64), _offsets(rng, first, (48, 64)))

    for ratio in (2.0, 1.5):
        simcc = SimccOutput(split_ratio=ratio)
        raw = _bins(rng, simcc, (64, 49))
        add(f"simcc, {ratio} bins per pixel", simcc, (64, 49), raw)
    add("simcc int8", simcc, (64, 49), raw, (1.6 / 255, -100), (1.7 / 255, -90))

    for score in ("visibility", "presence", "none"):
        landmarks = LandmarksOutput("landmarks", "points", auxiliary=6, score=score)  # type: ignore[arg-type]
        add(f"landmarks, score {score}", landmarks, (96, 64), _points(rng, landmarks, (96, 64)))
    add("coords, named", CoordsOutput(tensor="points"), (96, 64), rng.uniform(-0.6, 0.6, (K, 2)))
    add("keypoints, named", KeypointsOutput(order="yxs", tensor="points"), (96, 64), rng.uniform(0, 1, (K, 3)))

    trained = SimccOutput(values="logits", sigma=4.0)
    raw = 8 * _bins(rng, trained, (64, 49)) - 3
    add("simcc logits int8", trained, (64, 49), raw, (32 / 255, 60), (30 / 255, 55))
    return cases
