"""Caveats are those of the records shown."""

from __future__ import annotations

from dataclasses import replace

from html_page import accuracy

from poseport.bench.record import Result
from poseport.bench.report.page import gather


def test_caveats_are_those_of_these_records(records: list[Result]) -> None:
    caveats = " ".join(gather(records, pictures=False, photos=False).caveats)
    for needed in ("phone", "annotated boxes", "without flip", "fewer than 1,000", "same annotations"):
        assert needed in caveats
    assert "more than one processor" not in caveats
    assert "detector missed" not in caveats
    elsewhere = replace(records[3], environment=replace(records[3].environment, processor="another"))
    flipped = [replace(r, measured=replace(accuracy(r), flip=True, boxes="detections d.json")) for r in records[:2]]
    caveats = " ".join(gather([*flipped, records[2], elsewhere], pictures=False, photos=False).caveats)
    assert "more than one processor" in caveats
    assert "twice the latency" in caveats
    assert "detector missed" in caveats
    assert "annotated boxes" not in caveats
