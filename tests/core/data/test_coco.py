"""COCO files: the people as they are annotated, and what is no COCO file."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from coco_files import changed, good, image, write
from places import SHARED

from poseport.data import coco
from poseport.data.images import read_image
from poseport.skeletons import COCO17


def test_a_person_as_annotated(tmp_path: Path) -> None:
    path = write(tmp_path, good())
    people = coco.load(path)
    assert len(people) == 3
    assert people.skeleton is COCO17
    assert people.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert people.problems == ()
    first = people.persons[0]
    assert (first.image_id, first.annotation_id, first.image_hw) == (1, 0, (48, 64))
    assert first.box_xywh == (5.0, 6.0, 40.5, 30.0)
    assert first.area == 700.25
    assert first.keypoints[3].tolist() == [13.0, 23.5, 2.0]
    assert first.keypoints.dtype == np.float64
    assert first.image_path == tmp_path / "images" / "one.jpg"
    assert [p.num_labelled for p in people.persons] == [17, 5, 4]
    assert not first.crowd


def test_the_area_of_the_box_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    people = coco.load(write(tmp_path, changed(lambda d: d["annotations"][0].pop("area"))))
    assert people.persons[0].area == 40.5 * 30


@pytest.mark.parametrize(
    "data",
    [
        [],
        "",
        "hello",
        "null",
        '{"images": [',
        "\ufeff\ufeff{}",
        60000 * "[",
        {},
        {"images": [], "annotations": []},
        changed(lambda d: d.pop("images")),
        changed(lambda d: d.update(annotations={"1": 2})),
        changed(lambda d: d["images"][0].pop("id")),
        changed(lambda d: d.update(images=["one.jpg"])),
        changed(lambda d: d["images"][0].update(id=[1])),
        changed(lambda d: d["categories"][0].pop("keypoints")),
        changed(lambda d: d["categories"].append({"id": 2, "keypoints": list(COCO17.names)})),
        changed(lambda d: d["images"][0].update(id="img-1")),
        changed(lambda d: d["categories"][0].pop("id")),
        changed(lambda d: d.update(categories=["person"])),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, str | list) else None,
)
def test_json_that_is_not_coco(data: Any, tmp_path: Path) -> None:
    path = write(tmp_path, data)
    with pytest.raises(ValueError, match=r"people\.json: not a COCO keypoint file .*expected images, annotations and"):
        coco.load(path)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = write(tmp_path, good())
    path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    with pytest.raises(ValueError, match=r"people\.json: not a COCO keypoint file"):
        coco.load(path)


def test_a_missing_image_shows_when_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, changed(image(file_name="gone.jpg")))
    gone = coco.load(path).persons[1]
    with pytest.raises(
        ValueError, match=r"gone\.jpg: image cannot be read \(No such file .*; check the name and the folder"
    ):
        read_image(gone.image_path, gone.image_hw)


REAL = SHARED / "data"
needs_real = pytest.mark.skipif(not REAL.is_dir(), reason=f"real people are not part of the repository: no {REAL}")


@needs_real
@pytest.mark.parametrize(
    ("path", "count"),
    [("coco_mini", 247), ("lspet/person_keypoints_val.json", 500), ("lspet/person_keypoints_train.json", 9000)],
)
def test_real_people_are_read(path: str, count: int) -> None:
    people = coco.load(REAL / path)
    assert people.skeleton is COCO17
    assert people.problems == ()
    assert count - 5 <= len(people.for_training()) <= count
    first = people.persons[0]
    assert read_image(first.image_path, first.image_hw).shape[:2] == first.image_hw
