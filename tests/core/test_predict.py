"""Prediction with networks whose outputs are made up: crops, variants and order are checked by exact answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from poseport import crop, pose
from poseport.architecture import DeepPoseArchitecture, HourglassArchitecture
from poseport.data import coco
from poseport.data.people import Person
from poseport.predict import Variant, flip_average, predict, predict_variants
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, Decode, HeatmapOutput, PoseSpec, Refine

COORDS = PoseSpec("coords", DeepPoseArchitecture(), COCO17, (64, 48), CoordsOutput())
HEATMAPS = PoseSpec("maps", HourglassArchitecture(depth=2), COCO17, (64, 48), HeatmapOutput(decode=Decode("argmax")))


@dataclass
class Network:
    """A network whose outputs are made up; it counts the crops that it is given."""

    spec: PoseSpec
    answer: Callable[[np.ndarray], np.ndarray]
    runs: list[int] = field(default_factory=list)

    def outputs(self, crops: np.ndarray) -> np.ndarray:
        """As `PoseNetwork` has it."""
        assert crops.dtype == np.uint8
        assert crops.shape[1:] == (*self.spec.input_hw, 3)
        self.runs.append(len(crops))
        return self.answer(crops)


@pytest.fixture(scope="module")
def persons(drawn: Path) -> tuple[Person, ...]:
    return coco.load(drawn).persons[:7]


def mean_levels(crops: np.ndarray) -> np.ndarray:
    """(n, K, 2): x of every keypoint is the mean level of the crop's left half less that of the right, y is 0."""
    left, right = crops[:, :, :24].mean(axis=(1, 2, 3)), crops[:, :, 24:].mean(axis=(1, 2, 3))
    points = np.zeros((len(crops), len(COCO17), 2), np.float32)
    points[..., 0] = ((left - right) / 255)[:, None]
    return points


@pytest.mark.parametrize("batch", [1, 3, 16])
def test_the_middle_of_the_input_is_the_middle_of_the_box(persons: tuple[Person, ...], batch: int) -> None:
    network = Network(COORDS, lambda crops: np.zeros((len(crops), len(COCO17), 2), np.float32))
    done: list[int] = []
    found = predict(network, persons, batch=batch, threads=2, progress=done.append)
    boxes = np.array([person.box_xywh for person in persons])
    middles = boxes[:, :2] + (boxes[:, 2:] - 1) / 2
    assert found.shape == (7, 17, 3)
    np.testing.assert_allclose(found[..., :2], np.repeat(middles[:, None], 17, axis=1), atol=1e-6)
    np.testing.assert_array_equal(found[..., 2], 1.0)
    assert done == network.runs
    assert sum(done) == 7


def test_flip_averaging_cancels_what_changes_sides(persons: tuple[Person, ...]) -> None:
    network = Network(COORDS, mean_levels)
    plain, flipped = predict_variants(network, persons, [Variant(), Variant(flip=True)])
    assert sum(network.runs) == 2 * len(persons)
    np.testing.assert_allclose(plain, predict(network, persons))
    # the mirrored crop has the opposite difference, which means the same place: unmirrored it is the same x again
    np.testing.assert_allclose(flipped, plain, atol=1e-4)
    crops, _ = pose.crops(COORDS, np.random.default_rng(0).integers(0, 255, (90, 80, 3), np.uint8), [[5, 5, 40, 60]])
    constant = Network(COORDS, lambda crops: np.full((len(crops), len(COCO17), 2), 0.25, np.float32))
    averaged = flip_average(constant, crops, constant.outputs(crops))
    np.testing.assert_allclose(averaged[..., 0], 0.0)
    np.testing.assert_allclose(averaged[..., 1], 0.25)


def test_decoders_share_the_outputs(persons: tuple[Person, ...]) -> None:
    at = np.tile([21.0, 30.0], (len(COCO17), 1))

    def answer(crops: np.ndarray) -> np.ndarray:
        return np.stack([pose.encode(HEATMAPS, at)] * len(crops))

    network = Network(HEATMAPS, answer)
    own, dark = predict_variants(network, persons, [Variant(), Variant(decode=Decode("dark"))])
    assert sum(network.runs) == len(persons)
    for n, person in enumerate(persons):
        matrix = crop.crop_matrix(np.array(person.box_xywh), HEATMAPS.input_hw, HEATMAPS.padding)
        np.testing.assert_allclose(dark[n, :, :2], crop.move_points(at, crop.invert(matrix)), atol=0.01 / matrix[0, 0])
    assert not np.allclose(own[..., :2], dark[..., :2], atol=0.1)
    assert Variant(decode=Decode("dark")).applied_to(COORDS) == COORDS  # there are no maps to decode
    assert Variant(decode=Decode("dark")).applied_to(HEATMAPS).output.decode == Decode("dark")  # type: ignore[union-attr]


def test_a_network_that_refines_another_does_not_run_alone(persons: tuple[Person, ...]) -> None:
    later = Network(replace(COORDS, padding=1.0, refine=Refine()), mean_levels)
    with pytest.raises(ValueError, match="coords refines the keypoints of another network and cannot run alone"):
        predict(later, persons)
    assert later.runs == []
