"""A page out of real records: whole, offline, and saying what the records say."""

from __future__ import annotations

import base64
import csv
import json
import math
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from poseport import crop, pose
from poseport.bench import accuracy as measure
from poseport.bench import boxes, results_folder
from poseport.bench.cli import bench
from poseport.bench.decide.bootstrap import Interval
from poseport.bench.decide.decision import LossBudget
from poseport.bench.decide.gate import gate
from poseport.bench.formatting import figures
from poseport.bench.record import Accuracy, Latency, Result
from poseport.bench.report import body_plot, costs, heatmaps, photos, plots, set_plots
from poseport.bench.report.grouping import Timed, ap_interval
from poseport.bench.report.page import gather
from poseport.bench.report.report import write_report
from poseport.data.images import read_image
from poseport.data.people import People
from poseport.skeletons import COCO17
from poseport.tflite import runner

VOID = {"meta", "img", "br", "hr", "link", "wbr"}
LOADS = {"src", "href", "xlink:href", "action", "data", "srcset", "poster"}


@dataclass
class Read(HTMLParser):
    """A page as a browser would meet it. open: tags that were never closed."""

    open: list[str] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    images: list[dict[str, str | None]] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in LOADS]
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1] == tag, f"</{tag}> closes <{self.open[-1]}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "title", "script"):
            self.text += data.replace("\N{NO-BREAK SPACE}", " ")


def read(path: Path) -> Read:
    page = Read()
    page.feed(path.read_text(encoding="utf-8"))
    page.close()
    return page


def accuracy(record: Result) -> Accuracy:
    assert isinstance(record.measured, Accuracy)
    return record.measured


@pytest.fixture(scope="module")
def page(records: list[Result], tmp_path_factory: pytest.TempPathFactory) -> Read:
    out = tmp_path_factory.mktemp("report") / "report.html"
    write_report(records, out)
    return read(out)


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


def test_a_pck_curve_goes_through_the_pck_of_the_record(records: list[Result]) -> None:
    m = accuracy(records[1])
    thresholds, share = set_plots.pck_curve(m)
    for threshold in (0.05, 0.1, 0.2):
        at = int(np.argmin(abs(thresholds - threshold)))
        # errors are kept to a hundredth of a pixel
        assert share[at] == pytest.approx(m.metrics[f"PCK@{threshold}/box"], abs=0.01)
    assert (np.diff(share) >= 0).all()


def test_visible_and_hidden_keypoints_have_a_table(page: Read, records: list[Result]) -> None:
    assert "by size and by visibility" in page.text
    hidden = accuracy(records[1]).metrics["PCK@0.1/box hidden"]
    assert hidden is not None
    assert f"{100 * hidden:.1f}" in page.text


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


def test_report_and_gate_give_the_same_interval(page: Read, records: list[Result]) -> None:
    [decision] = gate(records[:1], records[1:2], LossBudget(ap=1.0))
    d = decision.difference
    text = f"{d.value:+.1f} ({d.low:+.1f} to {d.high:+.1f})".replace("-", "\N{MINUS SIGN}")
    assert text in page.text
    assert ": a loss." in page.text
    assert re.search(r"PCK@0\.1/box on person_keypoints\.json.*a loss\.", page.text, re.DOTALL)
    assert "Latency against float32, host XNNPACK, 1 thread" in page.text


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


