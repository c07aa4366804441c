"""Annotated boxes beside a detector's: the page, the text and the CSV show the difference that `accuracy` prints."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from html_page import accuracy, read

from poseport.bench import results_folder
from poseport.bench.decide.chain import chain_difference, chains
from poseport.bench.formatting import signed, span
from poseport.bench.record import Result
from poseport.bench.report.page import gather
from poseport.bench.report.report import write_report
from poseport.command.cli import main


@pytest.fixture(scope="module")
def both(drawn: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[Result]]:
    """What the command said, and its two records."""
    out = tmp_path_factory.mktemp("chain")
    done = CliRunner().invoke(
        main, ["bench", "accuracy", "tiny", "--data", str(drawn), "--detector", "person", "--out", str(out)]
    )
    assert done.exit_code == 0, done.output
    return done.output, results_folder.load_all(out)


def test_every_form_shows_the_pair(both: tuple[str, list[Result]], tmp_path: Path) -> None:
    said, records = both
    found, given = sorted(records, key=lambda r: accuracy(r).boxes)
    raw = chain_difference(accuracy(given), accuracy(found))
    assert raw.low < raw.value < raw.high
    d = raw.times(100)
    assert f"AP {d.value:+.1f} points" in said
    aps = [f"{100 * (accuracy(r).metrics['OKS-AP'] or 0):.1f}" for r in (given, found)]
    cells = [given.model.name, "person_keypoints.json", "person.int8.tflite", *aps, f"{signed(d.value)} ({span(d)})"]
    [table] = gather(records, pictures=False, photos=False).detected
    assert list(table.rows[0]) == cells
    for suffix in ("md", "html", "csv"):
        write_report(records, tmp_path / f"r.{suffix}")
    assert " | ".join(cells[2:]) in (tmp_path / "r.md").read_text()
    assert all(cell in read(tmp_path / "r.html").text for cell in cells[3:])
    with open(tmp_path / "r.csv", newline="") as file:
        rows = {r["metric"]: r for r in csv.DictReader(file) if r["metric"].startswith("OKS-AP minus")}
    name = "OKS-AP minus that with annotated boxes"
    values = {name: raw.value, f"{name} 95 % from": raw.low, f"{name} 95 % to": raw.high}
    assert {key: float(row["value"]) for key, row in rows.items()} == {
        k: pytest.approx(v, abs=1e-6) for k, v in values.items()
    }
    assert {row["boxes"] for row in rows.values()} == {"detections person.int8.tflite"}


def test_only_what_differs_in_boxes_alone_is_a_pair(both: tuple[str, list[Result]]) -> None:
    found, given = sorted(both[1], key=lambda r: accuracy(r).boxes)
    a = accuracy(given)
    elsewhere = replace(a.detections, image_ids=tuple(i + 10**6 for i in a.detections.image_ids))
    moved = tuple(replace(person, image_id=person.image_id + 10**6) for person in a.people)
    others = [
        replace(given, model=replace(given.model, sha256="0" * 64)),
        replace(given, environment=replace(given.environment, device="phone")),
        replace(given, measured=replace(a, flip=True)),
        replace(given, measured=replace(a, boxes="ground truth, edges moved up to 10 %, seed 0")),
        replace(given, measured=replace(a, data=replace(a.data, sha256="0" * 64))),
        replace(given, measured=replace(a, metrics={"OKS-AP": None})),
        replace(given, measured=replace(a, detections=elsewhere, people=moved)),
    ]
    for other in others:
        assert chains([found, other]) == []
    assert gather([found, others[0]], pictures=False, photos=False).detected == []
    assert len(chains([given, found])) == 1
