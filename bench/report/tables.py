"""Tables of a report. AP and PCK are in points of 100."""

from __future__ import annotations

from collections.abc import Sequence

from poseport.bench.accuracy_record import ANNOTATED
from poseport.bench.formatting import NONE, PER_KEYPOINT, Table, figures, percentage, plural, points, signed, span
from poseport.bench.record import Model
from poseport.bench.report.costs import Cost, memory_bytes, microjoules
from poseport.bench.report.grouping import (
    DataSet,
    LongRun,
    Scored,
    Timed,
    ap_interval,
    baseline,
    is_float,
    same_threads,
)
from poseport.bench.report.what_ran import marked

_PARTS = {
    "OKS-AP_medium": "AP medium", "OKS-AP_large": "AP large",
    "PCK@0.1/box visible": "PCK visible", "PCK@0.1/box hidden": "PCK hidden",
}  # fmt: skip
_METRICS = ("OKS-AP50", "OKS-AP75", "OKS-AR", PER_KEYPOINT, "PCK@0.2/torso")


def glance(data: DataSet, found: Sequence[Cost]) -> Table:
    """Summarise a data set in one row per file: accuracy and every cost.

    Args:
        data: The records of one data set.
        found: The costs of the files.

    Returns:
        The table.
    """
    shown_costs = [cost for cost in found if any(s.model.sha256 in cost.of for s in data.scored)]
    rows = [
        (
            s.model.name,
            _own_ap(s),
            points(s.accuracy.metrics.get(PER_KEYPOINT)),
            *(figures(cost.of[sha].value) if (sha := s.model.sha256) in cost.of else NONE for cost in shown_costs),
        )
        for s in data.scored
    ]
    header = ("Model", "OKS-AP (95 %)", PER_KEYPOINT, *(cost.short for cost in shown_costs))
    return Table(f"{data.label}: {plural(data.scored[0].accuracy.data.people, 'person', 'people')}", header, rows)


def accuracy(data: DataSet) -> Table:
    """List every metric of each file on a data set, and its AP change against the float32 file of the same weights.

    Args:
        data: The records of one data set.

    Returns:
        The table.
    """
    a, sizes = data.scored[0].accuracy, {len(s.model.card.spec.skeleton) for s in data.scored}
    of = "" if len(sizes) > 1 else f" of {max(sizes)}"
    counted = f"{len(a.keypoints)}{of} keypoints" if len(a.keypoints) < max(sizes) else f"all {max(sizes)} keypoints"
    people = f"{plural(a.data.people, 'person', 'people')} in {plural(a.data.images, 'image')}"
    boxes = "ground-truth boxes" if a.boxes == ANNOTATED else f"boxes from {a.boxes}"
    caption = f"{data.label}: {people}, {counted}, {boxes}, {'averaged with mirrored crops' if a.flip else 'no flip'}"
    rows = []
    for s in data.scored:
        d = next((p.difference for p in data.pairs if p.candidate == s), None)
        change = f"{signed(d.value)} ({span(d)})" if d else "baseline" if is_float(s.model) else NONE
        rows.append((s.model.name, _own_ap(s), change, *(points(s.accuracy.metrics.get(name)) for name in _METRICS)))
    names = (name.removeprefix("OKS-") for name in _METRICS)
    return Table(caption, ("Model", "OKS-AP (95 %)", "ΔAP (95 %)", *names), rows)


def parts(data: DataSet) -> Table:
    """List metrics by size (medium from 32 x 32 to 96 x 96 px, large above, as in COCO) and by visibility.

    Args:
        data: The records of one data set.

    Returns:
        The table; without rows if the data set has only one size and one kind of visibility.
    """
    rows = [(s.model.name, *(points(s.accuracy.metrics.get(name)) for name in _PARTS)) for s in data.scored]
    parted = any(len({cell for cell in row[i : i + 2] if cell != NONE}) == 2 for row in rows for i in (1, 3))
    return Table(
        f"{data.label}, by size and by visibility ({PER_KEYPOINT})", ("Model", *_PARTS.values()), rows if parted else []
    )


def files(models: Sequence[Model]) -> Table:
    """List size, multiply-adds and energy proxy of each file.

    Args:
        models: The files.

    Returns:
        The table.
    """
    rows = []
    for model in models:
        base = baseline(model, models)
        share = _share(model.bytes, None if base is None else base.bytes, base == model)
        zipped = figures(model.zipped / 1e6) if model.zipped else NONE
        macs = ", ".join(f"{count / 1e6:,.0f} M {dtype}" for dtype, count in model.macs.items()) or NONE
        energy = microjoules(model.macs)
        size = figures(model.bytes / 1e6), share, zipped
        recipe = model.card.conversion.recipe
        rows.append((model.name, recipe, *size, macs, NONE if energy is None else figures(energy)))
    header = ("Model", "Recipe", "MB", "Of float32", "Zipped MB", "Multiply-adds", "Energy proxy µJ")
    return Table("Size and arithmetic of each file", header, rows)


def latency(place: str, members: Sequence[Timed]) -> Table:
    """List every time that was taken on one machine.

    Args:
        place: Caption of the table.
        members: The times.

    Returns:
        The table.
    """
    rows = []
    for timing in members:
        base = same_threads(timing, members)
        times = [timing.latency.percentile_ms(p) for p in (50, 90, 99)]
        share = _share(times[0], None if base is None else base.latency.percentile_ms(50), base == timing)
        whole, memory = timing.latency.whole_ms(50), memory_bytes(timing)
        rest = (
            NONE if whole is None else figures(whole),
            figures(timing.latency.first_us / 1e3),
            NONE if timing.latency.load_us is None else f"{timing.latency.load_us / 1e3:.1f}",
            NONE if memory is None else figures(memory / 1e6),
            f"{len(timing.latency.invoke_us):,}",
        )
        name = marked(timing.model.name, timing.environment)
        rows.append((name, str(timing.environment.threads), *(figures(ms) for ms in times), share, *rest))
    header = ("Model", "Threads", "p50 ms", "p90 ms", "p99 ms", "p50 of float32")
    more = ("Crop to keypoints p50 ms", "First run ms", "Load ms", "Memory MB", "Runs")
    return Table(place, (*header, *more), rows)


def held(h: LongRun) -> Table:
    """List a sustained run minute by minute.

    Args:
        h: The record.

    Returns:
        The table.
    """
    e, since = h.environment, h.sustained.throttles_from
    slower = "stays within 10 % of its first minute" if since is None else f"throttles from minute {since}"
    rows = [
        (str(m.minute), figures(m.percentile_ms(50)), figures(m.percentile_ms(90)), f"{len(m.invoke_us):,}",
         *(NONE if v is None else f"{v:.0f}" for v in (m.celsius, m.battery, m.clock_mhz)))
        for m in h.sustained.minutes
    ]  # fmt: skip
    caption = f"{h.model.name} minute by minute on {e.device}, {e.delegate}, {plural(e.threads, 'thread')}: {slower}"
    return Table(caption, ("Minute", "p50 ms", "p90 ms", "Runs", "°C", "Battery %", "Clock MHz"), rows)


def _share(value: float, of: float | None, same: bool) -> str:
    """A value as a percentage of the baseline's."""
    return NONE if of is None else "baseline" if same else percentage(value, of)


def _own_ap(s: Scored) -> str:
    """A file's AP in points of 100 with its interval."""
    ap = s.accuracy.metrics.get("OKS-AP")
    if ap is None:
        return NONE
    interval = ap_interval(s.accuracy.detections)
    return f"{points(ap)} ({interval.low:.1f} to {interval.high:.1f})"
