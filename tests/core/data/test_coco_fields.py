"""Every value of an annotation that cannot be used is named with its file and its remedy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from coco_files import Change, changed, image, write

from poseport.data import coco

NAN = float("nan")


def annotation(**values: Any) -> Change:
    return lambda d: d["annotations"][1].update(values)


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
