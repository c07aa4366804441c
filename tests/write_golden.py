"""Golden vectors: what the toolkit computes from stored inputs, for code in other languages to be held to.

`python tests/write_golden.py` writes `golden/NAME.json` and `golden/NAME.bin`; README.md there says how to read them.
`test_golden` reads the stored inputs, computes again and compares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from golden_arrays import FOLDER, Arrays, Case, numbers, rows, spec_of
from golden_inputs import (
    cascade_inputs,
    crop_inputs,
    decode_inputs,
    frame_inputs,
    input_inputs,
    smooth_inputs,
    track_inputs,
)
from golden_outputs import output_inputs
from golden_people import alike_inputs, follow_inputs, people_inputs

from poseport import cascade, crop, pose
from poseport.outputs.tensors import join
from poseport.people import centers, similarity, track
from poseport.people.detector_spec import DetectorSpec
from poseport.people.everyone import Found
from poseport.people.smooth import OneEuro
from poseport.people.tracks import Tracks
from poseport.records import loads
from poseport.tflite.interpreter import from_steps, to_steps


def crop_case(case: Case, picture: np.ndarray) -> dict[str, np.ndarray]:
    """Box to matrix, its inverse, moved points and the crop."""
    hw = tuple(case["input_hw"])
    more = {name: case[name] for name in ("rotation_deg", "scale", "shift", "flip")}
    matrix = crop.crop_matrix(numbers(case["box_xywh"]), hw, case["padding"], **more)
    moved = crop.move_points(numbers(case["points_px"]), matrix)
    return {
        "matrix": matrix,
        "inverse": crop.invert(matrix),
        "moved_px": moved,
        "crop": crop.warp(picture, matrix, hw),
    }


def input_case(case: Case, pixels: np.ndarray) -> dict[str, np.ndarray]:
    """A crop to normalised values and to the input tensor."""
    values = pose.normalise(spec_of(case), pixels)
    return {
        "values": values,
        "tensor": to_steps(values, np.dtype(case["dtype"]), case["quant_scale"], case["zero_point"]),
    }


def decode_case(case: Case, raw: np.ndarray) -> dict[str, np.ndarray]:
    """A raw output tensor to keypoints in the input and in the image."""
    spec = spec_of(case)
    outputs = from_steps(raw, case["quant_scale"], case["zero_point"])[None]
    matrix = numbers(case["matrix"])
    return {"input_px": pose.decode_input(spec, outputs)[0], "image_px": pose.decode(spec, outputs, matrix[None])[0]}


def output_case(case: Case, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The output tensors of a file to keypoints in the input and in the image."""
    spec = spec_of(case)
    arrays = []
    for tensor in spec.output_tensors:
        how = case["quantization"][tensor.name]
        arrays.append(from_steps(stored[tensor.name][None], how["quant_scale"], how["zero_point"]))
    outputs, matrix = join(spec, arrays), numbers(case["matrix"])
    return {"input_px": pose.decode_input(spec, outputs)[0], "image_px": pose.decode(spec, outputs, matrix[None])[0]}


def cascade_case(case: Case, outputs: np.ndarray) -> dict[str, np.ndarray]:
    """A later stage: estimates to the squares that it crops, its outputs for them to refined keypoints."""
    spec, estimates = spec_of(case), numbers(case["estimates"])[None]
    windows = cascade.windows(spec, numbers(case["box_xywh"])[None], estimates)
    matrices = np.stack([crop.crop_matrix(box, spec.input_hw, spec.padding) for box in windows[0]])
    keypoints = pose.decode(spec, outputs, matrices)
    return {"windows_xywh": windows[0], "image_px": cascade.refined(spec, keypoints, estimates)[0]}


