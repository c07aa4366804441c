"""Records in groups: sets apart from each other, intervals of their own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from html_page import accuracy

from poseport.bench.record import Result
from poseport.bench.report.grouping import ap_interval
from poseport.bench.report.page import gather
from poseport.skeletons import COCO17


def test_several_sets_stand_apart(scored: Callable[..., Result], tmp_path: Path) -> None:
    sides = [("float32", 0.0), ("int8", 0.05)]
    records = [scored(recipe, own=own, seed=1, only=only) for recipe, own in sides for only in ((), COCO17.body)]
    found = gather(records, pictures=False, photos=False)
    assert len(found.accuracy) == len(found.compared) == 2
    assert "all 17 keypoints" in found.accuracy[0].caption
    assert "12 of 17 keypoints" in found.accuracy[1].caption
    assert any("scores a part of the keypoints" in caveat for caveat in found.caveats)
    assert len(found.compared[1].keypoints.rows) == 12


def test_own_interval_holds_the_ap(records: list[Result]) -> None:
    found = ap_interval(accuracy(records[0]).detections)
    assert found.low < found.value < found.high
    ap = accuracy(records[0]).metrics["OKS-AP"]
    assert ap is not None
    assert found.value == pytest.approx(100 * ap, abs=1e-3)
