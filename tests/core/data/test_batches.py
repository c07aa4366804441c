"""Batches of crops: in order, whole, and an end that does not hang."""

from __future__ import annotations

import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from poseport import crop
from poseport.architecture import HourglassArchitecture
from poseport.data import batches, coco
from poseport.data.images import read_image
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, PoseSpec

SPEC = PoseSpec("feed", HourglassArchitecture(depth=2), COCO17, (64, 48), HeatmapOutput())


@pytest.fixture(scope="module")
def persons(drawn: Path) -> tuple[coco.Person, ...]:
    return coco.load(drawn).persons


def crop_threads() -> int:
    return sum(thread.name.startswith("crops") for thread in threading.enumerate())


@pytest.mark.parametrize(("batch", "threads"), [(7, 1), (7, 3), (1, 4), (100, 2)])
def test_order_is_kept_and_nobody_is_lost(persons: tuple[coco.Person, ...], batch: int, threads: int) -> None:
    parts = list(batches.batches(SPEC, persons, batch, threads))
    assert [len(part.persons) for part in parts[:-1]] == [min(batch, len(persons))] * (len(parts) - 1)
    assert [p for part in parts for p in part.persons] == list(persons)
    crops = np.concatenate([part.crops for part in parts])
    matrices = np.concatenate([part.matrices for part in parts])
    assert crops.shape == (len(persons), 64, 48, 3)
    assert crops.dtype == np.uint8
    for i in (0, 1, len(persons) // 2, len(persons) - 1):
        alone, matrix = batches.crop_boxes(SPEC, persons[i], np.array([persons[i].box_xywh]))[0]
        np.testing.assert_array_equal(crops[i], alone)
        np.testing.assert_array_equal(matrices[i], matrix)


def test_a_crop_is_the_persons_box_of_its_image(persons: tuple[coco.Person, ...]) -> None:
    person = persons[3]
    pixels, matrix = batches.crop_boxes(SPEC, person, np.array([person.box_xywh]))[0]
    np.testing.assert_array_equal(matrix, crop.crop_matrix(np.array(person.box_xywh), (64, 48), SPEC.padding))
    np.testing.assert_array_equal(pixels, crop.warp(read_image(person.image_path), matrix, (64, 48)))


def test_nobody_is_no_batch() -> None:
    assert list(batches.batches(SPEC, [])) == []


@pytest.mark.parametrize("threads", [1, 3])
def test_a_missing_image_is_named_after_what_came_before_it(persons: tuple[coco.Person, ...], threads: int) -> None:
    gone = replace(persons[25], image_path=persons[25].image_path.with_name("gone.jpg"))
    source = batches.batches(SPEC, [*persons[:25], gone, *persons[26:]], batch=10, threads=threads)
    assert [next(source).persons[0], next(source).persons[0]] == [persons[0], persons[10]]
    with pytest.raises(ValueError, match=r"gone\.jpg: image cannot be read .*check the name and the folder"):
        next(source)
    assert crop_threads() == 0


def test_an_image_of_another_size_than_annotated_is_named(persons: tuple[coco.Person, ...]) -> None:
    other = replace(persons[0], image_hw=(10, 10))
    with pytest.raises(ValueError, match=r"\.jpg: image is 384x288, annotated as 10x10"):
        list(batches.batches(SPEC, [other]))


@pytest.mark.timeout(20)
def test_it_can_be_left_early(persons: tuple[coco.Person, ...]) -> None:
    source = batches.batches(SPEC, persons * 20, batch=2, threads=2)
    assert next(source).persons == persons[:2]
    assert crop_threads() > 0
    source.close()  # type: ignore[attr-defined]
    assert crop_threads() == 0


def test_it_reads_ahead_only_so_far(persons: tuple[coco.Person, ...], tmp_path: Path) -> None:
    # an image that comes into being while the first are consumed: read at once it would be missing
    late = replace(persons[0], image_path=tmp_path / "late.jpg")
    source = batches.batches(SPEC, [*persons[:30], late], batch=1, threads=1)
    for person in persons[:20]:
        assert next(source).persons == (person,)
    time.sleep(0.3)
    shutil.copy(persons[0].image_path, late.image_path)
    assert [part.persons[0] for part in source] == [*persons[20:30], late]


def test_a_photo_of_several_people_is_decoded_once(
    persons: tuple[coco.Person, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def read(path: Path, image_hw: tuple[int, int]) -> np.ndarray:
        opened.append(path)
        return read_image(path, image_hw)

    monkeypatch.setattr(batches, "read_image", read)
    twice = [person for person in persons[:6] for _ in range(2)]
    crops = np.concatenate([part.crops for part in batches.batches(SPEC, twice, batch=3)])
    assert opened == list(dict.fromkeys(person.image_path for person in twice))
    np.testing.assert_array_equal(crops[::2], crops[1::2])
