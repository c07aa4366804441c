"""YOLO-pose labels, as Ultralytics and Roboflow lay them out, become people in COCO form."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.data.formats import yolo_reader
from poseport.skeletons import COCO17, LSP14

FLIP = COCO17.flip_index.tolist()


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["data", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


def written(
    root: Path,
    lines: str,
    yaml: str = f"train: images/train\nval: images/train\nkpt_shape: [17, 3]\nflip_idx: {FLIP}\nnames: [person]\n",
    images: str = "images/train",
    labels: str = "labels/train",
) -> Path:
    """A set with one photo of 200x100 (width x height)."""
    for folder in (images, labels):
        (root / folder).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(root / images / "a.jpg"), np.full((100, 200, 3), 90, np.uint8))
    (root / labels / "a.txt").write_text(lines)
    (root / "data.yaml").write_text(yaml)
    return root


def row(points: str, box: str = "0.5 0.5 0.4 0.8", category: int = 0) -> str:
    return f"{category} {box} {points}\n"


POINTS = " ".join(["0.25 0.5 2"] * 16 + ["0 0 0"])


def test_labels_are_shares_of_the_photo(tmp_path: Path) -> None:
    found, root = yolo_reader.read(written(tmp_path, row(POINTS)))
    assert root == tmp_path / "images" / "train"
    assert [p.split for p in found.people] == ["train", "val"]
    person = found.people[0]
    assert person.box_xywh == pytest.approx((60, 10, 80, 80))
    assert person.keypoints[0].tolist() == [50, 50, 2]
    assert person.keypoints[16].tolist() == [0, 0, 0]


def test_a_photo_that_is_stored_on_its_side_is_labelled_as_shown(tmp_path: Path) -> None:
    folder = written(tmp_path, row(POINTS))
    photo = folder / "images" / "train" / "a.jpg"
    exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    raw = photo.read_bytes()
    photo.write_bytes(raw[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + raw[2:])
    person = yolo_reader.read(folder)[0].people[0]
    assert person.image_hw == (200, 100)
    assert person.keypoints[0].tolist() == [25, 100, 2]


LAYOUTS = {
    "Ultralytics": ("train: images/train\nval: images/train\n", "images/train", "labels/train"),
    "a path": ("path: .\ntrain: images/train\nval: images/train\n", "images/train", "labels/train"),
    "Roboflow": (
        "train: ../train/images\nval: ../train/images\ntest: ../no/images\n",
        "train/images",
        "train/labels",
    ),
    "lists": ("train: [images/x]\nval: []\n", "images/x", "labels/x"),
    "beside the photos": ("train: photos\n", "photos", "photos"),
}


@pytest.mark.parametrize(("splits", "images", "labels"), LAYOUTS.values(), ids=LAYOUTS)
def test_photos_and_labels_are_found(splits: str, images: str, labels: str, tmp_path: Path) -> None:
    yaml = splits + f"kpt_shape: [17, 3]\nflip_idx: {FLIP}\nnames:\n  0: person\n"
    found, _ = yolo_reader.read(written(tmp_path, row(POINTS), yaml, images, labels))
    assert [p.file_name for p in found.people if p.split == "train"] == ["a.jpg"]


def test_keypoints_of_two_numbers(tmp_path: Path) -> None:
    yaml = f"train: images/train\nkpt_shape: [17, 2]\nflip_idx: {FLIP}\nnames: [person]\n"
    found, _ = yolo_reader.read(written(tmp_path, row("0.25 0.5 " * 16 + "0 0"), yaml))
    assert found.people[0].keypoints[:, 2].tolist() == [2] * 16 + [0]


def test_other_classes_and_boxes_alone_are_counted(tmp_path: Path) -> None:
    yaml = "train: images/train\nkpt_shape: [17, 3]\nnames: [ball, person]\n"
    lines = row(POINTS, category=1) + row(POINTS) + "1 0.5 0.5 0.1 0.1\n\n"
    found, _ = yolo_reader.read(written(tmp_path, lines, yaml))
    assert len(found.people) == 1
    assert found.left_out == {"photos without a label file": 0, "of other classes": 1, "without keypoints": 1}
    assert "1 of other classes" in run("from-yolo", tmp_path, "--out", tmp_path / "coco")
    assert len(yolo_reader.read(tmp_path, category="ball")[0].people) == 1


def test_keypoints_of_ones_own_take_a_skeleton(tmp_path: Path) -> None:
    yaml = f"train: images/train\nkpt_shape: [14, 3]\nflip_idx: {LSP14.flip_index.tolist()}\nnames: [person]\n"
    folder = written(tmp_path, row(" ".join(["0.25 0.5 2"] * 14)), yaml)
    assert yolo_reader.read(folder)[0].skeleton is LSP14
    (folder / "data.yaml").write_text("train: images/train\nkpt_shape: [4, 3]\nnames: [person]\n")
    with pytest.raises(ValueError, match="its 4 keypoints with flip_idx None are no built-in skeleton"):
        yolo_reader.read(folder)
    with pytest.raises(ValueError, match="has 4 keypoints, but skeleton 'lsp14' has 14"):
        yolo_reader.read(folder, LSP14)


WRONG = {
    "pixels": (row(POINTS.replace("0.25", "50")), r"a\.txt, line 1: 50; expected shares of the image from 0 to 1"),
    "too few": (row(POINTS[:-4]), r"line 1: 54 numbers|line 1: 5\d numbers; expected 56"),
    "NaN": (row(POINTS.replace("0.25", "nan", 1)), r"line 1: 56 numbers; expected 56, all of them finite"),
    "words": (row("a b c"), "line 1: not numbers"),
    "visibility 3": (row(POINTS.replace("2 ", "3 ", 1)), "visibility 3; expected 0, 1 or 2|numbers"),
}


@pytest.mark.parametrize(("lines", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_line_is_named(lines: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        yolo_reader.read(written(tmp_path, lines))


def test_names_of_keypoints_say_their_order(tmp_path: Path) -> None:
    backwards = [name.replace("_", " ").title() for name in COCO17.names[::-1]]
    for names in (f"kpt_names: {backwards}\n", f"kpt_names:\n  0: {backwards}\n"):
        yaml = f"train: images/train\nkpt_shape: [17, 3]\n{names}"
        found, _ = yolo_reader.read(written(tmp_path, row(POINTS), yaml))
        assert found.people[0].keypoints[0].tolist() == [0, 0, 0]
        assert found.people[0].keypoints[16].tolist() == [50, 50, 2]


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("train: images/train\nkpt_shape: [14, 3]\n", "14 keypoints with flip_idx None are no built-in skeleton"),
        ("train: images/train\nkpt_shape: [2, 3]\nkpt_names: [a, b]\n", r"kpt_names \(a, b\) are not those of"),
        ("train: images/train\nnames: [person]\n", "kpt_shape is None; expected"),
        ("train: images/none\nkpt_shape: [17, 3]\n", "train is 'images/none', which does not exist; looked in"),
        ("kpt_shape: [17, 3]\n", "names no folder with photos"),
        ("train: images/train\nkpt_shape: [17, 3]\nnames: [dog, cat]\n", r"classes 0 \(dog\), 1 \(cat\); choose"),
        ("a: [", "not YAML"),
        ("- a\n", "expected kpt_shape, names, train and val"),
    ],
)
def test_a_wrong_data_yaml_is_named(yaml: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        yolo_reader.read(written(tmp_path, row(POINTS), yaml))
