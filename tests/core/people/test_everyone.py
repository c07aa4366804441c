"""Everyone in a picture, each person once, on drawn people whose boxes are known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import poseport
from poseport.architecture import ForeignArchitecture
from poseport.data import coco
from poseport.data.images import read_image
from poseport.people import detector, similarity
from poseport.people.everyone import UNSURE, Everyone, least_score
from poseport.skeletons import COCO17

SIGMAS = np.array(COCO17.sigmas)


@pytest.fixture(scope="module")
def pose() -> poseport.tflite.runner.Pose:
    return poseport.load("tiny", threads=2)


@pytest.fixture(scope="module")
def photo(drawn: Path) -> tuple[np.ndarray, np.ndarray]:
    """A picture with two people, and their boxes."""
    people = coco.load(drawn)
    ids = [p.image_id for p in people.persons]
    person = next(p for p in people.persons if ids.count(p.image_id) > 1)
    boxes = [p.box_xywh for p in people.persons if p.image_id == person.image_id][:2]
    return read_image(person.image_path), np.array(boxes)


def test_a_detector_also_gives_doubtful_boxes_which_keypoints_then_judge(drawn: Path) -> None:
    doubtful = 0
    given, sure = detector.load("person"), detector.load("person", threshold=0.28)
    assert isinstance(given, detector.CenterDetector)
    assert (given.threshold, given.spec.look_from) == (0.31, 0.2)
    for path in sorted({p.image_path for p in coco.load(drawn).persons})[:20]:
        image = read_image(path)
        boxes, scores = given(image)
        assert (scores >= 0.2).all()
        certain, _ = sure(image)
        assert {tuple(box) for box in certain.tolist()} <= {tuple(box) for box in boxes.tolist()}
        doubtful += len(boxes) - len(certain)
    assert doubtful


def figure(x: float, y: float, height: float) -> np.ndarray:
    """A pose (17, 3) that is sure of itself, with its top at x, y."""
    rng = np.random.default_rng(0)
    return np.column_stack([x + 0.3 * height * rng.random(17), y + height * rng.random(17), np.full(17, 0.8)])


def test_each_person_is_found_once_and_the_best_come_first(
    pose: poseport.tflite.runner.Pose, photo: tuple[np.ndarray, np.ndarray]
) -> None:
    image, boxes = photo
    everyone = Everyone(
        pose, pose.spec.skeleton, lambda _: (np.array([boxes[0], boxes[0], boxes[1]]), np.array([0.9, 0.8, 0.7]))
    )
    found = everyone(image)
    assert len(found.boxes) == 2
    assert {tuple(box) for box in found.boxes} == {tuple(box) for box in boxes}
    assert (np.diff(found.scores) <= 0).all()
    for box, keypoints in zip(found.boxes, found.keypoints, strict=True):
        np.testing.assert_array_equal(pose(image, box[None])[0], keypoints)


def one_score(score: float) -> Everyone:
    """Finds a person in the middle whose keypoints all have this score, in a box that is sure."""
    keypoints = figure(100, 50, 200)
    keypoints[:, 2] = score
    box = np.array([[100.0, 50.0, 60.0, 200.0]])
    return Everyone(lambda _, boxes: keypoints[None][: len(boxes)], COCO17, lambda _: (box, np.array([0.5])))


@pytest.mark.parametrize(("score", "people"), [(2.1 * UNSURE, 1), (1.9 * UNSURE, 0), (np.nan, 1)])
def test_an_unsure_find_is_left_out_and_one_without_numbers_is_not(score: float, people: int) -> None:
    image = np.zeros((288, 384, 3), np.uint8)
    found = one_score(score)(image)
    assert len(found.keypoints) == len(found.boxes) == len(found.scores) == people
    assert found.left_out == 0


def test_a_networks_spec_says_from_which_score_on_a_find_counts(pose: poseport.tflite.runner.Pose) -> None:
    assert least_score(replace(pose.spec, least_score=None)) == UNSURE
    assert least_score(replace(pose.spec, least_score=0.3)) == 0.3


def test_scores_of_other_peoples_networks_are_not_bounded(pose: poseport.tflite.runner.Pose) -> None:
    theirs = replace(pose.spec, architecture=ForeignArchitecture(), least_score=None)
    found = one_score(0.01)
    found.unsure = least_score(theirs)
    assert len(found(np.zeros((288, 384, 3), np.uint8)).scores) == 1
    assert least_score(replace(theirs, least_score=0.2)) == 0.2


def test_who_is_asked_for_by_a_box_is_always_answered() -> None:
    found = one_score(0.01).at(np.zeros((288, 384, 3), np.uint8), np.array([[100.0, 50.0, 60.0, 200.0]]), np.ones(1))
    assert found.scores == pytest.approx([0.01])


def test_nobody_is_an_empty_answer(pose: poseport.tflite.runner.Pose, photo: tuple[np.ndarray, np.ndarray]) -> None:
    found = Everyone(pose, pose.spec.skeleton, lambda _: (np.zeros((0, 4)), np.zeros(0)))(photo[0])
    assert (found.keypoints.shape, found.boxes.shape, found.scores.shape) == ((0, 17, 3), (0, 4), (0,))


def test_a_hundred_people_are_bounded(pose: poseport.tflite.runner.Pose, photo: tuple[np.ndarray, np.ndarray]) -> None:
    shifts = np.array([[0.2 * (i % 10), 0.2 * (i // 10), 0.0, 0.0] for i in range(100)])
    boxes = photo[1][0] + shifts
    found = Everyone(pose, pose.spec.skeleton, lambda _: (boxes, np.linspace(0.3, 0.9, 100)), most=3)(photo[0])
    assert found.left_out == 97
    assert {tuple(box) for box in found.boxes} <= {tuple(box) for box in boxes[-3:]}
    assert len(found.boxes) > 0


def test_two_people_beside_each_other_stay_two() -> None:
    poses = np.stack([figure(100, 100, 200), figure(103, 101, 200), figure(180, 100, 200)])
    boxes = np.array([[100, 100, 60, 200], [103, 101, 60, 200], [180, 100, 60, 200]])
    assert similarity.distinct(poses, boxes, SIGMAS, 0.7).tolist() == [0, 2]


def test_a_pose_is_itself_and_unsure_keypoints_do_not_count() -> None:
    one, other = figure(100, 100, 200), figure(100, 100, 200)
    other[:5] = [900.0, 900.0, 0.1]
    areas = similarity.person_areas(np.array([[100, 100, 60, 200]]))
    np.testing.assert_allclose(similarity.between(one[None], other[None], areas, SIGMAS), 1.0)
    other[:5, 2] = 0.9
    np.testing.assert_allclose(similarity.between(one[None], other[None], areas, SIGMAS), 12 / 17)
    other[:, 2] = 0.1  # nothing is sure, so that everything counts
    np.testing.assert_allclose(similarity.between(one[None], other[None], areas, SIGMAS), 12 / 17)
