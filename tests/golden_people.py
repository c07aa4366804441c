"""Inputs of the golden vectors of the person detector, and of who is who in pictures and films."""

from __future__ import annotations

import json

import numpy as np
from golden_arrays import Case, rows

from poseport.architecture import ImportedArchitecture
from poseport.data.drawn import synth
from poseport.nodes import ConvNode
from poseport.people.detector_spec import DetectorSpec
from poseport.records import dumps
from poseport.skeletons import COCO17


def people_inputs() -> list[Case]:
    """Pictures that are enlarged, reduced, and reduced by a whole factor first; centres that meet at every rule."""
    rng = np.random.default_rng(13)
    listed = []
    for name, image_hw, input_hw, stride in (
        ("reduced by more than two", (150, 210), (64, 64), 8),
        ("reduced by less", (90, 70), (64, 64), 16),
        ("enlarged, and wider than high", (30, 40), (48, 96), 8),
        ("reduced by two, where halves are rounded up", (140, 180), (64, 64), 8),
    ):
        picture, _ = synth.scene(rng, image_hw)
        nodes = (ConvNode((0,), 5, (1, 1)),)
        spec = DetectorSpec("golden", ImportedArchitecture(nodes=nodes), input_hw, stride=stride, most=5)
        h, w, _ = spec.output_shape
        output = np.concatenate(
            [rng.normal(-3, 1.5, (h, w, 1)), rng.normal(0, 0.4, (h, w, 2)), rng.normal(0.7, 0.5, (h, w, 2))], axis=-1
        ).astype(np.float32)
        output[1, 1] = output[1, 3] = 2.0, 0.0, 0.0, 1.0, 1.5  # equal scores; two cells apart, they overlap little
        for row in (4, 5):  # cells that agree about a box, but for their errors
            for column in range(4):
                away = 1.5 - column, 4.5 - row, 1.2, 1.6
                output[row % h, column] = 0.5 - abs(column - 1), *(away + rng.normal(0, 0.05, 4))
        output[0, w - 1] = 1.0, 0.3, -0.2, 30.0, -30.0  # in a corner, with sides out of bounds
        output[h - 1, 0, 0], output[h - 1, 1, 0] = 0.5, 0.5  # neighbours of the same score
        output[2, 2, 0], output[3, 0, 1:] = np.nan, np.inf
        listed.append(
            {
                "name": name, "spec": json.loads(dumps(spec)),
                "stored": {"picture": picture, "output": output},
            }
        )  # fmt: skip
    return listed


def _figure(rng: np.random.Generator, x: float, score: float = 0.8) -> np.ndarray:
    """A pose (17, 3) of 100 x 250 pixels, 100 pixels below the upper edge."""
    return np.column_stack([x + 100 * rng.random(17), 100 + 250 * rng.random(17), np.full(17, score)])


def _moved(pose: np.ndarray, x: float, y: float, score: float = 0.0) -> np.ndarray:
    return pose + np.array([x, y, score])


def _boxes(poses: np.ndarray) -> np.ndarray:
    low, high = np.nanmin(poses[..., :2], axis=1), np.nanmax(poses[..., :2], axis=1)
    return np.concatenate([low, high - low + 1], axis=1)


def alike_inputs() -> list[Case]:
    """One person found again, a little beside and far away; keypoints that are unsure or no numbers."""
    rng = np.random.default_rng(17)
    one = _figure(rng, 50)
    beside, again, other = _moved(one, 30, 5), _moved(one, 3, 2, -0.1), _figure(rng, 300)
    unsure, nan = _moved(one, 1, 0, -0.75), _moved(one, 0, 2)
    unsure[:4, 2] = 0.5
    nan[[0, 3], 0], nan[5, 2] = np.nan, np.nan
    poses = np.stack([one, beside, again, other, unsure, nan])
    return [
        {
            "name": name, "sigmas": rows(np.array(COCO17.sigmas)), "most_alike": most,
            "stored": {"keypoints": poses.astype(np.float32), "boxes_xywh": _boxes(poses).astype(np.float32)},
        }
        for name, most in (("one person is more alike than 0.7", 0.7), ("than 0.95", 0.95))
    ]  # fmt: skip


def follow_inputs() -> list[Case]:
    """People who pass each other, who are away for a short and a long time, and finds that are unsure."""
    rng = np.random.default_rng(19)
    first, second = _figure(rng, 0), _figure(rng, 0)
    passing, away, doubt = [], [], []
    for i in range(31):
        there = [_moved(first, 50 + 14 * i, 0), _moved(second, 470 - 14 * i, 0)]
        passing.append(there if i % 2 else there[::-1])
    for i in range(45):
        shown = [_moved(first, 100 + 2 * i, 0)] if i not in (3, 4, 5) and not 10 <= i < 42 else []
        away.append([*shown, _moved(second, 400, 0)])
    for i in range(8):
        # not sure enough to be somebody new, or even to continue somebody
        weak = _moved(first, 100 + 3 * i, 0, {0: -0.73, 3: -0.73, 5: -0.77}.get(i, 0))
        nan = _moved(second, 350, i)
        nan[2 * i % 17, :2] = np.nan
        doubt.append([weak, nan])
    listed = []
    for name, frames in (("passing", passing), ("away and back", away), ("unsure, and some no numbers", doubt)):
        poses = np.array([pose for frame in frames for pose in frame])
        scores = np.nan_to_num(poses[..., 2].mean(axis=1))
        listed.append(
            {
                "name": name, "sigmas": rows(np.array(COCO17.sigmas)), "image_hw": [480, 640], "sure": 0.1,
                "counts": [len(frame) for frame in frames],
                "stored": {
                    "keypoints": poses.astype(np.float32), "boxes_xywh": _boxes(poses).astype(np.float32),
                    "scores": scores.astype(np.float32),
                },
            }
        )  # fmt: skip
    return listed
