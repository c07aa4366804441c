"""Boxes of a detector."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from poseport.data.detections import read_boxes


def entries(**more: Any) -> list[dict[str, Any]]:
    return [{"image_id": 1, "bbox": [1, 2, 30, 40], "score": 0.9, **more}]


def test_only_boxes_of_people_are_people(tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps(entries(category_id=1) + entries(category_id=18) + entries(category_id="62")))
    assert len(read_boxes(path)) == 1
    assert len(read_boxes(path, 62)) == 1
    path.write_text(json.dumps(entries() + entries(category_id=None) + entries(category_id="1", image_id="1")))
    assert read_boxes(path) == [(1, (1.0, 2.0, 30.0, 40.0), 0.9)] * 3
    path.write_text(json.dumps(entries(category_id=0)))
    with pytest.raises(ValueError, match=r"no box is of category 1, but of 0 \(1 boxes\); name the people's"):
        read_boxes(path)
    assert len(read_boxes(path, 0)) == 1


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, 3, 4, 0.9], [float("nan")] * 4, [1, 2, None, 4], "x", 7, None])
def test_a_box_that_is_none_is_refused(box: Any, tmp_path: Path) -> None:
    path = tmp_path / "d.json"
    path.write_text(json.dumps([*entries(), {"image_id": 1, "bbox": box, "score": 0.9}]))
    with pytest.raises(ValueError, match=r"d\.json: not a COCO results file"):
        read_boxes(path)
