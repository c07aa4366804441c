"""COCO files: the layouts that people have, and every fault named with its file and its remedy."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from places import SHARED

from poseport.data import coco
from poseport.data.images import read_image
from poseport.skeleton import Skeleton
from poseport.skeletons import COCO17, LSP14

NAN = float("nan")
Change = Callable[[dict[str, Any]], Any]


def person(number: int, image_id: int = 1, labelled: int = 17, **changes: Any) -> dict[str, Any]:
    points = [[10.0 + k, 20.5 + k, 2 if k % 2 else 1] if k < labelled else [0, 0, 0] for k in range(17)]
    flat = [value for point in points for value in point]
    return {
        "id": number, "image_id": image_id, "category_id": 1, "bbox": [5, 6, 40.5, 30], "area": 700.25, "iscrowd": 0,
        "num_keypoints": labelled, "keypoints": flat, **changes,
    }  # fmt: skip


def good() -> dict[str, Any]:
    return {
        "images": [
            {"id": 1, "file_name": "one.jpg", "width": 64, "height": 48},
            {"id": 7, "file_name": "two.jpg", "width": 64, "height": 48},
        ],
        "annotations": [person(0), person(11, 7, labelled=5), person(12, 7, labelled=4)],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.names)}],
    }


def write(folder: Path, data: Any, name: str = "people.json", images: str = "images") -> Path:
    """An annotations file and both its images."""
    (folder / images).mkdir(parents=True, exist_ok=True)
    for file in ("one.jpg", "two.jpg"):
        cv2.imwrite(str(folder / images / file), np.full((48, 64, 3), 90, np.uint8))
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def changed(change: Change) -> dict[str, Any]:
    data = copy.deepcopy(good())
    change(data)
    return data


# --- what is read


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


def test_training_leaves_out_crowds_and_people_with_few_labels(tmp_path: Path) -> None:
    data = good()
    data["annotations"].append(person(13, 1, iscrowd=1))
    data["annotations"].append({k: v for k, v in person(14, 7).items() if k != "keypoints"})
    people = coco.load(write(tmp_path, data))
    assert [p.annotation_id for p in people.persons] == [0, 11, 12, 13, 14]
    assert people.persons[3].crowd
    assert people.persons[4].num_labelled == 0
    assert [p.annotation_id for p in people.for_training().persons] == [0, 11]
    assert [p.annotation_id for p in people.for_training(4).persons] == [0, 11, 12]
    assert [p.annotation_id for p in people.for_training(0).persons] == [0, 11, 12]


def test_training_on_people_who_are_visible_from_head_to_foot(tmp_path: Path) -> None:
    data = good()
    data["annotations"].append(person(13, 7))
    data["annotations"][-1]["keypoints"][2::3] = [2] * 17  # in the others every second one is hidden
    people = coco.load(write(tmp_path, data))
    assert [p.annotation_id for p in people.for_training().persons] == [0, 11, 13]
    assert [p.annotation_id for p in people.for_training(require_all_visible=True).persons] == [13]
    none = coco.load(write(tmp_path, good(), "none.json"))
    with pytest.raises(ValueError, match=r"none of 3 people has all 17 keypoints visible; give another set or --set"):
        none.for_training(require_all_visible=True)


def test_a_set_that_is_empty_after_filtering_says_so(tmp_path: Path) -> None:
    path = write(tmp_path, changed(lambda d: d["annotations"].__delitem__(slice(0, 2))))
    message = r"people\.json: none of 1 people has 5 labelled keypoints; give another set or a lower --set train\.min_k"
    with pytest.raises(ValueError, match=message):
        coco.load(path).for_training()


def test_the_area_of_the_box_stands_in_for_a_missing_one(tmp_path: Path) -> None:
    people = coco.load(write(tmp_path, changed(lambda d: d["annotations"][0].pop("area"))))
    assert people.persons[0].area == 40.5 * 30


def test_other_categories_are_passed_over(tmp_path: Path) -> None:
    data = good()
    data["categories"].append({"id": 18, "name": "dog"})
    data["annotations"].append({"id": 99, "image_id": 1, "category_id": 18, "bbox": "anything"})
    assert len(coco.load(write(tmp_path, data))) == 3


def test_a_users_own_skeleton(tmp_path: Path) -> None:
    mine = Skeleton("mine", ("nose", "tail"), (), (), (0.1, 0.1))
    data = good()
    data["categories"][0]["keypoints"] = list(mine.names)
    data["annotations"] = [person(1, keypoints=[1, 2, 2, 3, 4, 1])]
    path = write(tmp_path, data)
    assert coco.load(path, skeleton=mine).persons[0].keypoints.tolist() == [[1, 2, 2], [3, 4, 1]]
    with pytest.raises(ValueError, match=r"its 2 keypoints \(nose, tail\) are no built-in skeleton; give --skeleton"):
        coco.load(path)
    with pytest.raises(ValueError, match=r"has the keypoints nose, tail, but skeleton 'lsp14' has right_ankle"):
        coco.load(path, skeleton=LSP14)


# --- where files lie


def test_coco_as_it_is_downloaded(tmp_path: Path) -> None:
    path = write(tmp_path, good(), "annotations/person_keypoints_val2017.json", images="val2017")
    (tmp_path / "train2017").mkdir()
    assert coco.load(path).persons[0].image_path == tmp_path / "val2017" / "one.jpg"
    assert coco.load(tmp_path).path == path


def test_a_file_with_images_beside_it(tmp_path: Path) -> None:
    path = write(tmp_path / "set", good())
    (tmp_path / "images").mkdir()  # not this one
    assert coco.load(path).persons[0].image_path == tmp_path / "set" / "images" / "one.jpg"
    assert coco.load(tmp_path / "set").path == path


def test_images_says_otherwise(tmp_path: Path) -> None:
    path = write(tmp_path, good())
    write(tmp_path, good(), images="elsewhere")
    found = coco.load(path, images=tmp_path / "elsewhere").persons[0].image_path
    assert found == tmp_path / "elsewhere" / "one.jpg"
    with pytest.raises(ValueError, match=r"no folder of images; tried .*nowhere; name it with --images"):
        coco.load(path, images=tmp_path / "nowhere")


def test_no_folder_of_images_lists_the_places_that_were_tried(tmp_path: Path) -> None:
    path = write(tmp_path, good(), "annotations/person_keypoints_val2017.json", images="val2014")
    with pytest.raises(ValueError, match=r"tried .*annotations/images, .*, .*/val2017, .*; name it with --images"):
        coco.load(path)


def test_a_folder_with_no_or_several_files_says_what_is_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nothing: does not exist; expected a COCO annotations file or a folder"):
        coco.load(tmp_path / "nothing")
    with pytest.raises(ValueError, match=r"holds no \*\.json"):
        coco.load(tmp_path)
    write(tmp_path, good(), "a.json")
    write(tmp_path, good(), "b.json")
    with pytest.raises(ValueError, match=r"holds 2 files, a\.json, b\.json; name the one to use"):
        coco.load(tmp_path)


# --- what is refused


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


def annotation(**values: Any) -> Change:
    return lambda d: d["annotations"][1].update(values)


def image(**values: Any) -> Change:
    return lambda d: d["images"][1].update(values)


FAULTS = {
    "no such image": (annotation(image_id=5), "image_id 5 is not among the images"),
    "image id of another type": (annotation(image_id=[7]), r"image_id \[7\] is not among the images"),
    "name leaves the folder": (image(file_name="../x.jpg"), r"file_name '\.\./x\.jpg' leaves the image folder"),
    "name leaves it later": (image(file_name="a/../../x.jpg"), "leaves the image folder"),
    "absolute name": (image(file_name="/etc/passwd"), "file_name '/etc/passwd' leaves the image folder"),
    "no name": (image(file_name=None), "file_name is None; expected a path inside"),
    "empty name": (image(file_name=""), "file_name is ''"),
    "name of another type": (image(file_name=3), "file_name is 3"),
    "no height": (image(height=None), "height None and width 64; expected whole numbers above 0"),
    "height 0": (image(height=0), "height 0"),
    "height in words": (image(height="tall"), "height 'tall'"),
    "height of half a pixel": (image(height=47.5), "height 47.5"),
    "too few keypoints": (annotation(keypoints=[1, 2, 2] * 16), "48 keypoint numbers, expected 51 .*17 keypoints"),
    "too many keypoints": (annotation(keypoints=[1, 2, 2] * 18), "54 keypoint numbers, expected 51"),
    "ragged keypoints": (annotation(keypoints=[[1, 2], 3]), "keypoints are not numbers"),
    "keypoints in text": (annotation(keypoints=["a"] * 51), "keypoints are not numbers"),
    "NaN keypoints": (
        annotation(keypoints=[NAN, 2, 2] * 17),
        "labelled keypoints hold null, NaN or infinity; expected finite",
    ),
    "infinite keypoints": (annotation(keypoints=[1, float("inf"), 2] * 17), "labelled keypoints hold null, NaN or inf"),
    "null keypoints": (annotation(keypoints=[None, 2, 2] * 17), "labelled keypoints hold null"),
    "visibility 3": (annotation(keypoints=[1, 2, 3] * 17), r"visibility \[3\.0\]; expected 0, 1 or 2"),
    "visibility 0.5": (annotation(keypoints=[1, 2, 0.5] * 17), r"visibility \[0\.5\]"),
    "box of no width": (annotation(bbox=[1, 2, 0, 9]), "has no area; expected .*width > 0, height > 0"),
    "box of negative height": (annotation(bbox=[1, 2, 9, -9]), "has no area"),
    "box of NaN": (annotation(bbox=[NAN, 2, 9, 9]), r"bbox is \[nan, 2, 9, 9\]; expected"),
    "box of three": (annotation(bbox=[1, 2, 9]), r"bbox is \[1, 2, 9\]; expected"),
    "no box": (annotation(bbox=None), r"bbox is None; expected \[x, y, width, height\]"),
    "box in text": (annotation(bbox="whole"), "bbox is 'whole'"),
    "box right of the image": (annotation(bbox=[64, 2, 9, 9]), r"outside the image of 64x48 \(width x height\)"),
    "box below the image": (annotation(bbox=[1, 48, 9, 9]), "lies outside the image"),
    "box left of the image": (annotation(bbox=[-9, 2, 9, 9]), "lies outside the image"),
    "box above the image": (annotation(bbox=[1, -9, 9, 9]), "lies outside the image"),
    "area of NaN": (annotation(area=NAN), "area is nan; expected square pixels"),
    "negative area": (annotation(area=-4), "area is -4"),
    "area in words": (annotation(area="large"), "area is 'large'"),
    "crowd in words": (annotation(iscrowd="many"), "iscrowd is 'many'; expected 0 or 1"),
    "annotation id null": (annotation(id=None), "id"),
}


@pytest.mark.parametrize(("change", "message"), FAULTS.values(), ids=FAULTS)
def test_an_annotation_that_cannot_be_used_is_named(change: Change, message: str, tmp_path: Path) -> None:
    path = write(tmp_path, changed(change))
    with pytest.raises(ValueError, match=message) as caught:
        coco.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: annotation ")
    assert "`poseport data check " in text
    assert "\n" not in text


@pytest.mark.parametrize(("change", "message"), FAULTS.values(), ids=FAULTS)
def test_not_strict_collects_what_cannot_be_used(change: Change, message: str, tmp_path: Path) -> None:
    people = coco.load(write(tmp_path, changed(change)), strict=False)
    assert len(people) + len(people.problems) == 3
    assert 0 in [p.annotation_id for p in people.persons]
    assert len(people.problems) >= 1
    assert all("people.json: annotation " in problem for problem in people.problems)


def test_somebody_without_labels_may_have_a_box_without_area(tmp_path: Path) -> None:
    """COCO as it is downloaded holds some; they are never cropped, and the evaluation ignores them."""
    line = annotation(bbox=[1, 2, 0, 9], keypoints=[0] * 51, num_keypoints=0)
    assert coco.load(write(tmp_path, changed(line))).persons[1].box_xywh == (1.0, 2.0, 0.0, 9.0)


def test_a_box_that_is_partly_outside_is_fine(tmp_path: Path) -> None:
    people = coco.load(write(tmp_path, changed(annotation(bbox=[-5, -5, 500, 500]))))
    assert people.persons[1].box_xywh == (-5.0, -5.0, 500.0, 500.0)


def test_a_missing_image_shows_when_it_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, changed(image(file_name="gone.jpg")))
    gone = coco.load(path).persons[1]
    with pytest.raises(
        ValueError, match=r"gone\.jpg: image cannot be read \(No such file .*; check the name and the folder"
    ):
        read_image(gone.image_path, gone.image_hw)


# --- real files


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
