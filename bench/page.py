"""What a report says: words, tables and pictures made of the records. AP and PCK are in points of 100."""

from __future__ import annotations

import datetime
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from poseport import __version__
from poseport.bench import plots
from poseport.bench.findings import (
    DataSet,
    Scored,
    Timed,
    ap_interval,
    baseline,
    data_sets,
    is_float,
    is_subset,
    same_threads,
    sort_records,
)
from poseport.bench.latency import percentile_ms
from poseport.bench.result import Model, Result
from poseport.bench.statistics import Interval
from poseport.bench.words import NONE, PER_KEYPOINT, Table, figures, plural, points, signed, span
from poseport.bench.worst import Compared, compare
from poseport.spec import FineTuning, HeatmapOutput

FEW_PEOPLE = 1000
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
    """All that a report says. pareto: data set -> SVG plots."""

    title: str
    written: str
    changes: list[Change]
    accuracy: list[Table]
    files: Table
    latency: list[Table]
    pareto: dict[str, list[str]]
    compared: list[Compared]
    caveats: list[str]
    provenance: list[Table]


def gather(results: Sequence[Result], *, pictures: bool, photos: bool) -> Page:
    """What the records say. pictures: draw the plots. photos: show the people that lost most."""
    models, scored, timed = sort_records(results)
    sets = data_sets(scored)
    places: dict[str, list[Timed]] = defaultdict(list)
    for one in timed:
        places[one.place].append(one)
    return Page(
        title="Pose networks: what conversion cost and what it changed",
        written=f"poseport {__version__}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        changes=[_change(model, models, sets, places) for model in models if not is_float(model)],
        accuracy=[_accuracy_table(data) for data in sets],
        files=_files_table(models),
        latency=[_latency_table(place, members) for place, members in places.items()],
        pareto={data.label: _pareto(data, places) for data in sets} if pictures else {},
        compared=[compare(data, pair, pictures, photos) for data in sets for pair in data.pairs],
        caveats=_caveats(scored, timed, models, sets),
        provenance=[_environments(results), _annotations(sets), *(_provenance(model) for model in models)],
    )


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
        rest = figures(t.latency.first_us / 1e3), f"{t.latency.load_us / 1e3:.1f}", f"{len(t.latency.invoke_us):,}"
        rows.append((t.model.name, str(t.environment.threads), *(figures(ms) for ms in times), share, *rest))
    header = ("Model", "Threads", "p50 ms", "p90 ms", "p99 ms", "p50 of float32", "First run ms", "Load ms", "Runs")
    return Table(place, header, rows)


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


def _caveats(
    scored: Sequence[Scored], timed: Sequence[Timed], models: Sequence[Model], sets: Sequence[DataSet]
) -> list[str]:
    """What these records do not show; only what applies to them."""
    found = []
    accuracies = [s.accuracy for s in scored]
    if accuracies:
        found.append(
            "AP compares only on the same annotations file (its sha256 is below), boxes and keypoints. Where a set has "
            "no measured areas of people, its AP is on a scale of its own and not comparable with COCO's."
        )
        found.append(
            "Intervals say what other images of the same kind would have given; another training run differs as well."
        )
    if any(a.boxes == "ground truth" for a in accuracies):
        found.append("Crops come from annotated boxes. With a detector's boxes AP is lower, often by several points.")
    if any(a.boxes != "ground truth" for a in accuracies):
        found.append("With detected boxes, a person whom the detector missed counts as missed by the network.")
    if any(not a.flip for a in accuracies):
        found.append("Without flip averaging. Published figures mostly have it, which adds about 1 to 5 points of AP.")
    if any(a.flip for a in accuracies):
        found.append("Flip averaging runs the network twice a person: such a figure takes twice the latency shown.")
    counts = {data.label: data.scored[0].accuracy.data.people for data in sets}
    small = [f"{label} ({count:,})" for label, count in counts.items() if count < FEW_PEOPLE]
    if small:
        found.append(f"Fewer than {FEW_PEOPLE:,} people, so that intervals are wide: {'; '.join(small)}.")
    for data in sets:
        if is_subset(data.scored[0]):
            names = ", ".join(data.scored[0].accuracy.keypoints)
            found.append(f"{data.label} scores a part of the keypoints only ({names}); figures of the full set differ.")
    if any(t.environment.device == "host" for t in timed):
        found.append(
            "Latency on a host says nothing about a phone's, least of all that of int8: x86 runs it with other kernels "
            "and instructions than ARM, and a phone's GPU or NPU differs again."
        )
    if timed:
        found.append("Latency is the network alone, one crop at a time; reading, cropping and decoding come on top.")
    if len({t.place for t in timed}) > 1:
        found.append("Latency comes from more than one processor or runtime; compare within a table only.")
    if any(t.environment.threads > t.environment.cores for t in timed):
        found.append("Some times were taken with more threads than there are cores.")
    busy = sorted({t.model.name for t in timed if percentile_ms(t.latency, 90) > 1.5 * percentile_ms(t.latency, 50)})
    if busy:
        found.append(f"p90 is far above p50 for {', '.join(busy)}: the machine was busy; measure again when idle.")
    alone = [m.name for m in models if baseline(m, models) is None]
    if alone:
        found.append(f"No float32 file of the same weights was measured for {', '.join(alone)}.")
    called = [m.name for m in models]
    for name in sorted({n for n in called if called.count(n) > 1}):
        found.append(f"{name} stands for {called.count(name)} different files; their sha256 tell them apart.")
    return found


