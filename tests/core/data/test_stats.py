"""What a set is made of: known counts, and the picture of them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from poseport.data import coco, set_plot
from poseport.data.stats import SIZES_PX, size_names, stats
from poseport.skeletons import COCO17


def person(number: int, image: int, labels: list[int], side: float = 50, crowd: bool = False) -> coco.Person:
    keypoints = np.zeros((17, 3))
    keypoints[: len(labels), 2] = labels
    return coco.Person(image, number, Path("a.jpg"), (480, 640), (0.0, 0.0, side / 2, side), keypoints, 1.0, crowd)


@pytest.fixture
def people() -> coco.People:
    persons = (
        person(1, 7, [2, 2, 1], side=32),
        person(2, 7, [2, 0, 1], side=33),
        person(3, 7, [], side=600),
        person(4, 8, [1] * 17, side=64),
        person(5, 8, [2] * 17, crowd=True),
        person(6, 9, [2, 2, 2], side=200),
    )
    return coco.People(Path("set.json"), "", Path("images"), COCO17, persons)


def test_counts(people: coco.People) -> None:
    found = stats(people)
    assert (found.people, found.images, found.crowds) == (5, 3, 1)
    assert found.by_labelled == (1, 0, 1, 2, *[0] * 13, 1)
    assert found.by_image == {1: 2, 3: 1}
    assert dict(zip(size_names(), found.by_size, strict=True)) == {
        "0-32": 1, "32-64": 2, "64-128": 0, "128-256": 1, "256-512": 0, "> 512": 1,
    }  # fmt: skip
    assert found.keypoints["nose"] == (3, 1, 1)
    assert found.keypoints["right_eye"] == (1, 3, 1)
    assert found.keypoints["right_ankle"] == (0, 1, 4)
    assert len(found.by_size) == len(SIZES_PX) + 1
    json.dumps(found.data())


def test_the_text_says_shares(people: coco.People) -> None:
    text = stats(people).text()
    assert text.startswith("set.json: 5 people in 3 images, and 1 crowds")
    assert "   3        2  40.0 % ##############################" in text
    assert "  nose              60.0 %    20.0 %    20.0 %" in text
    assert not any(line.endswith(" ") for line in text.splitlines())


def test_nobody(people: coco.People) -> None:
    for persons in ((), people.persons[4:5]):
        found = stats(replace(people, persons=persons))
        assert (found.people, found.images) == (0, 0)
        assert "0 people in 0 images" in found.text()
        assert set_plot.picture(found, ".svg", 5).startswith(b"<?xml")


@pytest.mark.parametrize("suffix", set_plot.SUFFIXES)
def test_a_picture_of_each_kind(people: coco.People, suffix: str) -> None:
    found = stats(people)
    data = set_plot.picture(found, suffix, 5)
    assert data == set_plot.picture(found, suffix, 5)
    if suffix == ".png":
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        assert image.shape == (900, 1200, 3)
        assert 1000 < np.count_nonzero((image == (0xBB, 0x6F, 0x2A)).all(axis=-1)) < 500_000
    elif suffix == ".svg":
        for text in (b"labelled keypoints", b"right wrist", b"5 people in 3 images"):
            assert text in data
