"""Whole pictures timed for real, every sample with its number of people; and a detector alone."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from poseport.bench import results_folder
from poseport.bench.cli import bench
from poseport.bench.detector_record import DetectorTimes
from poseport.bench.measure import pictures
from poseport.bench.record import Latency, Pictures, Result
from poseport.bench.report.page import gather
from poseport.bench.report.report import write_report
from poseport.data import coco
from poseport.data.images import read_image
from poseport.records import read_json
from poseport.tflite import shipped
from poseport.tflite.runner import load


@pytest.fixture(scope="module")
def timed(drawn: Path) -> Result:
    people = coco.load(drawn)
    return pictures.measure(shipped.model("tiny"), "person", 1, people, runs=100, max_seconds=60.0)


def whole(result: Result) -> Pictures:
    assert isinstance(result.measured, Pictures)
    return result.measured


def test_every_sample_has_the_people_of_its_picture(timed: Result, drawn: Path) -> None:
    m, people = whole(timed), coco.load(drawn)
    assert len(m.picture) == len(m.people) == len(m.detect_us) == 100
    assert m.repeats == (50, 50)
    assert set(m.names) == {path.name for path in pictures.spread(people)}
    pose = load("tiny")
    found = {path.name: pose.find(read_image(path)) for path in pictures.spread(people)}
    for index, count, boxes in zip(m.picture, m.people, m.boxes, strict=True):
        assert count == len(found[m.names[index]].scores)
        assert boxes >= count
    assert len(set(m.people)) > 1
    assert all(1 < us < 1e8 for us in (*m.detect_us, *(t for t, n in zip(m.people_us, m.boxes, strict=True) if n)))
    assert m.before_bytes is not None
    assert m.peak_bytes is not None
    assert 0 < m.peak_bytes - m.before_bytes < 4e8


def test_pictures_are_spread_over_the_numbers_of_people(drawn: Path) -> None:
    people = coco.load(drawn)
    counts = Counter(p.image_path for p in people.persons)
    few = pictures.spread(people, 5)
    assert len(set(few)) == 5
    assert {min(counts.values()), max(counts.values())} <= {counts[path] for path in few}
    assert set(pictures.spread(people, 10_000)) == set(counts)


def test_the_record_comes_back_and_is_reported(timed: Result, tmp_path: Path) -> None:
    path = results_folder.save(timed, tmp_path)
    assert path.name == "tiny.int8.pictures.host.1t.person-int8.json"
    [again] = results_folder.load_all(tmp_path)
    assert again == timed
    table = gather([again], pictures=False, photos=False).latency[0]
    m = whole(timed)
    assert [int(row[2]) for row in table.rows] == sorted(set(m.people))
    assert sum(int(row[-1]) for row in table.rows) == 100
    assert table.caption.startswith("Whole pictures of person_keypoints.json with person.int8.tflite")
    for suffix in ("md", "html", "csv"):
        write_report([again], tmp_path / f"r.{suffix}")
        assert "person.int8.tflite" in (tmp_path / f"r.{suffix}").read_text()
    text = (tmp_path / "r.md").read_text()
    assert "Latency on a host does not predict a phone's" in text
    number, p50 = m.people[0], np.median(m.whole_ms[np.array(m.people) == m.people[0]])
    rows = (tmp_path / "r.csv").read_text().splitlines()
    [said] = [row for row in rows if row.rpartition(",")[0].endswith(f',"p50 ms, picture with {number} people"')]
    assert float(said.rpartition(",")[2]) == pytest.approx(p50, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"people": (0,)}, "expected the same number"),
        ({"repeats": (1, 2)}, "do not add up"),
        ({"names": ("a.jpg",)}, "one of 1 names"),
        ({"detect_us": ()}, "detect_us"),
        ({"boxes": (10**30,) * 100}, "out of range"),
    ],
)
def test_a_record_that_contradicts_itself_is_refused(timed: Result, change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(whole(timed), **change)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="more were found than there were boxes"):
        replace(whole(timed), people=tuple(n + 1 for n in whole(timed).boxes))


def test_the_command(drawn: Path, tmp_path: Path) -> None:
    command = ["latency", "tiny", "--detector", "person", "--runs", "20", "--out", str(tmp_path)]
    ran = CliRunner().invoke(bench, [*command, "--data", str(drawn), "--json"])
    assert ran.exit_code == 0, ran.output
    [row] = json.loads(ran.stdout)["results"]
    assert row["detector"] == "person.int8.tflite"
    assert sum(group["samples"] for group in row["by_people"]) == 20
    assert all(group["p90_ms"] is None for group in row["by_people"])  # of fewer than 20 samples each
    assert Path(row["file"]).is_file()
    ran = CliRunner().invoke(bench, command)
    assert ran.exit_code == 1
    assert "name them with --data" in ran.output
    ran = CliRunner().invoke(bench, [*command, "--data", str(drawn), "--delegates", "none"])
    assert ran.exit_code == 1
    assert "remove `none`" in ran.output


def test_a_detector_alone_is_timed_in_its_three_parts(drawn: Path, tmp_path: Path) -> None:
    options = ["--runs", "20", "--out", str(tmp_path)]
    ran = CliRunner().invoke(bench, ["latency", "person", "tiny", *options, "--data", str(drawn)])
    assert ran.exit_code == 0, ran.output
    assert "with letterbox and decoding" in ran.output
    [path] = (tmp_path / "detectors").glob("*.json")
    assert path.name == "person.int8.latency.host.1t.json"
    kept = read_json(DetectorTimes, path)
    assert kept.card.spec.kind == "detector"
    assert kept.latency.input == "person_keypoints.json"
    assert len(kept.latency.prepare_us) == len(kept.latency.invoke_us) == len(kept.latency.decode_us) == 20
    assert min(kept.latency.prepare_us + kept.latency.decode_us) > 0
    assert kept.environment.ran is not None
    # the records of pose networks beside it open as before
    assert [type(r.measured) for r in results_folder.load_all(tmp_path)] == [Latency]
