"""A target decodes to the boxes that it was made of, and the loss prefers it to anything else."""

from __future__ import annotations

import numpy as np
import pytest

from poseport.architecture import ImportedArchitecture
from poseport.nodes import ConvNode
from poseport.people import centers
from poseport.people.detector_spec import DetectorSpec
from poseport.train.detector import targets
from poseport.train.detector.loss import detector_loss

SPEC = DetectorSpec("d", ImportedArchitecture(nodes=(ConvNode((0,), 5, (1, 1)),)), (96, 128))
BOXES = np.array([[4.0, 6.0, 50.0, 80.0], [70.0, 20.0, 18.0, 30.0], [100.5, 60.25, 12.0, 11.0]])
EVERY = np.ones(3, bool)


def perfect(target: np.ndarray) -> np.ndarray:
    """The output that a target asks for."""
    output = np.zeros((*target.shape[:2], 5), np.float32)
    output[..., 0] = np.where(target[..., targets.CENTRE] >= 1, 9, -9)
    rows, columns = np.mgrid[: target.shape[0], : target.shape[1]]
    x, y, w, h = np.moveaxis(target[..., targets.BOX], -1, 0)
    output[..., 1], output[..., 2] = x - columns, y - rows
    output[..., 3:] = np.log(np.maximum(np.stack([w, h], axis=-1), 0.2))
    return output


def loss(target: np.ndarray, output: np.ndarray) -> float:
    return float(np.asarray(detector_loss(target[None], output[None])))


def test_a_target_decodes_to_its_boxes():
    target = targets.encode(BOXES, EVERY, SPEC.stride, SPEC.output_shape[:2])
    found, _ = centers.decode(SPEC, perfect(target), np.eye(2, 3))
    np.testing.assert_allclose(found[np.argsort(found[:, 0])], BOXES, atol=1e-3)


def test_the_perfect_output_has_the_least_loss():
    target = targets.encode(BOXES, EVERY, SPEC.stride, SPEC.output_shape[:2])
    best = perfect(target)
    least = loss(target, best)
    assert least < 0.01
    for channel, by in ((1, 1.0), (2, -1.0), (3, 0.3), (4, -0.3), (0, 8.0)):
        moved = best.copy()
        moved[..., channel] += by
        assert loss(target, moved) > least + 0.02, channel
    silent = best.copy()
    silent[..., 0] = -9
    assert loss(target, silent) > 1


def test_each_person_weighs_by_its_size_and_not_by_its_cells():
    target = targets.encode(BOXES, EVERY, SPEC.stride, SPEC.output_shape[:2])
    weights = target[..., targets.WEIGHT]
    sizes = target[..., targets.BOX][..., 2]
    sums = [weights[np.isclose(sizes, w)].sum() for w in BOXES[:, 2] / 8]
    np.testing.assert_allclose(sums, np.log(np.maximum(BOXES[:, 2:].prod(axis=1) / 64, 1)) + 1, rtol=1e-5)


def test_a_find_in_a_region_that_does_not_count_costs_nothing():
    counts = np.array([True, False, True])
    target = targets.encode(BOXES, counts, SPEC.stride, SPEC.output_shape[:2])
    quiet = perfect(target)
    found = quiet.copy()
    middle = (BOXES[1, :2] + BOXES[1, 2:] / 2) // 8
    found[int(middle[1]), int(middle[0]), 0] = 9
    assert loss(target, found) == pytest.approx(loss(target, quiet), abs=1e-6)
    elsewhere = quiet.copy()
    elsewhere[0, 15, 0] = 9
    assert loss(target, elsewhere) > loss(target, quiet) + 1


def test_a_picture_without_people_is_all_background():
    target = targets.encode(np.zeros((0, 4)), np.zeros(0, bool), 8, (12, 16))
    assert target[..., targets.CENTRE].max() == target[..., targets.WEIGHT].max() == 0
    assert np.isfinite(loss(target, np.zeros((12, 16, 5), np.float32)))
