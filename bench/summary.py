"""What conversion cost and changed, in a few lines a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from poseport.bench.findings import DataSet, Timed, baseline, is_float, same_threads
from poseport.bench.latency import percentile_ms
from poseport.bench.result import Model
from poseport.bench.statistics import Interval
from poseport.bench.words import figures, plural, points, signed, span


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


def changes(models: Sequence[Model], sets: Sequence[DataSet], places: Mapping[str, Sequence[Timed]]) -> list[Change]:
    """Of every file whose float32 file is among the records too."""
    pairs = ((model, baseline(model, models)) for model in models if not is_float(model))
    return [_change(model, base, sets, places) for model, base in pairs if base is not None]


def _change(model: Model, base: Model, sets: Sequence[DataSet], places: Mapping[str, Sequence[Timed]]) -> Change:
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
