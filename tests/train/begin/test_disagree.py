"""Where a teacher and the labels disagree: counted, and the worst first."""

from __future__ import annotations

import numpy as np
from teachers import CONFIG, one_person

from poseport.data import coco
from poseport.train.begin import disagree


def test_disagreement_is_counted_and_sorted(people: coco.People) -> None:
    labels = np.zeros((17, 3))
    labels[:3] = (10, 20, 2)
    found = np.zeros((1, 17, 3), np.float32)
    found[0, :4] = [(10, 29, 0.9), (10, 50, 0.9), (50, 20, 0.9), (90, 90, 0.9)]
    told = disagree.disagreements(one_person(people, labels), found, CONFIG)
    assert (told.people, told.compared, told.keypoints) == (1, 3, 2)
    assert told.worst[0].keypoints == {"right_eye": 0.4, "left_eye": 0.3}
    assert "2 of 3 keypoints disagree, on 1 of 1 people" in told.text(5)
    assert told.worst[0].file_name in told.text(1)
    assert told.worst[0].file_name not in told.text(0)
