"""Inputs of the golden vectors: the cases of every file."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
from golden_arrays import Case, rows

from poseport import crop, heatmap
from poseport.architecture import DeepPoseArchitecture, ForeignArchitecture, HourglassArchitecture
from poseport.data.drawn import synth
from poseport.records import dumps
from poseport.skeleton import Skeleton
from poseport.skeletons import COCO17, LSP14
from poseport.spec import CoordsOutput, Decode, HeatmapOutput, KeypointsOutput, PoseSpec, Refine
from poseport.tflite.interpreter import to_steps


def crop_inputs() -> list[Case]:
    picture, figures = synth.scene(np.random.default_rng(3), (120, 160))
    box = [float(round(v, 2)) for v in figures[0].box_xywh]
    points = [[0, 0], [159, 119], [box[0], box[1]], [80.25, 60.75]]
    plain: Case = {
        "picture": picture, "box_xywh": box, "input_hw": [64, 64], "padding": 1.25, "rotation_deg": 0.0,
        "scale": 1.0, "shift": [0.0, 0.0], "flip": False, "points_px": points,
    }  # fmt: skip
    changes: list[tuple[str, Case]] = [
        ("person", {}),
        ("the picture itself", {"box_xywh": [0, 0, 160, 120], "input_hw": [120, 160], "padding": 1.0}),
        ("whole picture, small", {"box_xywh": [0, 0, 160, 120], "input_hw": [48, 32]}),
        ("enlarged five times", {"box_xywh": [70.5, 40.25, 16.0, 9.0], "input_hw": [64, 80], "padding": 1.0}),
        ("beyond the edge", {"box_xywh": [-40.0, -30.0, 90.0, 90.0]}),
        ("far outside", {"box_xywh": [150.0, 110.0, 60.0, 60.0]}),
        ("turned by 30", {"rotation_deg": 30.0}),
        ("turned by -90", {"rotation_deg": -90.0}),
        ("mirrored", {"flip": True}),
        ("all at once", {"rotation_deg": -17.5, "scale": 1.3, "shift": [0.06, -0.04], "flip": True}),
    ]
    return [{"name": name, **plain, **change} for name, change in changes]


def network(output: Any, skeleton: Skeleton = COCO17, hw: tuple[int, int] = (64, 64), **more: Any) -> PoseSpec:
    if isinstance(output, HeatmapOutput):
        return PoseSpec("golden", HourglassArchitecture(depth=2), skeleton, hw, output, **more)
    if isinstance(output, CoordsOutput):
        return PoseSpec("golden", DeepPoseArchitecture(), skeleton, hw, output, **more)
    return PoseSpec("golden", ForeignArchitecture(), skeleton, hw, output, **more)


def input_inputs() -> list[Case]:
    pixels = np.random.default_rng(5).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    pixels[0, :2] = [[0, 0, 0], [255, 255, 255]]
    pixels[16:, :, 1] = np.arange(256, dtype=np.uint8).reshape(8, 32).repeat(2, axis=0)
    imagenet = {"mean": (123.675, 116.28, 103.53), "std": (58.395, 57.12, 57.375)}
    signed = {"mean": (127.5,) * 3, "std": (127.5,) * 3}
    as_is = {"mean": (0.0,) * 3, "std": (1.0,) * 3}
    kinds: list[tuple[str, Case, str, float, int]] = [
        ("float, 0 to 1", {}, "float32", 0.0, 0),
        ("int8 that is pixel - 128", {}, "int8", float(np.float32(1 / 255)), -128),
        ("uint8 that is the pixel", {}, "uint8", float(np.float32(1 / 255)), 0),
        ("int8 with a range that was settled a little short", {}, "int8", 0.0037, -128),
        ("float, mean and deviation of ImageNet", imagenet, "float32", 0.0, 0),
        ("int8, mean and deviation of ImageNet", imagenet, "int8", 0.018658, -14),
        ("float, -1 to 1, blue first", {**signed, "channel_order": "bgr"}, "float32", 0.0, 0),
        ("uint8, -1 to 1", signed, "uint8", 0.0078125, 128),
        ("float, pixels as they are", as_is, "float32", 0.0, 0),
        ("uint8 without a scale", as_is, "uint8", 0.0, 0),
        ("int16, 0 to 1", {}, "int16", float(np.float32(1 / 32767)), 0),
    ]
    return [
        {
            "name": name, "spec": json.loads(dumps(replace(network(HeatmapOutput(), hw=(32, 32)), **more))),
            "crop": pixels, "dtype": dtype, "quant_scale": scale, "zero_point": zero_point,
        }
        for name, more, dtype, scale, zero_point in kinds
    ]  # fmt: skip


def peaks(rng: np.random.Generator, hw: tuple[int, int], stride: int, sigma: float) -> np.ndarray:
    """Maps (H, W, 14): Gaussians inside, between cells, at edges and corners; none, two alike, low, noisy, flat."""
    h, w = hw[0] * stride, hw[1] * stride
    points = np.array(
        [
            [20.0, 31.5], [33.5, 29.1], [1.2, 30.0], [w - 1.0, 22.3], [25.0, 0.4], [0.1, 0.1], [w - 1.1, h - 1.2],
            [17.5, 17.5], [40.3, 41.9], [22.2, 40.0], [30.0, 30.0], [35.1, 12.6], [12.4, 50.3], [28.0, 36.0],
        ]
    )  # fmt: skip
    maps = heatmap.encode(points, hw, stride, sigma)
    maps[..., 7] = 0.0  # nothing: the first cell, score 0
    maps[..., 8] = np.maximum(maps[..., 8], maps[::-1, ::-1, 8])  # two alike: the first in row order
    maps[..., 9] *= 0.03  # below `seed`'s threshold
    maps[..., 10] = 0.5  # flat
    maps[..., 11] += rng.normal(0, 0.05, hw).astype(np.float32)
    maps[..., 12] = maps[..., 12] * 1.3 - 0.2  # above 1 and below 0
    maps[..., 13] = rng.uniform(-0.2, 0.6, hw).astype(np.float32)
    return maps


def decode_inputs() -> list[Case]:
    rng = np.random.default_rng(7)
    matrix = rows(crop.crop_matrix(np.array([31.5, 12.0, 75.0, 140.0]), (64, 64), 1.25))
    cases: list[Case] = []

    def add(name: str, spec: PoseSpec, raw: np.ndarray, scale: float = 0.0, zero_point: int = 0) -> None:
        raw = np.ascontiguousarray(to_steps(raw, np.int8, scale, zero_point) if scale else raw)
        cases.append(
            {
                "name": name, "spec": json.loads(dumps(spec)), "raw": raw,
                "quant_scale": scale, "zero_point": zero_point, "matrix": matrix,
            }
        )  # fmt: skip

    decoders = [Decode("argmax"), Decode("quarter"), Decode("dark"), Decode("dark", blur_cells=1.0)]
    decoders += [Decode("centroid"), Decode("centroid", radius_cells=1), Decode("oks"), Decode("seed")]
    maps = peaks(rng, (16, 16), 4, 1.5)
    logits = (np.log(np.maximum(maps, 1e-5)) + rng.normal(0, 0.02, maps.shape)).astype(np.float32)
    noise = rng.normal(0, 0.01, maps.shape).astype(np.float32)
    for decode in decoders:
        label = decode.method + (" blurred" if decode.blur_cells else "")
        if decode.method == "centroid":
            label += f" of radius {decode.radius_cells}"
        # a blur may break a tie either way: no two cells alike, and no steps of an integer tensor
        blurs = decode.method in ("oks", "seed") or decode.blur_cells > 0
        shown, scored = (part + noise * blurs for part in (maps, logits))
        spec = network(HeatmapOutput(sigma=1.5, decode=decode), LSP14)
        add(f"gaussian, {label}", spec, shown)
        if not blurs:
            add(f"gaussian int8, {label}", spec, maps, 1.6 / 255, -96)
        spec = network(HeatmapOutput(sigma=1.5, values="logits", decode=decode), LSP14)
        add(f"logits, {label}", spec, scored)
        if not blurs:
            add(f"logits int8, {label}", spec, logits, 13 / 255, 100)
    wide = network(HeatmapOutput(stride=4, sigma=1.0), LSP14, (48, 80))
    add("gaussian, dark, not square", wide, peaks(rng, (12, 20), 4, 1.0))
    points = rng.uniform(-0.6, 0.6, (14, 3)).astype(np.float32)
    for score in ("none", "visibility", "sigma"):
        spec = network(CoordsOutput(score=score), LSP14, (96, 64))
        values = points[:, :2] if score == "none" else points
        add(f"coords, score {score}", spec, values)
        add(f"coords int8, score {score}", spec, values, 1.2 / 255, 3)
    for order in ("xys", "yxs"):
        spec = network(KeypointsOutput(order=order), LSP14, (96, 64))
        add(f"keypoints {order}", spec, points + np.float32(0.5))
        add(f"keypoints {order} int8", spec, points + np.float32(0.5), 1.1 / 255, -118)
    return cases


def cascade_inputs() -> list[Case]:
    rng = np.random.default_rng(9)
    spec = PoseSpec(
        "golden-refine", DeepPoseArchitecture(), COCO17, (32, 32), CoordsOutput(), padding=1.0, refine=Refine(1.5)
    )
    estimates = np.column_stack([rng.uniform(20, 120, (17, 2)), rng.uniform(0, 1, 17)]).round(3)
    lost = estimates.copy()
    lost[[0, 5, 9], :2] = np.nan  # keypoints that were not found, one of the torso's among them
    flat = estimates.copy()
    flat[[5, 12], :2] = [60.0, 61.0]  # a torso without length: a tenth of the box's longer side
    return [
        {
            "name": name, "spec": json.loads(dumps(spec)), "box_xywh": [10.5, 8.0, 90.0, 130.0],
            "estimates": rows(values), "outputs": rng.uniform(-0.5, 0.5, (17, 17, 2)).astype(np.float32),
        }
        for name, values in (("all found", estimates), ("three lost", lost), ("torso seen end on", flat))
    ]  # fmt: skip


def track_inputs() -> list[Case]:
    rng = np.random.default_rng(11)
    pose17 = np.column_stack([rng.uniform(200, 300, 17), rng.uniform(80, 400, 17), rng.uniform(0.3, 1, 17)])
    few, third, fallen, wide, gone, nan = (pose17.copy() for _ in range(6))
    few[5:, 2] = 0.1
    third[6:, 2] = 0.1
    fallen[:, :2] = fallen[:1, :2] + rng.uniform(0, 20, (17, 2))
    wide[:, :2] = (wide[:, :2] - 250) * 12
    gone[:, 0] -= 400
    nan[[0, 3], 0] = np.nan
    lying = pose17[:, [1, 0, 2]]
    named = {
        "standing": pose17, "lying": lying, "a third is sure": third, "less is sure": few, "fell together": fallen,
        "larger than the picture": wide, "left the picture": gone, "some are no numbers": nan,
    }  # fmt: skip
    return [
        {"name": name, "image_hw": [480, 640], "threshold": 0.2, "keypoints": keypoints.astype(np.float32)}
        for name, keypoints in named.items()
    ]


def smooth_inputs() -> list[Case]:
    rng = np.random.default_rng(13)
    rest = np.stack([np.column_stack([rng.uniform(0, 200, (5, 2)), rng.uniform(0.3, 1, 5)])] * 12)
    rest[1:, :, :2] += rng.normal(0, 1.5, (11, 5, 2))
    walk, unsure, nan = rest.copy(), rest.copy(), rest.copy()
    walk[..., 0] += 15.0 * np.arange(12)[:, None]
    unsure[4:8, 2:] = [300.0, 5.0, 0.05]
    nan[0, 0], nan[5, 1, 0] = np.nan, np.nan
    named = {"at rest": rest, "walking": walk, "some are unsure": unsure, "some are no numbers": nan}
    return [
        {"name": name, "size_px": 180.0, "seconds": 1 / 30, "keypoints": keypoints.astype(np.float32)}
        for name, keypoints in named.items()
    ]


def frame_inputs() -> list[Case]:
    rng = np.random.default_rng(12)
    h, w = 48, 64
    luma = np.clip(np.indices((h, w)).sum(0) * 2 + rng.normal(0, 25, (h, w)), 0, 255)
    chroma = rng.uniform(60, 200, 2 * (h // 2) * (w // 2))
    planes = np.concatenate([luma.ravel(), chroma]).astype(np.uint8)
    return [
        {
            "name": f"{degrees} degrees{', mirrored' if mirrored else ''}", "image_hw": [h, w], "degrees": degrees,
            "mirrored": mirrored, "box_xywh": [6.0, 4.0, 37.5, 41.0], "input_hw": [32, 32], "padding": 1.1,
            "planes": planes,
        }
        for degrees in (0, 90, 180, 270)
        for mirrored in (False, True)
    ]  # fmt: skip
