"""People become YOLO-pose labels, which are read as the same people."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.data import coco
from poseport.skeletons import COCO17


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["data", *map(str, arguments)])
    assert done.exit_code == code, done.output
    return done.output


def test_there_and_back_again(drawn: Path, tmp_path: Path) -> None:
    run("to-yolo", drawn, "--val", drawn, "--out", tmp_path / "yolo")
    run("from-yolo", tmp_path / "yolo", "--out", tmp_path / "back")
    before = coco.load(drawn)
    for split in ("train", "val"):
        after = coco.load(tmp_path / "back" / f"person_keypoints_{split}.json")
        assert after.skeleton is COCO17
        assert len(after) == len(before) == 60
        for a, b in zip(before.persons, after.persons, strict=True):
            assert a.image_path.name == b.image_path.name
            assert a.image_hw == b.image_hw
            np.testing.assert_allclose(a.keypoints, b.keypoints, atol=0.006)  # COCO files keep two decimals
            np.testing.assert_allclose(a.box_xywh, b.box_xywh, atol=0.006)


def test_nothing_is_overwritten_and_labels_are_not_shared(drawn: Path, tmp_path: Path) -> None:
    run("to-yolo", drawn, "--out", tmp_path / "yolo", "--quiet")
    assert "exists already" in run("to-yolo", drawn, "--out", tmp_path / "yolo", code=1)
    shutil.copytree(drawn.parent, tmp_path / "set")
    path = tmp_path / "set" / "person_keypoints.json"
    data = json.loads(path.read_text())
    data["images"][1]["file_name"] = "000000000001.png"
    path.write_text(json.dumps(data))
    assert "would share 000000000001.txt" in run("to-yolo", path, "--out", tmp_path / "other", code=1)
