"""Findings that show only when people go through the file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from poseport.convert.doctor.diagnosis import diagnose
from poseport.data import coco


def test_what_shows_on_people_only(sick: Path, drawn: Path) -> None:
    people = coco.load(drawn)
    done: list[int] = []
    by_id = {f.id: f for f in diagnose(sick, people, count=16, progress=done.append).findings}
    assert sum(done) == 16
    names = people.skeleton.names
    assert by_id["few-levels"].numbers["keypoints"][:2] == [names[0], names[1]]
    assert by_id["few-levels"].severity == "error"
    lost = by_id["silent-keypoint"]
    assert names[0] in [*lost.numbers["silent"], *lost.numbers["stuck"]]
    assert lost.numbers["people"] == 16
    assert by_id["dead-channels"].numbers == {"channels": 4, "layers": by_id["dead-channels"].numbers["layers"],
                                              "worst_share": 0.5}  # fmt: skip
    assert by_id["dead-weights"].numbers["zero"] == 1
    with pytest.raises(ValueError, match="5 people are too few to judge a file"):
        diagnose(sick, replace(people, persons=people.for_training().persons[:5]))
