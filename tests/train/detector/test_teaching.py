"""A teacher finds the people whom labels leave out, in whole photos and in their corners."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from poseport.data.people import People, Person
from poseport.skeletons import COCO17
from poseport.train.detector import teaching

SEEN = 64  # the teacher's input, in pixels


def bright(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A detector of bright things that sees pictures of 64 pixels, and nothing under 5; larger ones are surer."""
    h, w = image.shape[:2]
    small = cv2.resize(image, (SEEN, SEEN), interpolation=cv2.INTER_AREA)[..., 0]
    stats = cv2.connectedComponentsWithStats((small > 200).astype(np.uint8))[2][1:]
    boxes = stats[:, :4][stats[:, 2:4].min(axis=1) >= 5].astype(np.float64)
    scores = np.where(boxes[:, 2:].max(axis=1) >= 12, 0.9, 0.42)
    return boxes * np.array([w, h, w, h]) / SEEN, scores


@pytest.fixture
def people(tmp_path: Path) -> People:
    """A photo of 256 pixels: a labelled person, a large one without a label and a small one."""
    image = np.zeros((256, 256, 3), np.uint8)
    for left, top, width, height in ((20, 20, 80, 80), (180, 20, 60, 60), (40, 180, 16, 16)):
        image[top : top + height, left : left + width] = 255
    cv2.rectangle(image, (46, 46), (67, 67), (0, 0, 0), 4)  # a part of the labelled one is seen alone in the corner
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), image)
    labelled = Person(1, 1, path, (256, 256), (20.0, 20.0, 80.0, 80.0), np.zeros((17, 3)), 6400.0)
    return People(path, "", tmp_path, COCO17, [labelled])


def test_small_people_of_the_corners_do_not_count(people: People) -> None:
    corner = cv2.imread(str(people.persons[0].image_path))[:154, :154]
    assert len(bright(corner)[0]) == 2
    [photo] = teaching.photos_of(people, bright)
    assert photo.counts.tolist() == [True, True, False]
    np.testing.assert_allclose(photo.boxes_xywh[1], [180, 20, 60, 60], atol=4)
    np.testing.assert_allclose(photo.boxes_xywh[2], [40, 180, 16, 16], atol=4)


def test_without_a_teacher_labels_are_all(people: People) -> None:
    [photo] = teaching.photos_of(people)
    assert photo.boxes_xywh.tolist() == [[20, 20, 80, 80]]
