"""Records -> a page to hand on: what conversion cost, what it changed, and what the figures do not say.

`gather` makes words, tables and pictures of the records; the template (HTML) and `_markdown` only lay
them out. AP and PCK are in points of 100 throughout.
"""

from __future__ import annotations

import base64
import datetime
import functools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseport import __version__
from poseport.bench import plots
from poseport.bench.latency import percentile_ms
from poseport.bench.result import Accuracy, Detections, Environment, Latency, Model, PersonSample, Result
from poseport.bench.statistics import Interval, ap_difference, average_precision
from poseport.images import read_image
from poseport.records import write_whole
from poseport.spec import HeatmapOutput

WORST = 6
FELL = 0.05  # OKS that a person must have lost to be shown: less cannot be seen in a picture
FEW_PEOPLE = 1000
PER_KEYPOINT = "PCK@0.1/box"
_METRICS = ("OKS-AP50", "OKS-AP75", "OKS-AR", PER_KEYPOINT, "PCK@0.2/torso")
_NONE = "—"


@dataclass(frozen=True)
class Table:
    """The first cell of a row names it. numeric: the other cells are figures."""

    caption: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numeric: bool = True


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
class Worse:
    """A person whose OKS fell. photo: a data URI, or None; then `problem` says why, unless photos are not wanted."""

    cells: tuple[str, ...]
    alt: str
    photo: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Compared:
    """A converted file beside its float32 file on one data set. plot: SVG, empty where there is none."""

    title: str
    plot: str
    keypoints: Table
    worst: list[Worse]


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


@dataclass(frozen=True)
class Scored:
    """An accuracy record."""

    model: Model
    environment: Environment
    accuracy: Accuracy


@dataclass(frozen=True)
class Timed:
    """A latency record."""

    model: Model
    environment: Environment
    latency: Latency

    @property
    def place(self) -> str:
        """Where it was taken; times of two places do not compare."""
        e = self.environment
        return f"{e.device}: {e.processor}, {e.cores} cores, {e.system}, {e.runtime}, {e.delegate}"


@dataclass(frozen=True)
class Pair:
    """A converted file and the float32 file of the same weights, on the same people. difference: in points."""

    base: Scored
    candidate: Scored
    difference: Interval


@dataclass(frozen=True)
class DataSet:
    """What was measured on the same people in the same way."""

    label: str
    scored: list[Scored]
    pairs: list[Pair]


def write_report(results: Sequence[Result], out: Path, *, images: bool = True) -> None:
    """Write the page of some records, whole or not at all.

    out: ends in .html (one file, nothing loaded from elsewhere) or .md (the same words and tables, no
    pictures). images: show crops of the people that lost most, otherwise their figures alone.
    Raises ValueError for another ending, no record, or a package that an HTML page needs and is missing.
    """
    out = Path(out)
    if out.suffix not in (".html", ".md"):
        raise ValueError(f"{out}: a report ends in .html or .md; name it report.html")
    if not results:
        raise ValueError("no records to report; `poseport bench accuracy` and `poseport bench latency` write them")
    if out.suffix == ".md":
        text = _markdown(gather(results, pictures=False, photos=False))
    else:
        try:
            import jinja2
            import matplotlib  # noqa: F401
        except ImportError as error:
            raise ValueError(f"{out}: an HTML page needs {error.name}; run `pip install poseport[report]`") from None
        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(Path(__file__).parent),
            autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined,
        )  # fmt: skip
        page = gather(results, pictures=True, photos=images)
        text = environment.get_template("report.html.jinja").render(page=page)
    write_whole(out, text.encode())


def gather(results: Sequence[Result], *, pictures: bool, photos: bool) -> Page:
    """What the records say. pictures: draw the plots. photos: show the people that lost most."""
    models, scored, timed = _sorted(results)
    sets = _data_sets(scored)
    places: dict[str, list[Timed]] = defaultdict(list)
    for one in timed:
        places[one.place].append(one)
    return Page(
        title="Pose networks: what conversion cost and what it changed",
        written=f"poseport {__version__}, {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC",
        changes=[_change(model, models, sets, places) for model in models if not _is_float(model)],
        accuracy=[_accuracy_table(data) for data in sets],
        files=_files_table(models),
        latency=[_latency_table(place, members) for place, members in places.items()],
        pareto={data.label: _pareto(data, places) for data in sets} if pictures else {},
        compared=[_compared(data, pair, pictures, photos) for data in sets for pair in data.pairs],
        caveats=_caveats(scored, timed, models, sets),
        provenance=[_environments(results), _annotations(sets), *(_provenance(model) for model in models)],
    )