def _environments(results: Sequence[Result]) -> Table:
    rows: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for e in (r.environment for r in results):
        rows[(e.device, e.processor, str(e.cores), e.system, e.runtime, e.delegate, e.poseport)].append(e.time)
    header = ("Device", "Processor", "Cores", "System", "Runtime", "Delegate", "poseport", "Measured")
    body = [(*key, f"{min(t)} to {max(t)}" if min(t) < max(t) else t[0]) for key, t in rows.items()]
    return Table("Where it was measured", header, body, numeric=False)


def _annotations(sets: Sequence[DataSet]) -> Table:
    data = [(d.label, d.scored[0].accuracy.data) for d in sets]
    rows = [(label, str(one.people), str(one.images), one.sha256) for label, one in data]
    return Table("On whom", ("Data set", "People", "Images", "sha256 of the annotations"), rows, numeric=False)


def _finetuned(how: FineTuning) -> str:
    return (
        f"{plural(how.people, 'person', 'people')}, {plural(how.epochs, 'epoch', 'epochs')}, "
        f"annotations sha256 {how.annotations_sha256}"
    )


def _provenance(model: Model) -> Table:
    spec, made = model.card.spec, model.card.conversion
    h, w = spec.input_hw
    output = f"{spec.output.kind} {' x '.join(map(str, spec.output_shape))}"
    if isinstance(spec.output, HeatmapOutput):
        output += f", {spec.output.values}, stride {spec.output.stride}, decoded by {spec.output.decode.method}"
    calibration = "none"
    if made.calibration:
        calibration = (
            f"{plural(len(made.calibration.people), 'person', 'people')}, seed {made.calibration.seed}, "
            f"annotations sha256 {made.calibration.annotations_sha256}"
        )
    rows = [
        ("File sha256", model.sha256),
        ("Size", f"{model.bytes:,} bytes"),
        ("Recipe", made.recipe),
        ("Engine", made.engine),
        ("Versions", ", ".join(f"{name} {version}" for name, version in made.versions.items())),
        ("Calibration", calibration),
        *([("Trained as int8", _finetuned(made.finetuning))] if made.finetuning else []),
        ("Weights sha256", made.weights_sha256),
        ("Network", f"{spec.name}, {spec.family}, skeleton {spec.skeleton.name}"),
        ("Input", f"{w} x {h} (width x height) {spec.channel_order.upper()}, box padded by {spec.padding:g}"),
        ("Output", output),
    ]
    for number, later in enumerate(model.card.later, 2):
        rows.append((f"Stage {number}", f"{later.name}, weights sha256 {later.weights_sha256}"))
    return Table(model.name, ("Item", "Value"), rows, numeric=False)
