"""Files of the same weights beside each other: what was lost, and on which people."""

from __future__ import annotations

import base64
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from html_page import Read, accuracy, read

from poseport.bench.decide.decision import LossBudget
from poseport.bench.decide.gate import gate
from poseport.bench.measure import accuracy as measure
from poseport.bench.measure import boxes
from poseport.bench.record import Accuracy, Result
from poseport.bench.report.page import gather
from poseport.bench.report.pictures import photos
from poseport.bench.report.report import write_report
from poseport.data.people import People
from poseport.tflite import runner


def test_report_and_gate_give_the_same_interval(page: Read, records: list[Result]) -> None:
    [decision] = gate(records[:1], records[1:2], LossBudget(ap=1.0))
    d = decision.difference
    text = f"{d.value:+.1f} ({d.low:+.1f} to {d.high:+.1f})".replace("-", "\N{MINUS SIGN}")
    assert text in page.text
    assert ": a loss." in page.text
    assert re.search(r"PCK@0\.1/box on person_keypoints\.json.*a loss\.", page.text, re.DOTALL)
    assert "Latency against float32, host XNNPACK, 1 thread" in page.text


def test_photos_show_the_people_who_lost_most(page: Read, records: list[Result]) -> None:
    base, candidate = (
        {(p.image_id, p.annotation_id): p.oks for p in accuracy(r).people if p.oks is not None} for r in records[:2]
    )
    worst = sorted(base, key=lambda who: candidate[who] - base[who])[:6]
    shown = [tuple(map(int, re.findall(r"\d+", image["alt"] or "")[:2])) for image in page.images]
    assert shown == worst
    for image in page.images:
        raw = base64.b64decode((image["src"] or "").partition(",")[2])
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[:2] == (photos.PHOTO_HW[0], 2 * photos.PHOTO_HW[1] + 4)
        # the two sides are the same crop with other poses on it
        left, right = picture[:, :200].astype(int), picture[:, 204:].astype(int)
        moved = (abs(left - right).max(axis=2) > 60).mean()
        assert 0.005 < moved < 0.5


def test_a_missing_image_is_said_and_the_rest_stands(records: list[Result], people: People, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    shutil.copytree(people.persons[0].image_path.parent, folder)
    shutil.copy(people.path, tmp_path)
    lost = gather(records, pictures=False, photos=False).compared[0].worst[0]
    number = int(re.findall(r"\d+", lost.cells[0])[0])
    gone = next(p for p in accuracy(records[0]).people if p.image_id == number).file_name
    (folder / gone).unlink()
    moved = [
        replace(r, measured=replace(m, data=replace(m.data, images_dir=str(folder))))
        if isinstance(m := r.measured, Accuracy)
        else r
        for r in records
    ]
    write_report(moved, tmp_path / "r.html")
    found = read(tmp_path / "r.html")
    assert 3 <= len(found.images) < 6
    assert f"no picture: {gone} cannot be read" in found.text


def test_boxes_of_a_detector_leave_out_what_they_cannot_say(
    tiny_models: dict[str, Path], people: People, tmp_path: Path
) -> None:
    """Such boxes have no labels of their own: AP stands, keypoints and people do not."""
    entries = [{"image_id": p.image_id, "bbox": p.box_xywh, "score": 0.9} for p in people.persons]
    (tmp_path / "d.json").write_text(json.dumps(entries))
    models = [runner.load(path) for path in tiny_models.values()]
    found_by = boxes.detected(people, tmp_path / "d.json")
    records = [record for model in models for record in measure.measure(model, people, boxes=found_by)]
    write_report(records, tmp_path / "r.html")
    found = read(tmp_path / "r.html")
    assert "boxes from detections d.json" in found.text
    assert found.images == []
    assert found.open == []
    assert {row[2:] for row in gather(records, pictures=False, photos=False).compared[0].keypoints.rows} == {("—",) * 3}


def test_a_file_without_its_float32_says_so(records: list[Result], tmp_path: Path) -> None:
    write_report(records[1:2], tmp_path / "r.html")
    found = read(tmp_path / "r.html")
    assert "no float32 file of the same weights" in found.text
    assert found.tags.count("svg") == 1  # PCK by threshold
    stranger = replace(records[0].model.card.conversion, weights_sha256="f" * 64)
    base = replace(
        records[0], model=replace(records[0].model, card=replace(records[0].model.card, conversion=stranger))
    )
    assert gather([base, records[1]], pictures=False, photos=False).compared == []