def people_case(case: Case, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A picture to the detector's input, and its output to boxes."""
    spec = loads(DetectorSpec, json.dumps(case["spec"]), case["name"])
    picture, matrix = centers.letterbox(stored["picture"], spec.input_hw)
    boxes, scores = centers.decode(spec, stored["output"], matrix)
    return {"crop": picture, "matrix": matrix, "boxes_xywh": boxes, "scores": scores}


def track_case(case: Case, keypoints: np.ndarray) -> dict[str, np.ndarray]:
    """The box of the next picture; NaN where the person is lost."""
    box = track.follow(keypoints.astype(np.float64), tuple(case["image_hw"]), case["threshold"])
    return {"box_xywh": np.full(4, np.nan) if box is None else box}


def alike_case(case: Case, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """How alike each find is to each other one, and which of them stay."""
    poses, boxes = (stored[name].astype(np.float64) for name in ("keypoints", "boxes_xywh"))
    sigmas = numbers(case["sigmas"])
    alike = similarity.between(poses, poses, similarity.person_areas(boxes), sigmas)
    kept = similarity.distinct(poses, boxes, sigmas, case["most_alike"])
    return {"alike": alike, "kept": kept.astype(np.float64)}


def follow_case(case: Case, stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The finds of consecutive frames to identities, 0 for those that are left out, and to where they are next."""
    tracks = Tracks(numbers(case["sigmas"]), case["sure"])
    ends = np.cumsum(case["counts"])[:-1]
    parts = (np.split(stored[name].astype(np.float64), ends) for name in ("keypoints", "boxes_xywh", "scores"))
    ids, boxes, counts, lost = [], [], [], []
    for keypoints, where, scores in zip(*parts, strict=True):
        found = tracks.step(Found(keypoints, where, scores, scores), tuple(case["image_hw"]))
        by_box = {tuple(box): number for box, number in zip(found.boxes.tolist(), found.ids.tolist(), strict=True)}
        ids += [by_box.get(tuple(box), 0) for box in where.tolist()]
        expected, _ = tracks.next_boxes()
        boxes.append(expected)
        counts.append(len(expected))
        lost.append(tracks.lost)
    plain = {"ids": ids, "next_counts": counts, "lost": lost}
    return {name: np.array(value, np.float64) for name, value in plain.items()} | {
        "next_boxes_xywh": np.concatenate(boxes)
    }


def smooth_case(case: Case, keypoints: np.ndarray) -> dict[str, np.ndarray]:
    """The keypoints of consecutive frames, smoothed one after the other."""
    one = OneEuro()
    return {"smoothed": np.stack([one(frame, case["size_px"], case["seconds"]) for frame in keypoints])}


def frame_rgb(planes: np.ndarray, image_hw: tuple[int, int]) -> np.ndarray:
    """A camera's frame (h, w, 3) uint8 RGB by full-range BT.601 in 16-bit fixed point.

    planes: luma h x w, then u and v of half the size, each row by row.
    """
    h, w = image_hw
    luma, half = planes[: h * w].reshape(h, w).astype(int), (h // 2, w // 2)
    u, v = (part.reshape(half).repeat(2, 0).repeat(2, 1).astype(int) - 128 for part in np.split(planes[h * w :], 2))
    luma = (luma << 16) + 32768
    fixed = np.stack([luma + 91881 * v, luma - 22554 * u - 46802 * v, luma + 116130 * u], axis=-1)
    return np.clip(fixed >> 16, 0, 255).astype(np.uint8)


def frame_case(case: Case, planes: np.ndarray) -> dict[str, np.ndarray]:
    """The crop of the frame after it was turned clockwise by `degrees`, and then mirrored."""
    upright = np.rot90(frame_rgb(planes, tuple(case["image_hw"])), -case["degrees"] // 90)
    upright = np.ascontiguousarray(upright[:, ::-1] if case["mirrored"] else upright)
    matrix = crop.crop_matrix(np.array(case["box_xywh"]), tuple(case["input_hw"]), case["padding"])
    return {"crop": crop.warp(upright, matrix, tuple(case["input_hw"])), "matrix": matrix}


# file -> what it holds, what makes its inputs, how its outputs are computed, and which input lies in the .bin
FILES: dict[str, tuple[str, Callable[[], list[Case]], Callable[[Case, Any], dict[str, np.ndarray]], str]] = {
    "crop": ("box -> matrix -> crop, points and inverse", crop_inputs, crop_case, "picture"),
    "input": ("crop -> input tensor", input_inputs, input_case, "crop"),
    "decode": ("output tensor -> keypoints", decode_inputs, decode_case, "raw"),
    "outputs": ("output tensors of other projects -> keypoints", output_inputs, output_case, "tensors"),
    "cascade": ("estimates -> squares; outputs -> refined keypoints", cascade_inputs, cascade_case, "outputs"),
    "people": ("picture -> detector's input; its output -> boxes", people_inputs, people_case, "stored"),
    "track": ("keypoints of one picture -> box of the next", track_inputs, track_case, "keypoints"),
    "alike": ("finds of one picture -> how alike, and which stay", alike_inputs, alike_case, "stored"),
    "follow": ("finds of consecutive frames -> identities and next boxes", follow_inputs, follow_case, "stored"),
    "smooth": ("keypoints of consecutive frames -> smoothed", smooth_inputs, smooth_case, "keypoints"),
    "frame": ("camera frame -> turned, mirrored and cropped at once", frame_inputs, frame_case, "planes"),
}


def write(name: str) -> None:
    """Compute what comes out of the inputs, and write both."""
    about, inputs, compute, stored = FILES[name]
    arrays, listed = Arrays(), []
    for case in inputs():
        found = compute(case, case[stored])
        value = case[stored]
        named = isinstance(value, dict)
        entry = {key: arrays.put(array) for key, array in value.items()} if named else arrays.put(value)
        expected = {k: rows(v) if v.dtype == np.float64 else arrays.put(v) for k, v in found.items()}
        listed.append({**case, stored: entry, "expected": expected})
    lines = ",\n".join(json.dumps(case, allow_nan=False) for case in listed)
    head = f'{{"schema": 1, "about": {json.dumps(about)}, "data": "{name}.bin", "cases": [\n'
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(f"{head}{lines}\n]}}\n")
    (FOLDER / f"{name}.bin").write_bytes(bytes(arrays.data))


if __name__ == "__main__":
    for one in sys.argv[1:] or FILES:
        write(one)