def _is_float(model: Model) -> bool:
    return model.card.conversion.recipe == "float32"


def _baseline(model: Model, among: Sequence[Model]) -> Model | None:
    """The float32 file of the same weights."""
    weights = model.card.conversion.weights_sha256
    return next((m for m in among if _is_float(m) and m.card.conversion.weights_sha256 == weights), None)


def _sorted(results: Sequence[Result]) -> tuple[list[Model], list[Scored], list[Timed]]:
    """Every file once, its accuracy and latency records; a float32 file comes before those of the same weights."""

    def key(m: Model) -> tuple[object, ...]:
        return m.card.spec.name, m.card.conversion.weights_sha256, not _is_float(m), m.name, m.sha256

    ordered = sorted(results, key=lambda r: (*key(r.model), r.environment.threads))
    models = list({r.model.sha256: r.model for r in ordered}.values())
    scored = [Scored(r.model, r.environment, m) for r in ordered if isinstance(m := r.measured, Accuracy)]
    timed = [Timed(r.model, r.environment, m) for r in ordered if isinstance(m := r.measured, Latency)]
    return models, scored, timed


def _data_sets(scored: Sequence[Scored]) -> list[DataSet]:
    """Records that were taken on the same people in the same way, under a name that says what sets them apart."""
    grouped: dict[tuple[object, ...], list[Scored]] = defaultdict(list)
    for s in scored:
        a = s.accuracy
        data = a.data.file, a.data.sha256, a.data.people  # not the folder: it may have moved
        grouped[(data, a.boxes, a.flip, a.keypoints, s.environment.device)].append(s)
    named = {(s.accuracy.data.file, s.accuracy.data.sha256) for s in scored}
    sets: list[DataSet] = []
    # the whole set before parts of its keypoints
    for members in sorted(grouped.values(), key=lambda m: (m[0].accuracy.data.file, -len(m[0].accuracy.keypoints))):
        a, device = members[0].accuracy, members[0].environment.device
        parts = [
            a.data.file,
            a.data.sha256[:6] if sum(file == a.data.file for file, _ in named) > 1 else "",
            f"{len(a.keypoints)} keypoints" if _is_subset(members[0]) else "",
            "flip" if a.flip else "",
            a.boxes if a.boxes != "ground truth" else "",
            device if device != "host" else "",
        ]
        label = ", ".join(part for part in parts if part)
        if label in {data.label for data in sets}:  # other keypoints, but as many
            label += f" ({len(sets) + 1})"
        sets.append(DataSet(label, members, _pairs(members)))
    return sets


def _pairs(members: Sequence[Scored]) -> list[Pair]:
    """Every converted file with its float32 file, where both have an AP."""
    found = []
    for candidate in members:
        model = _baseline(candidate.model, [s.model for s in members])
        base = next((s for s in members if s.model == model), None)
        known = base and base.accuracy.metrics["OKS-AP"] is not None
        if base and known and not _is_float(candidate.model) and candidate.accuracy.metrics["OKS-AP"] is not None:
            raw = ap_difference(base.accuracy, candidate.accuracy)  # as the gate draws it: the two agree
            found.append(Pair(base, candidate, Interval(100 * raw.value, 100 * raw.low, 100 * raw.high)))
    return found


def _is_subset(scored: Scored) -> bool:
    return len(scored.accuracy.keypoints) < len(scored.model.card.spec.skeleton)


