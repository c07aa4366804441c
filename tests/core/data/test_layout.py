"""Data sets are found as COCO, CVAT, Label Studio, Roboflow and FiftyOne unpack them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from coco_files import good, write

from poseport.data import coco, layout
from poseport.skeletons import COCO17


def unpacked(folder: Path, annotations: str, photos: str, name: str = "{}") -> Path:
    """A set of two photos: its annotations file, the folder of its photos and how the file names them."""
    (folder / photos).mkdir(parents=True, exist_ok=True)
    (folder / annotations).parent.mkdir(parents=True, exist_ok=True)
    files = ["a.jpg", "b.jpg"]
    for file in files:
        (folder / photos / file).write_bytes(b"any")
    points = [v for k in range(17) for v in (10 + k, 20 + k, 2)]
    data = {
        "images": [
            {"id": i, "file_name": name.format(file), "width": 64, "height": 48} for i, file in enumerate(files)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": 1, "bbox": [5, 6, 40, 40], "keypoints": points} for i in range(2)
        ],
        "categories": [{"id": 1, "name": "person", "keypoints": list(COCO17.names)}],
    }
    path = folder / annotations
    path.write_text(json.dumps(data))
    return path


LAYOUTS = {
    "COCO": ("annotations/person_keypoints_val2017.json", "val2017", "{}"),
    "CVAT": ("annotations/person_keypoints_default.json", "images/default", "{}"),
    "CVAT, a subset of two words": ("annotations/person_keypoints_my_part.json", "images/my_part", "{}"),
    "CVAT, names with the subset": ("annotations/person_keypoints_train.json", "images/train", "train/{}"),
    "Label Studio": ("result.json", "images", "images/{}"),
    "Label Studio, escaped": ("result.json", "images", "images\\/{}"),
    "Label Studio on Windows": ("result.json", "images", "images\\{}"),
    "Label Studio, uploaded": ("result.json", "images", "../../label-studio/data/media/upload/1/{}"),
    "Roboflow": ("train/_annotations.coco.json", "train", "{}"),
    "FiftyOne": ("labels.json", "data", "{}"),
    "photos in folders": ("people.json", "images/day1/left", "day1/left/{}"),
    "no folder of photos": ("people.json", ".", "{}"),
}


@pytest.mark.parametrize(("annotations", "photos", "name"), LAYOUTS.values(), ids=LAYOUTS)
def test_photos_are_found_as_they_are_unpacked(annotations: str, photos: str, name: str, tmp_path: Path) -> None:
    path = unpacked(tmp_path / "set", annotations, photos, name)
    people = coco.load(path)
    assert [p.image_path.read_bytes() for p in people.persons] == [b"any", b"any"]
    assert people.persons[0].image_path == tmp_path / "set" / photos / "a.jpg"
    assert coco.load(tmp_path / "set").path == path


def test_the_photos_of_another_subset_are_not_taken(tmp_path: Path) -> None:
    train = unpacked(tmp_path, "annotations/person_keypoints_train.json", "images/train")
    val = unpacked(tmp_path, "annotations/person_keypoints_val.json", "images/val")
    assert coco.load(train).images_dir == tmp_path / "images" / "train"
    assert coco.load(val).images_dir == tmp_path / "images" / "val"
    with pytest.raises(ValueError, match=r"holds 2 files, annotations/person_keypoints_train\.json, .*name the one"):
        coco.load(tmp_path)


def test_a_folder_that_the_user_names_may_hold_the_subset_or_repeat_the_name(tmp_path: Path) -> None:
    path = unpacked(tmp_path / "labels", "result.json", "../photos", "images/{}")
    assert coco.load(path, tmp_path / "photos").images_dir == tmp_path / "photos"
    subset = unpacked(tmp_path / "more", "person_keypoints_val.json", "../pool/val")
    assert coco.load(subset, tmp_path / "pool").images_dir == tmp_path / "pool" / "val"


def test_photos_that_are_nowhere_list_where_they_were_looked_for(tmp_path: Path) -> None:
    path = unpacked(tmp_path / "set", "annotations/people.json", "images", "x{}")
    with pytest.raises(ValueError, match=r"not found, for example 'xa\.jpg'; looked in .*/set/images, .*--images"):
        coco.load(path)


def test_percent_encoded_names_are_decoded_where_the_file_is_called_so(tmp_path: Path) -> None:
    encoded = unpacked(tmp_path / "one", "result.json", "images/my photos", "images/my%20photos/{}")
    assert [p.image_path.read_bytes() for p in coco.load(encoded).persons] == [b"any", b"any"]
    literal = unpacked(tmp_path / "two", "result.json", "images/my%20photos", "images/my%20photos/{}")
    assert coco.load(literal).persons[0].image_path.parent.name == "my%20photos"
    with pytest.raises(ValueError, match="leaves the image folder"):
        layout.ImageFolder(tmp_path / "one", encoded=True).file("%2e%2e/secret.jpg")


def test_a_name_never_leads_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    inside = tmp_path / "images"
    inside.mkdir()
    for name in ("../secret.jpg", str(tmp_path / "secret.jpg"), "a/../../secret.jpg", "x\0.jpg", ".", 3, None):
        with pytest.raises(ValueError, match="file_name"):
            layout.ImageFolder(inside).file(name)
    for name in ("..\\secret.jpg", "C:\\..\\..\\secret.jpg"):
        with pytest.raises(ValueError, match="leaves the image folder"):
            layout.ImageFolder(inside, backslashes=True).file(name)


def test_hidden_files_of_macos_are_no_annotations(tmp_path: Path) -> None:
    path = unpacked(tmp_path, "people.json", "images")
    (tmp_path / "._people.json").write_bytes(b"\0\5\x16\7")
    assert coco.load(tmp_path).path == path


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
