"""The category of an annotations file: which one is read, and the skeleton that it names."""

from __future__ import annotations

from pathlib import Path

import pytest
from coco_files import good, person, write

from poseport.data import coco
from poseport.skeleton import Skeleton
from poseport.skeletons import LSP14


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