def _change(model: Model, models: Sequence[Model], sets: Sequence[DataSet], places: dict[str, list[Timed]]) -> Change:
    """The summary of one converted file."""
    base = _baseline(model, models)
    if base is None:
        text = "no float32 file of the same weights is among the records, so no difference can be given"
        return Change(f"{model.name} ({model.card.conversion.recipe})", [Line("Against float32", _NONE, text)])
    lines = []
    for data in sets:
        for pair in data.pairs:
            if pair.candidate.model.sha256 == model.sha256:
                d, count = pair.difference, pair.base.accuracy.data.people
                before, after = (_points(s.accuracy.metrics["OKS-AP"]) for s in (pair.base, pair.candidate))
                tone, verdict = _verdict(d)
                text = f"95 % interval {_range(d)}: {verdict}. {after} instead of {before}, on {count:,} people."
                lines.append(Line(f"AP on {data.label}", f"{_signed(d.value)} points", text, tone))
    megabytes = f"{_figures(model.bytes / 1e6)} MB instead of {_figures(base.bytes / 1e6)} MB."
    lines.append(Line("Size against float32", f"{100 * model.bytes / base.bytes:.0f} %", megabytes))
    for members in places.values():
        for mine in (t for t in members if t.model.sha256 == model.sha256):
            other = _same_threads(mine, members)
            if other:
                a, b = percentile_ms(other.latency, 50), percentile_ms(mine.latency, 50)
                threads = _plural(mine.environment.threads, "thread")
                text = f"Median of {_figures(b)} ms instead of {_figures(a)} ms on {mine.environment.processor}."
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


def _same_threads(timed: Timed, members: Sequence[Timed]) -> Timed | None:
    """The time of the float32 file with as many threads in the same place."""
    fitting = [t for t in members if t.environment.threads == timed.environment.threads]
    base = _baseline(timed.model, [t.model for t in fitting])
    return next((t for t in fitting if t.model == base), None)


def _accuracy_table(data: DataSet) -> Table:
    a, every = data.scored[0].accuracy, len(data.scored[0].model.card.spec.skeleton)
    counted = f"{len(a.keypoints)} of {every} keypoints" if _is_subset(data.scored[0]) else f"all {every} keypoints"
    people = f"{_plural(a.data.people, 'person', 'people')} in {_plural(a.data.images, 'image')}"
    boxes = "ground-truth boxes" if a.boxes == "ground truth" else f"boxes from {a.boxes}"
    caption = f"{data.label}: {people}, {counted}, {boxes}, {'averaged with mirrored crops' if a.flip else 'no flip'}"
    rows = []
    for s in data.scored:
        own = ap_interval(s.accuracy.detections)
        d = next((p.difference for p in data.pairs if p.candidate == s), None)
        change = f"{_signed(d.value)} ({_range(d)})" if d else "baseline" if _is_float(s.model) else _NONE
        ap = s.accuracy.metrics["OKS-AP"]
        shown = f"{_points(ap)} ({own.low:.1f} to {own.high:.1f})" if ap is not None else _NONE
        rows.append((s.model.name, shown, change, *(_points(s.accuracy.metrics.get(name)) for name in _METRICS)))
    names = (name.removeprefix("OKS-") for name in _METRICS)
    return Table(caption, ("Model", "OKS-AP (95 %)", "ΔAP (95 %)", *names), rows)


@functools.lru_cache(maxsize=64)  # the table and each plot ask for the same
def ap_interval(found: Detections, *, resamples: int = 500, seed: int = 0) -> Interval:
    """A file's own OKS-AP in points, with the 95 % interval of a bootstrap over images."""
    count = len(found.image_ids)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), resamples)
    drawn = 100 * average_precision(found, weights)
    value = 100 * float(average_precision(found, np.ones(count))[0])
    if not np.isfinite(drawn).any():
        return Interval(math.nan, math.nan, math.nan)
    return Interval(value, *(float(v) for v in np.nanpercentile(drawn, [2.5, 97.5])))


def _files_table(models: Sequence[Model]) -> Table:
    rows = []
    for model in models:
        base = _baseline(model, models)
        share = _NONE if base is None else "baseline" if base == model else f"{100 * model.bytes / base.bytes:.0f} %"
        rows.append((model.name, model.card.conversion.recipe, _figures(model.bytes / 1e6), share))
    return Table("Size of each file", ("Model", "Recipe", "MB", "Of float32"), rows)


