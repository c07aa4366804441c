"""Inputs of the golden vectors of the person detector."""

from __future__ import annotations

import json

import numpy as np
from golden_arrays import Case

from poseport.architecture import ImportedArchitecture
from poseport.data.drawn import synth
from poseport.nodes import ConvNode
from poseport.people.detector_spec import DetectorSpec
from poseport.records import dumps


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
