"""Reports as files and from the command line, and what is refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from html_page import Read, read

from poseport.bench import results_folder
from poseport.bench.cli import bench
from poseport.bench.record import Result
from poseport.bench.report.page import gather
from poseport.bench.report.report import write_report


def test_markdown_has_the_same_figures_and_no_pictures(records: list[Result], page: Read, tmp_path: Path) -> None:
    write_report(records, tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "<" not in text
    assert "data:" not in text
    for table in gather(records, pictures=False, photos=False).accuracy:
        for row in table.rows:
            assert "| " + " | ".join(row) + " |" in text
            assert all(cell in page.text for cell in row)
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({line.count("|") for line in block.splitlines()}) == 1


@pytest.mark.parametrize("name", ["report.pdf", "report", "report.html.txt"])
def test_another_ending_is_refused(records: list[Result], tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=r"ends in \.html, \.md or \.csv"):
        write_report(records, tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_report_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no records"):
        write_report([], tmp_path / "r.html")


def test_a_place_that_cannot_be_written_is_one_line(records: list[Result], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"r\.md: cannot be written"):
        write_report(records, tmp_path / "file" / "r.md")


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_extra_names_the_command(
    records: list[Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ValueError, match=rf"needs {package}; run `pip install poseport\[report\]`"):
        write_report(records, tmp_path / "r.html")
    write_report(records, tmp_path / "r.md")
    assert [p.name for p in tmp_path.iterdir()] == ["r.md"]


def test_the_command(records: list[Result], tmp_path: Path) -> None:
    for record in records:
        results_folder.save(record, tmp_path / "results")
    out = tmp_path / "new" / "report.html"
    ran = CliRunner().invoke(bench, ["report", str(tmp_path / "results"), "--out", str(out), "--no-photos"])
    assert ran.exit_code == 0, ran.output
    assert "6 records" in ran.output
    assert read(out).images == []
    ran = CliRunner().invoke(bench, ["report", str(tmp_path / "empty"), "--out", str(out)])
    assert ran.exit_code == 1
    assert "holds no results" in ran.output


def test_all_in_one_go(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    files = [str(path) for path in tiny_models.values()]
    more = ["--data", str(drawn), "--keypoints", "body", "--runs", "20", "--out", str(out), "--json"]
    ran = CliRunner().invoke(bench, ["all", *files, *more])
    assert ran.exit_code == 0, ran.output
    assert json.loads(ran.stdout) == {"report": str(out / "report.html"), "records": 4}
    found = read(out / "report.html")
    assert "12 of 17 keypoints" in found.text
    assert "p90 ms, 1 thread" in found.text
