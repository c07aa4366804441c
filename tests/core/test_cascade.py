"""A cascade's geometry is exact: a network that answers rightly puts every keypoint where it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from poseport import cascade, crop, pose
from poseport.architecture import DeepPoseArchitecture
from poseport.data import coco
from poseport.data.images import read_image
from poseport.flip import unflip
from poseport.predict import Variant, predict
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, PoseSpec, Refine

FIRST = PoseSpec("first", DeepPoseArchitecture(), COCO17, (64, 48), CoordsOutput())
LATER = PoseSpec("later", DeepPoseArchitecture(), COCO17, (40, 32), CoordsOutput(), padding=1.0, refine=Refine(1.5))
K = len(COCO17)


@dataclass(frozen=True)
class Network:
    """A network whose outputs are made up."""

    spec: PoseSpec
    outputs: Callable[[np.ndarray], np.ndarray]


@pytest.fixture(scope="module")
def persons(drawn: Path) -> tuple[coco.Person, ...]:
    return tuple(p for p in coco.load(drawn).persons if p.labelled[[5, 12]].all())[:7]


def boxes_of(persons: tuple[coco.Person, ...]) -> np.ndarray:
    return np.array([p.box_xywh for p in persons])


def displaced(persons: tuple[coco.Person, ...], seed: int = 0) -> np.ndarray:
    """Estimates (N, K, 3): the labels (unlabelled: the image's corner) moved by a few pixels, with a score."""
    rng = np.random.default_rng(seed)
    estimates = np.stack([p.keypoints for p in persons]).astype(float)
    estimates[..., :2] += rng.normal(0, 4, estimates[..., :2].shape)
    estimates[..., 2] = rng.uniform(0.1, 0.9, estimates.shape[:2])
    return estimates


def right_outputs(persons: tuple[coco.Person, ...], estimates: np.ndarray) -> np.ndarray:
    """(N x K, K, 2): the truth for each crop's own keypoint, and noise for all others."""
    rng = np.random.default_rng(5)
    outputs = rng.normal(size=(len(persons) * K, K, 2)).astype(np.float32)
    squares = cascade.windows(LATER, boxes_of(persons), estimates)
    for n, person in enumerate(persons):
        for k in range(K):
            matrix = crop.crop_matrix(squares[n, k], LATER.input_hw, 1.0)
            outputs[n * K + k, k] = pose.encode(LATER, crop.move_points(person.keypoints[:, :2], matrix))[k]
    return outputs


def truth(persons: tuple[coco.Person, ...]) -> np.ndarray:
    return np.stack([p.keypoints[:, :2] for p in persons])


def test_a_square_is_as_wide_as_sigma_torsos_around_its_estimate() -> None:
    estimates = np.zeros((1, K, 3))
    estimates[..., 2] = 1
    estimates[0, 5, :2], estimates[0, 12, :2] = (100, 50), (130, 90)  # left shoulder, right hip: 50 px
    estimates[0, 9, :2] = (33.25, 44.5)
    squares = cascade.windows(LATER, np.array([[0, 0, 200, 300]]), estimates)
    assert squares.shape == (1, K, 4)
    np.testing.assert_allclose(squares[..., 2:], 75.0)
    matrix = crop.crop_matrix(squares[0, 9], LATER.input_hw, LATER.padding)
    np.testing.assert_allclose(crop.move_points(estimates[0, 9:10, :2], matrix), [[15.5, 19.5]], atol=1e-9)
    assert matrix[0, 0] == pytest.approx(32 / 75)


@pytest.mark.parametrize("shoulder", [(130.0, 90.0), (131.0, 90.0), (np.nan, np.nan)])
def test_a_torso_without_length_counts_as_a_tenth_of_the_box(shoulder: tuple[float, float]) -> None:
    estimates = np.ones((1, K, 3))
    estimates[0, 5, :2], estimates[0, 12, :2] = shoulder, (130, 90)
    assert cascade.diameters(COCO17, np.array([[0, 0, 200, 300]]), estimates) == pytest.approx([30.0])


def test_a_perfect_answer_is_the_exact_keypoint(persons: tuple[coco.Person, ...]) -> None:
    estimates = displaced(persons)
    kept = estimates.copy()
    squares = cascade.windows(LATER, boxes_of(persons), estimates).reshape(-1, 4)
    matrices = np.stack([crop.crop_matrix(square, LATER.input_hw, 1.0) for square in squares])
    found = cascade.refined(LATER, pose.decode(LATER, right_outputs(persons, estimates), matrices), estimates)
    np.testing.assert_allclose(found[..., :2], truth(persons), atol=1e-3)
    np.testing.assert_array_equal(found[..., 2], estimates[..., 2])
    np.testing.assert_array_equal(estimates, kept)
    assert np.linalg.norm(estimates[..., :2] - truth(persons), axis=-1).mean() > 3


@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("batch", [3, 16])
def test_people_go_through_all_stages_in_order(persons: tuple[coco.Person, ...], batch: int, flip: bool) -> None:
    """A first stage that is wrong by a known amount, and a later one that knows it."""
    estimates = displaced(persons)
    estimates[..., 2] = 1.0  # coordinates have no score
    matrices = np.stack([crop.crop_matrix(box, FIRST.input_hw, FIRST.padding) for box in boxes_of(persons)])
    inside = [crop.move_points(e[:, :2], m) for e, m in zip(estimates, matrices, strict=True)]
    first = np.stack([pose.encode(FIRST, points) for points in inside])
    seen: list[np.ndarray] = []

    def network(spec: PoseSpec, outputs: np.ndarray) -> Network:
        def answers() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            per = batch * spec.crops_per_person
            for start in range(0, len(outputs), per):
                yield outputs[start : start + per], unflip(spec, outputs[start : start + per])

        source = (one for pair in answers() for one in (pair if flip else pair[:1]))

        def answer(crops: np.ndarray) -> np.ndarray:
            assert crops.shape[1:] == (*spec.input_hw, 3)
            seen.append(crops)
            return next(source)

        return Network(spec, answer)

    stages = [network(FIRST, first), network(LATER, right_outputs(persons, estimates))]
    done: list[int] = []
    found = cascade.predict(stages, persons, [Variant(flip)], batch=batch, progress=done.append)[0]
    np.testing.assert_allclose(found[..., :2], truth(persons), atol=0.01)
    assert sum(done) == 2 * len(persons)
    # the crop of the sixth keypoint of the first person, from the image itself
    of_later = next(crops for crops in seen if crops.shape[1] == LATER.input_hw[0])
    square = cascade.windows(LATER, boxes_of(persons), estimates)[0, 5]
    wanted, _ = pose.preprocess(LATER, read_image(persons[0].image_path), square)
    assert np.abs(of_later[5].astype(int) - wanted.astype(int)).mean() < 1
    later = network(LATER, right_outputs(persons, estimates))
    again = cascade.refine([later], persons, estimates[None], [Variant(flip)], batch=batch)
    np.testing.assert_allclose(again[0], found, atol=0.01)


def test_what_was_not_found_is_not_refined(persons: tuple[coco.Person, ...]) -> None:
    estimates = displaced(persons)
    estimates[0, 3, :2] = np.nan
    image = read_image(persons[0].image_path)
    shapes = []

    def centre(crops: np.ndarray) -> np.ndarray:
        shapes.append(crops.shape)
        return np.zeros((K, K, 2), np.float32)

    found = cascade.refine_image([Network(LATER, centre)], image, boxes_of(persons[:1]), estimates[:1])
    assert shapes == [(K, 40, 32, 3)]
    assert np.isnan(found[0, 3, :2]).all()
    np.testing.assert_allclose(np.delete(found, 3, axis=1), np.delete(estimates[:1], 3, axis=1), atol=1e-6)


def test_stages_out_of_order_are_refused(persons: tuple[coco.Person, ...]) -> None:
    with pytest.raises(ValueError, match="later refines the keypoints of another network and cannot run alone"):
        predict(Network(LATER, lambda crops: crops), persons)
    with pytest.raises(ValueError, match="first starts from boxes, but estimates were given"):
        cascade.windows(FIRST, boxes_of(persons), displaced(persons))


def test_a_later_stage_is_refused_without_what_it_needs() -> None:
    with pytest.raises(ValueError, match=r"later refines: .* padding 1"):
        replace(LATER, padding=1.25)
    with pytest.raises(ValueError, match="skeleton 'coco17' needs a torso pair"):
        replace(LATER, skeleton=replace(COCO17, torso=None))
    with pytest.raises(ValueError, match="box_sigma must be above 0"):
        Refine(box_sigma=0.0)