def test_heatmaps_stand_below_the_poses(
    page: Read, records: list[Result], tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    assert "Heatmaps need the files themselves; not found: tiny.float32" in page.text
    write_report(records, tmp_path / "r.html", files=heatmaps.find_files([tiny_models["int8"].parent]))
    found = read(tmp_path / "r.html")
    assert "Heatmaps need" not in found.text
    for image in found.images:
        assert (image["alt"] or "").endswith("heatmaps of each")
        raw = base64.b64decode((image["src"] or "").partition(",")[2])
        picture = cv2.imdecode(np.frombuffer(raw, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None
        assert picture.shape[:2] == (photos.PHOTO_HW[0] + 4 + photos.PHOTO_HW[1], 2 * photos.PHOTO_HW[1] + 4)


def test_a_heatmap_peaks_where_the_file_finds_the_keypoint(people: People, tiny_models: dict[str, Path]) -> None:
    model, person = runner.load(tiny_models["int8"]), people.persons[0]
    image, box = read_image(person.image_path), np.array(person.box_xywh)
    shown = np.arange(len(COCO17)) != 3
    cut, maps = heatmaps.look(model, image, box, False, shown)
    assert maps is not None
    assert cut.shape == (*model.spec.input_hw, 3)
    assert (np.isnan(maps).all(axis=(0, 1)) == ~shown).all()
    matrix = pose.preprocess(model.spec, image, box)[1]
    found = crop.move_points(model(image, box[None])[0, :, :2], matrix)
    for k in np.flatnonzero(shown):
        v, u = np.unravel_index(np.argmax(maps[..., k]), maps.shape[:2])
        centre = 4 * np.array([u, v]) + 1.5
        assert np.abs(found[k] - centre).max() < 4  # refined within a cell
    mirrored = heatmaps.look(model, image, box, True, shown)[1]
    assert mirrored is not None
    assert not np.allclose(mirrored[..., 0], maps[..., 0])


def test_a_models_path_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"gone\.tflite: does not exist"):
        heatmaps.find_files([tmp_path / "gone.tflite"])


def test_a_drawn_person_shows_what_more_than_chance_lost() -> None:
    changes = {
        "left_wrist": Interval(-4.0, -6.0, -2.0), "right_wrist": Interval(-4.0, -9.0, 1.0),
        "left_knee": Interval(3.0, 1.0, 5.0), "right_knee": Interval(math.nan, math.nan, math.nan),
    }  # fmt: skip
    svg = body_plot.drawing(changes, COCO17, "a <title>")
    assert "a &lt;title&gt;" in svg
    tones = {name: tone for tone, name in re.findall(r'<g class="(\w+)"><title>(\w+ \w+):', svg)}
    assert tones == {"left wrist": "loss", "right wrist": "none", "left knee": "gain"}
    x = {name: float(x) for name, x in re.findall(r'<title>(\w+ \w+):[^<]*</title><circle cx="(\d+)"', svg)}
    assert x["left wrist"] > x["right wrist"]  # it faces the viewer
    assert body_plot.drawing(changes | {"tail": Interval(0.0, 0.0, 0.0)}, COCO17, "") == ""
    assert body_plot.drawing({}, COCO17, "") == ""


def test_energy_is_the_multiply_adds_by_type() -> None:
    assert costs.microjoules({"int8": 1_000_000}) == pytest.approx(0.3)
    assert costs.microjoules({"int8": 10**6, "float32": 2 * 10**6}) == pytest.approx(0.3 + 9.2)
    assert costs.microjoules({}) is None
    assert costs.microjoules({"int4": 1}) is None


def test_memory_of_a_phone_is_that_of_the_app(records: list[Result]) -> None:
    timed = records[2].measured
    assert isinstance(timed, Latency)
    assert timed.peak_bytes is not None
    assert timed.before_bytes is not None
    for before, wanted in ((timed.before_bytes, timed.peak_bytes - timed.before_bytes), (None, timed.peak_bytes)):
        one = Timed(records[2].model, records[2].environment, replace(timed, before_bytes=before))
        assert costs.memory_bytes(one) == wanted


def test_every_cost_is_a_column_and_a_plot(records: list[Result]) -> None:
    found = gather(records, pictures=True, photos=False)
    [table] = found.glance
    assert table.header[3:] == ("p90 ms, 1 thread", "Memory MB", "File MB", "Energy proxy µJ")
    assert [row[0] for row in table.rows] == ["tiny.float32", "tiny.int8"]
    energy = [float(row[-1]) for row in table.rows]
    assert energy[0] == pytest.approx(energy[1] * 4.6 / 0.3, rel=0.01)
    assert [len(plots) for plots in found.pareto.values()] == [4]
    other = [replace(r, environment=replace(r.environment, delegate="none")) for r in records[2:]]
    header = gather([*records, *other], pictures=False, photos=False).glance[0].header
    assert {"p90 ms, 1 thread, host XNNPACK", "p90 ms, 1 thread, host none"} <= set(header)


def test_without_photos_the_figures_stay(records: list[Result], tmp_path: Path) -> None:
    write_report(records, tmp_path / "r.html", images=False)
    found = read(tmp_path / "r.html")
    assert found.images == []
    assert len(re.findall(r"Image \d+, annotation \d+: OKS", found.text)) == 6
    assert "no picture" not in found.text


def test_a_missing_image_is_said_and_the_rest_stands(records: list[Result], people: People, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    shutil.copytree(people.persons[0].image_path.parent, folder)
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


def test_several_sets_stand_apart(scored: Callable[..., Result], tmp_path: Path) -> None:
    sides = [("float32", 0.0), ("int8", 0.05)]
    records = [scored(recipe, own=own, seed=1, only=only) for recipe, own in sides for only in ((), COCO17.body)]
    found = gather(records, pictures=False, photos=False)
    assert len(found.accuracy) == len(found.compared) == 2
    assert "all 17 keypoints" in found.accuracy[0].caption
    assert "12 of 17 keypoints" in found.accuracy[1].caption
    assert any("scores a part of the keypoints" in caveat for caveat in found.caveats)
    assert len(found.compared[1].keypoints.rows) == 12


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


def test_one_kind_of_record_is_enough(records: list[Result], tmp_path: Path) -> None:
    for part, said in ((records[2:], "No accuracy was measured"), (records[:2], "No latency was measured")):
        write_report(part, tmp_path / "r.html")
        assert said in read(tmp_path / "r.html").text
        write_report(part, tmp_path / "r.md")
    caveats = " ".join(gather(records[:2], pictures=False, photos=False).caveats)
    assert "Latency" not in caveats
    assert "AP" not in " ".join(gather(records[2:], pictures=False, photos=False).caveats)


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


def test_names_are_text_and_never_markup(records: list[Result], tmp_path: Path) -> None:
    name = "<b>&$x|y$</b>"
    odd = [replace(r, model=replace(r.model, name=name)) if r.model.name == "tiny.int8" else r for r in records]
    write_report(odd, tmp_path / "r.html")
    found = read(tmp_path / "r.html")
    assert "b" not in found.tags
    assert name in found.text
    write_report(odd, tmp_path / "r.md")
    assert "$x\\|y$" in (tmp_path / "r.md").read_text(encoding="utf-8")


def test_own_interval_holds_the_ap(records: list[Result]) -> None:
    found = ap_interval(accuracy(records[0]).detections)
    assert found.low < found.value < found.high
    ap = accuracy(records[0]).metrics["OKS-AP"]
    assert ap is not None
    assert found.value == pytest.approx(100 * ap, abs=1e-3)


def test_undominated_models() -> None:
    def point(name: str, cost: float, ap: float) -> plots.Point:
        return plots.Point(name, "int8", 0, Interval(cost, cost, cost), Interval(ap, ap, ap))

    points = [
        point("slow", 9, 50),
        point("bad", 5, 20),
        point("fast", 1, 30),
        point("twin", 1, 29),
        point("mid", 4, 50),
    ]
    assert [p.name for p in plots.undominated(points)] == ["fast", "mid"]


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
