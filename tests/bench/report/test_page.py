"""A page out of real records: whole, offline, and saying what the records say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from html_page import Read, accuracy, read

from poseport.bench.formatting import figures
from poseport.bench.record import Latency, Result
from poseport.bench.report.page import gather
from poseport.bench.report.report import write_report
from poseport.skeletons import COCO17


def test_the_page_is_whole_and_loads_nothing(page: Read) -> None:
    assert page.open == []
    assert {"link", "iframe", "object"}.isdisjoint(page.tags)
    assert page.loads
    # of SVG, links to shapes in the page itself
    assert all(link.startswith(("data:image/jpeg;base64,", "#")) for link in page.loads)


def test_the_page_says_what_the_records_say(page: Read, records: list[Result]) -> None:
    base, candidate = accuracy(records[0]), accuracy(records[1])
    for record in (base, candidate):
        for name in ("OKS-AP", "OKS-AP50", "PCK@0.1/box", "PCK@0.2/torso"):
            value = record.metrics[name]
            assert value is not None
            assert f"{100 * value:.1f}" in page.text
    for needed in ("tiny.float32", "tiny.int8", records[1].model.sha256, base.data.sha256, "60 people"):
        assert needed in page.text
    m = records[2].measured
    assert isinstance(m, Latency)
    assert figures(m.first_us / 1e3) in page.text
    assert records[2].environment.processor in page.text


def test_visible_and_hidden_keypoints_have_a_table(page: Read, records: list[Result]) -> None:
    assert "by size and by visibility" in page.text
    hidden = accuracy(records[1]).metrics["PCK@0.1/box hidden"]
    assert hidden is not None
    assert f"{100 * hidden:.1f}" in page.text


def test_it_can_be_read_without_eyes(page: Read) -> None:
    assert page.tags.count("caption") == page.tags.count("table")
    plots_drawn = page.tags.count("svg")
    assert plots_drawn == 7  # PCK by threshold; AP against four costs; loss by keypoint, plotted and on a person
    assert page.tags.count("title") == 1 + plots_drawn + len(COCO17)
    assert len(page.images) == 6
    for image in page.images:
        alt = image["alt"]
        assert alt is not None
        assert re.match(r"Image \d+, annotation \d+, with .*float32 OKS 0\.\d\d .*int8 OKS 0\.\d\d", alt)


def test_without_photos_the_figures_stay(records: list[Result], tmp_path: Path) -> None:
    write_report(records, tmp_path / "r.html", images=False)
    found = read(tmp_path / "r.html")
    assert found.images == []
    assert len(re.findall(r"Image \d+, annotation \d+: OKS", found.text)) == 6
    assert "no picture" not in found.text


def test_one_kind_of_record_is_enough(records: list[Result], tmp_path: Path) -> None:
    for part, said in ((records[2:], "No accuracy was measured"), (records[:2], "No latency was measured")):
        write_report(part, tmp_path / "r.html")
        assert said in read(tmp_path / "r.html").text
        write_report(part, tmp_path / "r.md")
    caveats = " ".join(gather(records[:2], pictures=False, photos=False).caveats)
    assert "Latency" not in caveats
    assert "AP" not in " ".join(gather(records[2:], pictures=False, photos=False).caveats)


def test_names_are_text_and_never_markup(records: list[Result], tmp_path: Path) -> None:
    name = "<b>&$x|y$</b>"
    odd = [replace(r, model=replace(r.model, name=name)) if r.model.name == "tiny.int8" else r for r in records]
    write_report(odd, tmp_path / "r.html")
    found = read(tmp_path / "r.html")
    assert "b" not in found.tags
    assert name in found.text
    write_report(odd, tmp_path / "r.md")
    assert "$x\\|y$" in (tmp_path / "r.md").read_text(encoding="utf-8")
