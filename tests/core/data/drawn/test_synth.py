"""Drawn people: the files, and the truth of the keypoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pycocotools.coco import COCO

from poseport.data import coco
from poseport.data.drawn import synth
from poseport.data.drawn.figure import paint, random_figure
from poseport.data.images import read_image
from poseport.skeletons import COCO17

PEOPLE = 60
LEFT, RIGHT = COCO17.index("left_shoulder"), COCO17.index("right_shoulder")


@pytest.fixture(scope="module")
def drawn_set(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synth.write_people(tmp_path_factory.mktemp("synth") / "set", PEOPLE, 7)


def read(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    return data


def keypoints(data: dict[str, Any]) -> np.ndarray:
    return np.array([a["keypoints"] for a in data["annotations"]], float).reshape(-1, 17, 3)


def files(annotations: Path) -> dict[str, bytes]:
    folder = annotations.parent
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_same_seed_same_bytes(drawn_set: Path, tmp_path: Path) -> None:
    again = files(synth.write_people(tmp_path / "again", PEOPLE, 7))
    assert again == files(drawn_set)
    other = files(synth.write_people(tmp_path / "other", 3, 8))
    assert other["images/000000000001.jpg"] != again["images/000000000001.jpg"]


def test_a_longer_set_begins_with_the_shorter_one(drawn_set: Path, tmp_path: Path) -> None:
    short = synth.write_people(tmp_path / "short", 20, 7)
    few, many = read(short), read(drawn_set)
    # the last image may hold fewer people in the shorter set, so that the total is exact
    whole = len(few["images"]) - 1
    assert whole >= 6
    assert few["images"] == many["images"][: whole + 1]
    same = [a for a in few["annotations"] if a["image_id"] <= whole]
    assert same == many["annotations"][: len(same)]
    assert len(same) >= 17
    for image in few["images"][:whole]:
        name = image["file_name"]
        assert (short.parent / "images" / name).read_bytes() == (drawn_set.parent / "images" / name).read_bytes()


@pytest.mark.parametrize("people", [1, 2, 3, 8])
def test_exactly_as_many_people_as_asked_for(people: int, tmp_path: Path) -> None:
    told: list[int] = []
    data = read(synth.write_people(tmp_path, people, 3, progress=told.append))
    assert len(data["annotations"]) == people
    assert told[-1] == people
    assert len(told) == len(data["images"])
    assert told == sorted(told)


def test_the_files_are_a_coco_data_set(drawn_set: Path) -> None:
    official = COCO(str(drawn_set))
    assert len(official.getAnnIds(catIds=official.getCatIds(["person"]))) == PEOPLE
    category = official.loadCats([1])[0]
    assert tuple(category["keypoints"]) == COCO17.names
    assert {(COCO17.names[a - 1], COCO17.names[b - 1]) for a, b in category["skeleton"]} == set(COCO17.limbs)
    people = coco.load(drawn_set.parent)
    assert len(people) == PEOPLE
    assert people.skeleton == COCO17
    assert not people.problems
    for entry in official.loadImgs(official.getImgIds())[:5]:
        image = read_image(drawn_set.parent / "images" / entry["file_name"])
        assert image.shape == (entry["height"], entry["width"], 3) == (288, 384, 3)


def test_annotations_are_consistent(drawn_set: Path) -> None:
    data = read(drawn_set)
    points = keypoints(data)
    labelled = points[..., 2] > 0
    assert set(np.unique(points[..., 2])) == {0, 1, 2}
    assert (points[~labelled] == 0).all()
    assert (points[labelled][:, :2] >= 0).all()
    assert (points[labelled][:, :2] <= [383, 287]).all()
    assert labelled.sum(axis=1).min() >= synth.MIN_LABELLED
    assert [a["num_keypoints"] for a in data["annotations"]] == labelled.sum(axis=1).tolist()
    assert [a["id"] for a in data["annotations"]] == list(range(1, PEOPLE + 1))
    for annotation, person in zip(data["annotations"], points, strict=True):
        x, y, w, h = annotation["bbox"]
        assert x >= 0
        assert y >= 0
        assert x + w <= 384
        assert y + h <= 288
        # a joint lies within the person, so within the box around it, to the pixel
        shown = person[person[:, 2] == 2]
        assert (shown[:, 0] >= x - 1).all()
        assert (shown[:, 0] <= x + w).all()
        assert (shown[:, 1] >= y - 1).all()
        assert (shown[:, 1] <= y + h).all()
        assert 0.1 * w * h < annotation["area"] < w * h


def test_most_keypoints_are_seen_and_some_are_hidden(drawn_set: Path) -> None:
    visibility = keypoints(read(drawn_set))[..., 2]
    assert np.mean(visibility == 2) > 0.7
    assert 0.02 < np.mean(visibility == 1) < 0.2


def test_the_box_and_area_are_those_of_the_mask() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:9, 10:13] = True
    person = synth.Drawn(np.zeros((17, 3)), mask)
    assert person.box_xywh == (10, 5, 3, 4)
    assert person.area == 12


def test_a_person_with_a_nose_has_its_left_on_the_right(drawn_set: Path) -> None:
    points = keypoints(read(drawn_set))
    frontal = (points[:, [0, 1, 2, LEFT, RIGHT], 2] > 0).all(axis=1)
    assert frontal.sum() > 20
    assert np.mean((points[:, LEFT] - points[:, RIGHT])[frontal, 0] > 0) > 0.9


def test_hidden_keypoints_are_under_something_else() -> None:
    """Two people in one place: all that the nearer one covers of the other is labelled hidden."""
    rng = np.random.default_rng(4)
    back, front = (random_figure(rng, 200, "front").moved(120, 130) for _ in range(2))
    image = np.zeros((300, 240, 3), np.uint8)
    labels = paint(image, back)
    alone = synth._keypoints(back, labels, 0)
    over = paint(image, front)
    labels[over > 0] = over[over > 0] + 64
    behind = synth._keypoints(back, labels, 0)
    covered = np.array([over[round(y), round(x)] > 0 for x, y in back.keypoints_xy])
    assert covered.sum() > 0
    assert (behind[covered, 2] == 1).all()
    assert (behind[~covered] == alone[~covered]).all()
    assert (behind[:, :2] == alone[:, :2]).all()


def test_a_keypoint_outside_the_image_has_no_label() -> None:
    figure = random_figure(np.random.default_rng(5), 200, "front").moved(100, 0)
    labels = paint(np.zeros((200, 200, 3), np.uint8), figure)
    points = synth._keypoints(figure, labels, 0)
    above = figure.keypoints_xy[:, 1] < 0
    assert above[LEFT]
    assert not points[above].any()
    assert points[COCO17.index("left_knee"), 2] > 0


def test_an_existing_set_is_kept_unless_told_otherwise(tmp_path: Path) -> None:
    first = files(synth.write_people(tmp_path, 2, 0))
    with pytest.raises(ValueError, match="exists already"):
        synth.write_people(tmp_path, 2, 1)
    assert files(tmp_path / "person_keypoints.json") == first
    replaced = files(synth.write_people(tmp_path, 2, 1, overwrite=True))
    assert replaced["person_keypoints.json"] != first["person_keypoints.json"]


def test_an_interrupted_run_leaves_no_annotations(tmp_path: Path) -> None:
    def stop(_: int) -> None:
        raise KeyboardInterrupt

    synth.write_people(tmp_path, 2, 0)
    with pytest.raises(KeyboardInterrupt):
        synth.write_people(tmp_path, 9, 1, progress=stop, overwrite=True)
    assert not list(tmp_path.glob("*.json"))


@pytest.mark.parametrize(
    ("people", "seed", "image_hw", "message"),
    [(0, 0, (288, 384), "at least 1"), (1, -1, (288, 384), "0 or more"), (1, 0, (288, 64), "at least 128")],
)
def test_arguments_are_checked(people: int, seed: int, image_hw: tuple[int, int], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        synth.write_people(tmp_path, people, seed, image_hw=image_hw)
    assert not list(tmp_path.iterdir())


def test_other_image_sizes(tmp_path: Path) -> None:
    path = synth.write_people(tmp_path, 6, 0, image_hw=(130, 200))
    image = read_image(tmp_path / "images" / "000000000001.jpg")
    assert image.shape == (130, 200, 3)
    assert len(read(path)["annotations"]) == 6


def test_drawn_people_replace_nothing_that_was_not_drawn(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    mine = tmp_path / "images" / "000000000001.jpg"
    mine.write_bytes(b"mine")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match="holds files that poseport did not draw"):
            synth.write_people(tmp_path, 1, 0, overwrite=overwrite)
    (tmp_path / "person_keypoints.json").write_text("{}")
    with pytest.raises(ValueError, match="was not drawn by poseport"):
        synth.write_people(tmp_path, 1, 0, overwrite=True)
    assert mine.read_bytes() == b"mine"
    synth.write_people(tmp_path / "set", 2, 0)
    path = synth.write_people(tmp_path / "set", 1, 0, overwrite=True)
    assert len(coco.load(path)) == 1
