"""The report as CSV."""

from __future__ import annotations

import csv
from pathlib import Path

from html_page import accuracy

from poseport.bench.record import Result
from poseport.bench.report.report import write_report


def test_a_table_has_every_figure_in_a_row_of_its_own(records: list[Result], tmp_path: Path) -> None:
    write_report(records, tmp_path / "r.csv")
    with open(tmp_path / "r.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    ap = [r for r in rows if r["metric"] == "OKS-AP"]
    assert [(r["model"], r["people"]) for r in ap] == [("tiny.float32", "60"), ("tiny.int8", "60")]
    assert float(ap[1]["value"]) == accuracy(records[1]).metrics["OKS-AP"]
    times = [r for r in rows if r["metric"] == "p50 ms" and r["model"] == "tiny.int8"]
    assert [r["threads"] for r in times] == ["1", "2"]
    assert all(float(r["value"]) > 0 for r in times)
    for name in ("energy proxy uJ", "multiply-adds int8", "OKS-AP 95 % from"):
        assert len([r for r in rows if r["metric"] == name and r["model"] == "tiny.int8"]) == 1
