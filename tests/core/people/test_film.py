"""Identities in films: people who pass each other, are lost and come again, and frames that change size."""

from __future__ import annotations

import numpy as np
import pytest

from poseport.people.everyone import Everyone, Found
from poseport.people.film import Film, Smoother
from poseport.people.tracks import PATIENCE, Tracks
from poseport.skeletons import COCO17

HW = (480, 640)
SIGMAS = np.array(COCO17.sigmas)


def figure(seed: int, x: float, y: float = 100.0, score: float = 0.8) -> np.ndarray:
    """A pose (17, 3) of 100 x 250 pixels, with another shape for each seed."""
    rng = np.random.default_rng(seed)
    return np.column_stack([x + 100 * rng.random(17), y + 250 * rng.random(17), np.full(17, score)])


def found(*poses: np.ndarray) -> Found:
    keypoints = np.array(poses).reshape(-1, 17, 3)
    low, high, scores = keypoints[..., :2].min(axis=1), keypoints[..., :2].max(axis=1), keypoints[..., 2].mean(axis=1)
    return Found(keypoints, np.concatenate([low, high - low], axis=1), scores, np.ones(len(scores)))


def numbers(one: Found) -> list[int]:
    assert one.ids is not None
    return list(one.ids.tolist())


def test_people_who_pass_each_other_keep_their_numbers() -> None:
    tracks = Tracks(SIGMAS)
    for i in range(41):
        there = [figure(1, 50 + 10 * i), figure(2, 450 - 10 * i)]
        order = [0, 1] if i % 2 else [1, 0]
        ids = numbers(tracks.step(found(*(there[k] for k in order)), HW))
        by_person = dict(zip(order, ids, strict=True))
        if i == 0:
            begun = by_person
        assert by_person == begun, i


def test_who_was_lost_for_a_short_time_comes_back_and_later_is_somebody_new() -> None:
    tracks = Tracks(SIGMAS)
    assert numbers(tracks.step(found(figure(1, 100)), HW)) == [1]
    for away, expected in ((5, 1), (PATIENCE + 1, 2)):
        for i in range(away):
            assert numbers(tracks.step(found(), HW)) == []
            assert tracks.lost == (i == 0)
        assert numbers(tracks.step(found(figure(1, 100)), HW)) == [expected]


def test_an_unsure_find_continues_somebody_and_is_nobody_new() -> None:
    tracks = Tracks(SIGMAS)
    assert numbers(tracks.step(found(figure(1, 100, score=0.05)), HW)) == []
    tracks.step(found(figure(1, 100)), HW)
    unsure = found(figure(1, 102, score=0.06), figure(2, 400, score=0.06))
    assert numbers(tracks.step(unsure, HW)) == [1]
    assert numbers(tracks.step(found(figure(1, 104, score=0.04)), HW)) == []  # it hardly sees anybody


def test_a_score_is_that_of_the_frame_and_halved_where_the_detector_sees_nobody(scene) -> None:
    film, people = scene
    image = np.zeros((*HW, 3), np.uint8)
    people.append(figure(1, 100))
    assert [film(image).scores.tolist() for _ in range(10)] == [[pytest.approx(0.9 * 0.8)]] * 10
    film.everyone.detect = lambda image: (np.zeros((0, 4)), np.zeros(0))
    found = [film(image).scores.tolist() for _ in range(11)]
    assert found == [[pytest.approx(0.45 * 0.8)]] * 10 + [[pytest.approx(0.225 * 0.8)]]


def test_somebody_new_must_be_as_sure_as_in_a_photo(scene) -> None:
    film, people = scene
    people.append(figure(1, 100, score=0.3))
    image = np.zeros((*HW, 3), np.uint8)
    strict = Film(Everyone(film.everyone.pose, COCO17, film.everyone.detect, unsure=0.29))
    assert numbers(strict(image)) == []
    assert numbers(film(image)) == [1]


@pytest.fixture
def scene() -> tuple[Film, list[np.ndarray]]:
    """A film of people whose keypoints are known: the networks see those who are in the list."""
    people: list[np.ndarray] = []

    def detect(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        one = found(*people)
        return one.boxes, np.full(len(people), 0.9)

    def pose(image: np.ndarray, boxes: np.ndarray) -> np.ndarray:
        """The person whose middle is next to that of the box, or an unsure pose in an empty box."""
        poses = np.zeros((len(boxes), 17, 3))
        for i, box in enumerate(boxes):
            middle = box[:2] + box[2:] / 2
            near = [p for p in people if np.linalg.norm(p[:, :2].mean(axis=0) - middle) < 80]
            poses[i] = near[0] if near else [[*middle, 0.0]] * 17
        return poses

    return Film(Everyone(pose, COCO17, detect), every=10), people


def test_the_detector_runs_only_where_it_is_needed(scene: tuple[Film, list[np.ndarray]]) -> None:
    film, people = scene
    image = np.zeros((*HW, 3), np.uint8)
    people.append(figure(1, 100))
    for i in range(20):
        people[0] = figure(1, 100 + 3 * i)
        assert numbers(film(image)) == [1]
    assert film.detected == 2
    people.append(figure(2, 450))
    assert [numbers(film(image)) for _ in range(10)][-1] == [1, 2]  # somebody new, within ten frames
    assert film.detected == 3
    people.clear()
    film(image)
    assert film.detected == 4
    film(image)
    assert film.detected == 5  # they were lost, so that it looks at once


def test_frames_that_change_size_begin_anew(scene: tuple[Film, list[np.ndarray]]) -> None:
    film, people = scene
    people.append(figure(1, 100))
    assert numbers(film(np.zeros((*HW, 3), np.uint8))) == [1]
    assert numbers(film(np.zeros((500, 640, 3), np.uint8))) == [2]
    assert film.detected == 2


def test_everyone_has_an_own_filter() -> None:
    tracks, smoother = Tracks(SIGMAS), Smoother(30.0)
    poses = figure(1, 100), figure(2, 400)
    np.testing.assert_array_equal(smoother(tracks.step(found(*poses), HW)).keypoints, np.array(poses))
    shaken = poses[0] + [1.0, 0.0, 0.0], poses[1]
    smoothed = smoother(tracks.step(found(*shaken), HW)).keypoints
    assert (smoothed[0, :, 0] < shaken[0][:, 0]).all()
    assert (smoothed[0, :, 0] > poses[0][:, 0]).all()
    np.testing.assert_allclose(smoothed[1], poses[1])
