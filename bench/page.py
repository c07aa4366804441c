"""What a report says: words, tables and pictures made of the records. AP and PCK are in points of 100."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from poseport import __version__
from poseport.bench import plots
from poseport.bench.caveats import caveats
from poseport.bench.findings import (
    DataSet,
    Held,
    Timed,
    ap_interval,
    baseline,
    data_sets,
    is_float,
    is_subset,
    same_threads,
    sort_records,
)
from poseport.bench.latency import percentile_ms, whole_ms
from poseport.bench.pck import pck_curves
from poseport.bench.provenance import provenance
from poseport.bench.result import Model, Result
from poseport.bench.statistics import Interval
from poseport.bench.words import NONE, PER_KEYPOINT, Table, figures, plural, points, signed, span
from poseport.bench.worst import Compared, compare

_PARTS = {
    "OKS-AP_medium": "AP medium", "OKS-AP_large": "AP large",
    "PCK@0.1/box visible": "PCK@0.1/box visible", "PCK@0.1/box hidden": "PCK@0.1/box hidden",
}  # fmt: skip
_METRICS = ("OKS-AP50", "OKS-AP75", "OKS-AR", PER_KEYPOINT, "PCK@0.2/torso")


@dataclass(frozen=True)
class Line:
    """One thing that changed. tone: loss, gain or none."""

    what: str
    change: str
    text: str
    tone: str = "none"


@dataclass(frozen=True)
class Change:
    """What one converted file lost and changed."""

    title: str
    lines: list[Line]


@dataclass(frozen=True)
class Page:
    """All that a report says. curves, pareto: data set -> SVG plot or plots. stand_ins: what no phone measured."""

    title: str
    written: str
    changes: list[Change]
    accuracy: list[Table]
    parts: list[Table]
    curves: dict[str, str]
    files: Table
    latency: list[Table]
    stand_ins: list[Table]
    pareto: dict[str, list[str]]
    compared: list[Compared]
    caveats: list[str]
    provenance: list[Table]


def gather(results: Sequence[Result], *, pictures: bool, photos: bool) -> Page:
    """What the records say. pictures: draw the plots. photos: show the people that lost most."""
    _, imitated, imitated_times, _ = sort_records([r for r in results if r.environment.stand_in])
    models, scored, timed, held = sort_records([r for r in results if not r.environment.stand_in])
    sets, places = data_sets(scored), _places(timed)
    return Page(
        title="Pose networks: what conversion cost and what it changed",
        written=f"poseport {__version__}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        changes=[_change(model, models, sets, places) for model in models if not is_float(model)],
        accuracy=[_accuracy_table(data) for data in sets],
        parts=[table for data in sets if (table := _parts_table(data)).rows],
        curves={data.label: pck_curves(data) for data in sets} if pictures else {},
        files=_files_table(models),
        latency=[_latency_table(place, members) for place, members in places.items()] + [_held(h) for h in held],
        stand_ins=[_accuracy_table(data) for data in data_sets(imitated)]
        + [_latency_table(place, members) for place, members in _places(imitated_times).items()],
        pareto={data.label: _pareto(data, places) for data in sets} if pictures else {},
        compared=[compare(data, pair, pictures, photos) for data in sets for pair in data.pairs],
        caveats=caveats(scored, timed, models, sets),
        provenance=provenance(results, sets, models),
    )


def _places(timed: Sequence[Timed]) -> dict[str, list[Timed]]:
    """Times of one place belong in one table."""
    places: dict[str, list[Timed]] = defaultdict(list)
    for one in timed:
        places[one.place].append(one)
    return places


def _change(model: Model, models: Sequence[Model], sets: Sequence[DataSet], places: dict[str, list[Timed]]) -> Change:
    """The summary of one converted file."""
    base = baseline(model, models)
    if base is None:
        text = "no float32 file of the same weights is among the records, so no difference can be given"
        return Change(f"{model.name} ({model.card.conversion.recipe})", [Line("Against float32", NONE, text)])
    lines = []
    for data in sets:
        for pair in data.pairs:
            if pair.candidate.model.sha256 == model.sha256:
                d, count = pair.difference, pair.base.accuracy.data.people
                before, after = (points(s.accuracy.metrics["OKS-AP"]) for s in (pair.base, pair.candidate))
                tone, verdict = _verdict(d)
                text = f"95 % interval {span(d)}: {verdict}. {after} instead of {before}, on {count:,} people."
                lines.append(Line(f"AP on {data.label}", f"{signed(d.value)} points", text, tone))
    megabytes = f"{figures(model.bytes / 1e6)} MB instead of {figures(base.bytes / 1e6)} MB."
    lines.append(Line("Size against float32", f"{100 * model.bytes / base.bytes:.0f} %", megabytes))
    for members in places.values():
        for mine in (t for t in members if t.model.sha256 == model.sha256):
            other = same_threads(mine, members)
            if other:
                a, b = percentile_ms(other.latency, 50), percentile_ms(mine.latency, 50)
                threads = plural(mine.environment.threads, "thread")
                text = f"Median of {figures(b)} ms instead of {figures(a)} ms on {mine.environment.processor}."
                lines.append(Line(f"Latency against float32, {threads}", f"{100 * b / a:.0f} %", text))
    return Change(f"{model.name} against {base.name}", lines)


def _verdict(d: Interval) -> tuple[str, str]:
    if d.low == d.high == 0:
        return "none", "every prediction counts the same"
    if d.high < 0:
        return "loss", "a loss"
    if d.low > 0:
        return "gain", "a gain"
    return "none", "no change that this many people can show"


def _accuracy_table(data: DataSet) -> Table:
    a, every = data.scored[0].accuracy, len(data.scored[0].model.card.spec.skeleton)
    counted = f"{len(a.keypoints)} of {every} keypoints" if is_subset(data.scored[0]) else f"all {every} keypoints"
    people = f"{plural(a.data.people, 'person', 'people')} in {plural(a.data.images, 'image')}"
    boxes = "ground-truth boxes" if a.boxes == "ground truth" else f"boxes from {a.boxes}"
    caption = f"{data.label}: {people}, {counted}, {boxes}, {'averaged with mirrored crops' if a.flip else 'no flip'}"
    rows = []
    for s in data.scored:
        own = ap_interval(s.accuracy.detections)
        d = next((p.difference for p in data.pairs if p.candidate == s), None)
        change = f"{signed(d.value)} ({span(d)})" if d else "baseline" if is_float(s.model) else NONE
        ap = s.accuracy.metrics["OKS-AP"]
        shown = f"{points(ap)} ({own.low:.1f} to {own.high:.1f})" if ap is not None else NONE
        rows.append((s.model.name, shown, change, *(points(s.accuracy.metrics.get(name)) for name in _METRICS)))
    names = (name.removeprefix("OKS-") for name in _METRICS)
    return Table(caption, ("Model", "OKS-AP (95 %)", "ΔAP (95 %)", *names), rows)


def _parts_table(data: DataSet) -> Table:
    """By the person's size (COCO's: more or less than 96 x 96 px) and by visibility, where the set has several."""
    rows = [(s.model.name, *(points(s.accuracy.metrics.get(name)) for name in _PARTS)) for s in data.scored]
    parted = any(len({cell for cell in row[i : i + 2] if cell != NONE}) == 2 for row in rows for i in (1, 3))
    return Table(f"{data.label}, by size and by visibility", ("Model", *_PARTS.values()), rows if parted else [])


def _files_table(models: Sequence[Model]) -> Table:
    rows = []
    for model in models:
        base = baseline(model, models)
        share = NONE if base is None else "baseline" if base == model else f"{100 * model.bytes / base.bytes:.0f} %"
        rows.append((model.name, model.card.conversion.recipe, figures(model.bytes / 1e6), share))
    return Table("Size of each file", ("Model", "Recipe", "MB", "Of float32"), rows)


def _latency_table(place: str, members: Sequence[Timed]) -> Table:
    rows = []
    for t in members:
        base = same_threads(t, members)
        times = [percentile_ms(t.latency, p) for p in (50, 90, 99)]
        share = (
            NONE
            if base is None
            else "baseline"
            if base == t
            else (f"{100 * times[0] / percentile_ms(base.latency, 50):.0f} %")
        )
        whole, peak, before = whole_ms(t.latency, 50), t.latency.peak_bytes, t.latency.before_bytes
        rest = (
            NONE if whole is None else figures(whole),
            figures(t.latency.first_us / 1e3),
            NONE if t.latency.load_us is None else f"{t.latency.load_us / 1e3:.1f}",
            NONE if peak is None or before is None else figures((peak - before) / 1e6),
            f"{len(t.latency.invoke_us):,}",
        )
        rows.append((t.model.name, str(t.environment.threads), *(figures(ms) for ms in times), share, *rest))
    header = ("Model", "Threads", "p50 ms", "p90 ms", "p99 ms", "p50 of float32")
    more = ("Crop to keypoints p50 ms", "First run ms", "Load ms", "Memory MB", "Runs")
    return Table(place, (*header, *more), rows)


def _held(h: Held) -> Table:
    """A run of minutes on end, minute by minute."""
    e, since = h.environment, h.sustained.throttles_from
    slower = "stays within 10 % of its first minute" if since is None else f"throttles from minute {since}"
    rows = [
        (str(m.minute), figures(m.percentile_ms(50)), figures(m.percentile_ms(90)), f"{len(m.invoke_us):,}",
         *(NONE if v is None else f"{v:.0f}" for v in (m.celsius, m.battery, m.clock_mhz)))
        for m in h.sustained.minutes
    ]  # fmt: skip
    caption = f"{h.model.name} minute by minute on {e.device}, {e.delegate}, {plural(e.threads, 'thread')}: {slower}"
    return Table(caption, ("Minute", "p50 ms", "p90 ms", "Runs", "°C", "Battery %", "Clock MHz"), rows)


def _pareto(data: DataSet, places: dict[str, list[Timed]]) -> list[str]:
    """AP against MB, and against the median time with the fewest threads of each place."""
    costs = {"File size (MB)": {s.model.sha256: s.model.bytes / 1e6 for s in data.scored}}
    if all(s.model.zipped for s in data.scored):
        costs["Zipped size (MB)"] = {s.model.sha256: s.model.zipped / 1e6 for s in data.scored}
    for place, members in places.items():
        fewest = min(t.environment.threads for t in members)
        where = "" if len(places) == 1 else f", {place.partition(':')[0]}"
        costs[f"Median time with {plural(fewest, 'thread')} (ms{where})"] = {
            t.model.sha256: percentile_ms(t.latency, 50) for t in members if t.environment.threads == fewest
        }
    drawn = []
    for axis, cost in reversed(costs.items()):
        points = []
        for s in data.scored:
            if s.model.sha256 in cost and s.accuracy.metrics["OKS-AP"] is not None:
                i = ap_interval(s.accuracy.detections)
                recipe = s.model.card.conversion.recipe
                points.append(plots.Point(s.model.name, recipe, cost[s.model.sha256], i.value, i.low, i.high))
        if len(points) > 1:
            drawn.append(plots.pareto(points, axis, f"OKS-AP on {data.label} against {axis[0].lower()}{axis[1:]}"))
    return drawn
