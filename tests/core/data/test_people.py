"""People for training: who has enough labels, and a set that has nobody left."""

from __future__ import annotations

from pathlib import Path

import pytest
from coco_files import changed, good, person, write

from poseport.data import coco


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
