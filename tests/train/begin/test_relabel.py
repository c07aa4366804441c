"""Labels corrected by a teacher: what moves, what is added, what is dropped, and what stays."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.data import coco
from poseport.train.begin.relabel import relabel
from poseport.train.begin.teacher import Teacher
from poseport.train.config import TeacherConfig


@pytest.fixture
def people(drawn: Path) -> coco.People:
    return coco.load(drawn)


def teacher(people: coco.People, weight: float) -> Teacher:
    """One whose keypoints are given to `relabel`: its network is never asked."""
    return Teacher(TeacherConfig("t.tflite", "0" * 64, weight=weight), None, None)  # type: ignore[arg-type]


def test_near_labels_move_far_ones_go_missing_ones_come(people: coco.People, tmp_path: Path) -> None:
    labels = np.stack([p.keypoints for p in people.persons])
    side = max(people.persons[0].box_xywh[2:])
    found = labels.copy()
    found[..., 2] = 0.0  # not sure of anything, but:
    near, far, doubtful = np.flatnonzero(labels[0, :, 2] > 0)[:3]
    found[0, near] = (*labels[0, near, :2] + (0.04 * side, 0), 0.9)
    found[0, far] = (*labels[0, far, :2] + (0.3 * side, 0), 0.9)
    found[0, doubtful] = (*labels[0, doubtful, :2] + (0.3 * side, 0), 0.35)
    [i] = [next(i for i, p in enumerate(people.persons) if not p.labelled.all() and i)]
    missing = int(np.flatnonzero(~people.persons[i].labelled)[0])
    found[i, missing] = (12.0, 34.0, 0.8)
    out = tmp_path / "new.json"
    told = relabel(people, teacher(people, 0.5), found, out, drop=0.4)
    assert (told.people, told.left_out, told.moved, told.added, told.dropped) == (len(people), 0, 1, 1, 1)
    new = coco.load(out, people.images_dir).persons
    assert new[0].keypoints[near, 0] == pytest.approx(labels[0, near, 0] + 0.02 * side, abs=0.01)
    assert new[0].keypoints[far].tolist() == [0, 0, 0]
    assert new[0].keypoints[doubtful] == pytest.approx(labels[0, doubtful], abs=0.01)
    assert new[i].keypoints[missing].tolist() == [12.0, 34.0, 2.0]
    assert new[1 if i != 1 else 2].keypoints == pytest.approx(labels[1 if i != 1 else 2], abs=0.01)
    assert [p.box_xywh for p in new] == [p.box_xywh for p in people.persons]


def test_small_people_are_left_out_and_nothing_is_overwritten(people: coco.People, tmp_path: Path) -> None:
    found = np.zeros((len(people), len(people.skeleton), 3))
    sides = sorted(max(p.box_xywh[2:]) for p in people.persons)
    smallest = (sides[9] + sides[10]) / 2
    out = tmp_path / "new.json"
    told = relabel(people, teacher(people, 1.0), found, out, smallest=smallest)
    assert (told.people, told.left_out, told.moved) == (len(people) - 10, 10, 0)
    assert len(json.loads(out.read_text())["annotations"]) == len(people) - 10
    before = out.read_bytes()
    with pytest.raises(ValueError, match="exists already; name another --out"):
        relabel(people, teacher(people, 1.0), found, out)
    assert out.read_bytes() == before


def test_another_order_of_keypoints_and_ids_as_text_stay_as_they_are_written(drawn: Path, tmp_path: Path) -> None:
    data = json.loads(drawn.read_text())
    category = data["categories"][0]
    category["keypoints"] = [name.replace("_", " ").title() for name in category["keypoints"][::-1]]
    for annotation in data["annotations"]:
        points = np.reshape(annotation["keypoints"], (17, 3))[::-1]
        annotation["keypoints"], annotation["id"] = points.ravel().tolist(), str(annotation["id"])
    (tmp_path / "old.json").write_text(json.dumps(data), encoding="utf-8-sig")
    people = coco.load(tmp_path / "old.json", drawn.parent / "images")
    relabel(people, teacher(people, 1.0), np.zeros((len(people), 17, 3)), tmp_path / "new.json")
    new = coco.load(tmp_path / "new.json", drawn.parent / "images")
    assert len(new) == len(people)
    for a, b in zip(people.persons, new.persons, strict=True):
        np.testing.assert_allclose(a.keypoints, b.keypoints, atol=0.01)


def test_the_command(drawn: Path, tiny_models: dict[str, Path], tmp_path: Path) -> None:
    out = tmp_path / "new.json"
    command = ["data", "relabel", str(drawn), "--teacher", str(tiny_models["float32"]), "--threshold", "0.001"]
    command += ["--cache", str(tmp_path / "c.npz"), "--out", str(out), "--weight", "1", "--json"]
    ran = CliRunner().invoke(main, command)
    assert ran.exit_code == 0, ran.output
    told = json.loads(ran.stdout)
    old, new = coco.load(drawn), coco.load(out, drawn.parent / "images")
    moved = [
        (a.keypoints[..., :2] != np.round(b.keypoints[..., :2], 2)).any(axis=1) & a.labelled & b.labelled
        for a, b in zip(old.persons, new.persons, strict=True)
    ]
    assert told["people"] == len(old)
    assert abs(told["moved"] - sum(int(m.sum()) for m in moved)) <= told["moved"] * 0.05
    again = CliRunner().invoke(main, command)
    assert again.exit_code == 1
    assert "exists already" in again.output
