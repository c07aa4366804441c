"""Summarise the changes by conversion in a few lines per file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from poseport.bench.decide.bootstrap import Interval, pck_difference
from poseport.bench.decide.time_intervals import median_change
from poseport.bench.formatting import PER_KEYPOINT, figures, percentage, plural, points, signed, span
from poseport.bench.record import Model
from poseport.bench.report.grouping import DataSet, Pair, Timed, baseline, is_float, same_threads


@dataclass(frozen=True)
class ChangeLine:
    """One quantity that changed.

    Attributes:
        what: The quantity.
        change: The change, in points or percent.
        text: Sentences about it.
        tone: `loss`, `gain` or `none`.
    """

    what: str
    change: str
    text: str
    tone: str = "none"


@dataclass(frozen=True)
class Change:
    """The changes from a float32 file to one converted file.

    Attributes:
        title: Names of both files.
        lines: The quantities.
    """

    title: str
    lines: list[ChangeLine]


def changes(models: Sequence[Model], sets: Sequence[DataSet], places: Mapping[str, Sequence[Timed]]) -> list[Change]:
    """List the changes of every converted file whose float32 file is among the records.

    Args:
        models: The files.
        sets: The data sets.
        places: Name of a machine and its software -> the times that were taken there.

    Returns:
        The changes, one entry per converted file.
    """
    pairs = ((model, baseline(model, models)) for model in models if not is_float(model))
    return [_change(model, base, sets, places) for model, base in pairs if base is not None]


def _change(model: Model, base: Model, sets: Sequence[DataSet], places: Mapping[str, Sequence[Timed]]) -> Change:
    pairs = [(data, pair) for data in sets for pair in data.pairs if pair.candidate.model.sha256 == model.sha256]
    lines = [line for data, pair in pairs for line in _accuracy(data, pair)]
    megabytes = f"{figures(model.bytes / 1e6)} MB instead of {figures(base.bytes / 1e6)} MB."
    lines.append(ChangeLine("Size against float32", percentage(model.bytes, base.bytes), megabytes))
    for members in places.values():
        mine = (t for t in members if t.model.sha256 == model.sha256)
        lines += [_latency(t, other) for t in mine if (other := same_threads(t, members))]
    return Change(f"{model.name} against {base.name}", lines)


def _accuracy(data: DataSet, pair: Pair) -> Iterator[ChangeLine]:
    base, candidate = pair.base.accuracy, pair.candidate.accuracy
    differences = [("AP", "OKS-AP", pair.difference)]
    if base.metrics.get(PER_KEYPOINT) is not None:
        differences.append((PER_KEYPOINT, PER_KEYPOINT, pck_difference(base, candidate).times(100)))
    for name, metric, difference in differences:
        before, after = (points(side.metrics.get(metric)) for side in (base, candidate))
        tone, verdict = _verdict(difference)
        text = (
            f"95 % interval {span(difference)}: {verdict}. {after} instead of {before}, on {base.data.people:,} people."
        )
        yield ChangeLine(f"{name} on {data.label}", f"{signed(difference.value)} points", text, tone)


def _latency(mine: Timed, other: Timed) -> ChangeLine:
    before, after = (t.latency.percentile_ms(50) for t in (other, mine))
    change, threads = median_change(other.latency, mine.latency), plural(mine.environment.threads, "thread")
    text = f"Median of {figures(after)} ms instead of {figures(before)} ms: {signed(change.value)} % ({span(change)})."
    where = f"{mine.environment.device} {mine.environment.delegate}, {threads}"
    labels = "".join(f" {t.model.name}: {label}." for t in (other, mine) for label in t.environment.labels)
    return ChangeLine(f"Latency against float32, {where}", percentage(after, before), text + labels)


def _verdict(difference: Interval) -> tuple[str, str]:
    """The tone and the meaning of a difference."""
    if difference.low == difference.high == 0:
        return "none", "every prediction counts the same"
    if difference.high < 0:
        return "loss", "a loss"
    if difference.low > 0:
        return "gain", "a gain"
    return "none", "too few people to show a change"