def _latency_table(place: str, members: Sequence[Timed]) -> Table:
    rows = []
    for t in members:
        base = _same_threads(t, members)
        times = [percentile_ms(t.latency, p) for p in (50, 90, 99)]
        share = (
            _NONE
            if base is None
            else "baseline"
            if base == t
            else (f"{100 * times[0] / percentile_ms(base.latency, 50):.0f} %")
        )
        rest = _figures(t.latency.first_us / 1e3), f"{t.latency.load_us / 1e3:.1f}", f"{len(t.latency.invoke_us):,}"
        rows.append((t.model.name, str(t.environment.threads), *(_figures(ms) for ms in times), share, *rest))
    header = ("Model", "Threads", "p50 ms", "p90 ms", "p99 ms", "p50 of float32", "First run ms", "Load ms", "Runs")
    return Table(place, header, rows)


def _pareto(data: DataSet, places: dict[str, list[Timed]]) -> list[str]:
    """AP against MB, and against the median time with the fewest threads of each place."""
    costs = {"File size (MB)": {s.model.sha256: s.model.bytes / 1e6 for s in data.scored}}
    for place, members in places.items():
        fewest = min(t.environment.threads for t in members)
        where = "" if len(places) == 1 else f", {place.partition(':')[0]}"
        costs[f"Median time with {_plural(fewest, 'thread')} (ms{where})"] = {
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


def _compared(data: DataSet, pair: Pair, pictures: bool, photos: bool) -> Compared:
    base, candidate = pair.base, pair.candidate
    title = f"{candidate.model.name} against {base.model.name} on {data.label}"
    names = base.accuracy.keypoints
    sides = [s.accuracy.by_keypoint.get(PER_KEYPOINT, (None,) * len(names)) for s in (base, candidate)]
    before, after = (np.array([math.nan if v is None else 100 * v for v in side]) for side in sides)
    labels = np.array([[e is not None for e in p.errors_px] for p in base.accuracy.people]).sum(axis=0)
    rows = [
        (name.replace("_", " "), f"{n:,}", *(f"{v:.1f}" if math.isfinite(v) else _NONE for v in (a, b)), _signed(b - a))
        for name, n, a, b in zip(names, labels, before, after, strict=True)
    ]
    legend = base.model.card.conversion.recipe, candidate.model.card.conversion.recipe
    header = ("Keypoint", "Labels", *legend, "Change")
    plot = ""
    if pictures and np.isfinite(before).any():
        plot = plots.dumbbell(
            names, before.tolist(), after.tolist(), legend, f"{PER_KEYPOINT} (of 100)", f"{PER_KEYPOINT}, {title}"
        )
    return Compared(title, plot, Table(f"{PER_KEYPOINT} of each keypoint", header, rows), _worst(pair, photos))


def _worst(pair: Pair, photos: bool) -> list[Worse]:
    """The people whose OKS fell most."""
    before = {(p.image_id, p.annotation_id): p for p in pair.base.accuracy.people if p.oks is not None}
    fallen = []
    for after in pair.candidate.accuracy.people:
        first = before.get((after.image_id, after.annotation_id))
        if first and first.oks is not None and after.oks is not None and first.oks - after.oks >= FELL:
            fallen.append((after.oks - first.oks, first, after))
    fallen.sort(key=lambda one: one[0])
    return [_worse(pair, first, after, photos) for _, first, after in fallen[:WORST]]


def _worse(pair: Pair, first: PersonSample, after: PersonSample, photos: bool) -> Worse:
    oks = [f"{p.oks:.2f}" for p in (first, after)]
    recipes = [s.model.card.conversion.recipe for s in (pair.base, pair.candidate)]
    person = f"Image {after.image_id}, annotation {after.annotation_id}"
    cells = (person, *oks, _signed(float(oks[1]) - float(oks[0]), 2))
    shown = [f"{recipe} OKS {value}" for recipe, value in zip(recipes, oks, strict=True)]
    alt = f"{person}, with the pose of {shown[0]} beside that of {shown[1]}"
    if not photos:
        return Worse(cells, alt)
    skeleton = pair.base.model.card.spec.skeleton
    # what OKS counts is what is shown: points without a label are guesses that cost nothing
    counted = np.zeros(len(skeleton))
    counted[skeleton.channels(pair.base.accuracy.keypoints)] = [e is not None for e in after.errors_px]
    poses = [np.column_stack([np.reshape(p.keypoints, (-1, 3))[:, :2], counted]) for p in (first, after)]
    try:
        image = read_image(Path(pair.base.accuracy.data.images_dir) / after.file_name)
    except ValueError:
        return Worse(cells, alt, problem=f"no picture: {after.file_name} cannot be read where it was measured")
    jpeg = plots.photo_pair(image, after.box_xywh, poses, shown, skeleton)
    return Worse(cells, alt, f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}")


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
        if _is_subset(data.scored[0]):
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
    alone = [m.name for m in models if _baseline(m, models) is None]
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


def _provenance(model: Model) -> Table:
    spec, made = model.card.spec, model.card.conversion
    output = f"{spec.output.kind} {' x '.join(map(str, spec.output_shape))}"
    if isinstance(spec.output, HeatmapOutput):
        output += f", {spec.output.values}, stride {spec.output.stride}, decoded by {spec.output.decode.method}"
    calibration = "none"
    if made.calibration:
        calibration = (
            f"{_plural(len(made.calibration.people), 'person', 'people')}, seed {made.calibration.seed}, "
            f"annotations sha256 {made.calibration.annotations_sha256}"
        )
    rows = [
        ("File sha256", model.sha256),
        ("Size", f"{model.bytes:,} bytes"),
        ("Recipe", made.recipe),
        ("Engine", made.engine),
        ("Versions", ", ".join(f"{name} {version}" for name, version in made.versions.items())),
        ("Calibration", calibration),
        ("Weights sha256", made.weights_sha256),
        ("Network", f"{spec.name}, {spec.family}, skeleton {spec.skeleton.name}"),
        ("Input", f"{spec.input_hw[1]} x {spec.input_hw[0]} (width x height) RGB, box padded by {spec.padding:g}"),
        ("Output", output),
    ]
    return Table(model.name, ("Item", "Value"), rows, numeric=False)


def _points(value: float | None) -> str:
    return _NONE if value is None else f"{100 * value:.1f}"


def _signed(value: float, digits: int = 1) -> str:
    """With a sign that is not a hyphen, and no minus before zero."""
    return f"{round(value, digits) + 0.0:+.{digits}f}".replace("-", "\N{MINUS SIGN}") if math.isfinite(value) else _NONE


def _figures(value: float) -> str:
    """A size or time: small ones keep their digits."""
    return f"{value:.3f}" if value < 1 else f"{value:.2f}"


def _range(interval: Interval) -> str:
    return f"{_signed(interval.low)} to {_signed(interval.high)}"


def _plural(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _markdown(page: Page) -> str:
    parts = [f"# {page.title}", page.written, "## Summary"]
    for change in page.changes:
        lines = "\n".join(f"- {line.what}: **{line.change}**. {line.text}" for line in change.lines)
        parts += [f"### {change.title}", lines]
    if not page.changes:
        parts.append("No converted file is among the records.")
    parts += ["## Accuracy", "In points of 100.", *map(_markdown_table, page.accuracy)]
    parts += ["## Size and latency", *map(_markdown_table, [page.files, *page.latency])]
    for one in page.compared:
        worst = [w.cells for w in one.worst]
        header = ("Person", "OKS before", "OKS after", "Change")
        parts += [f"## {one.title}", _markdown_table(one.keypoints)]
        parts += [_markdown_table(Table("Whose OKS fell most", header, worst))] if worst else []
    parts += ["## Caveats", "\n".join(f"- {caveat}" for caveat in page.caveats)]
    parts += ["## Provenance", *map(_markdown_table, page.provenance)]
    return "\n\n".join(parts) + "\n"


def _markdown_table(table: Table) -> str:
    rule = ("---", *(("---:" if table.numeric else "---") for _ in table.header[1:]))
    rows = [table.header, rule, *table.rows]
    body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    return f"**{table.caption}**\n\n{body}"
