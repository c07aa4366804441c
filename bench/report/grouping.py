"""Group records: files, data sets, and each converted file with its float32 file."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from poseport.bench.accuracy_record import ANNOTATED
from poseport.bench.decide.bootstrap import Interval, ap_difference, interval
from poseport.bench.decide.resampling import resampled_ap
from poseport.bench.formatting import plural
from poseport.bench.record import Accuracy, Detections, Environment, Latency, Model, Result, Sustained

# the gate's number of resamples, and that for reports of many records, where each comparison would take a tenth second
RESAMPLES, FEW_RESAMPLES, MANY_RECORDS = 2000, 500, 100


@dataclass(frozen=True)
class Scored:
    """An accuracy record.

    Attributes:
        model: The file.
        environment: The machine.
        accuracy: The scores.
    """

    model: Model
    environment: Environment
    accuracy: Accuracy


@dataclass(frozen=True)
class Timed:
    """A latency record.

    Attributes:
        model: The file.
        environment: The machine.
        latency: The times.
    """

    model: Model
    environment: Environment
    latency: Latency

    @property
    def place(self) -> str:
        """The machine and its software; times of two places cannot be compared."""
        e = self.environment
        slower = " without XNNPACK" if e.xnnpack is False else ""
        return f"{e.device}: {e.processor}, {e.cores} cores, {e.system}, {e.runtime}, {e.delegate}{slower}"


@dataclass(frozen=True)
class LongRun:
    """A record of a sustained run.

    Attributes:
        model: The file.
        environment: The phone.
        sustained: The minutes.
    """

    model: Model
    environment: Environment
    sustained: Sustained


@dataclass(frozen=True)
class Pair:
    """A converted file and the float32 file of the same weights, on the same people.

    Attributes:
        base: The float32 file.
        candidate: The converted file.
        difference: Their AP difference in points of 100.
    """

    base: Scored
    candidate: Scored
    difference: Interval


@dataclass(frozen=True)
class DataSet:
    """The records of the same people under the same conditions.

    Attributes:
        label: Name of the group.
        scored: The records.
        pairs: Each converted file with its float32 file.
    """

    label: str
    scored: list[Scored]
    pairs: list[Pair]


def is_float(model: Model) -> bool:
    """Whether a file is a float32 file, with which others are compared.

    Args:
        model: The file.
    """
    return model.card.conversion.recipe == "float32"


def baseline(model: Model, among: Sequence[Model]) -> Model | None:
    """Find the float32 file of the same weights.

    Args:
        model: A file.
        among: The files to search.

    Returns:
        The float32 file, or None.
    """
    weights = model.card.weights_sha256
    return next((m for m in among if is_float(m) and m.card.weights_sha256 == weights), None)


def series(models: Sequence[Model]) -> dict[str, int]:
    """Number the files by their weights.

    Args:
        models: The files.

    Returns:
        sha256 of each file -> a number that files of the same weights share.
    """
    numbers: dict[tuple[str, ...], int] = {}
    return {m.sha256: numbers.setdefault(m.card.weights_sha256, len(numbers)) for m in models}


def sort_records(results: Sequence[Result]) -> tuple[list[Model], list[Scored], list[Timed], list[LongRun]]:
    """Sort records by kind. A float32 file comes before the other files of the same weights.

    Args:
        results: The records.

    Returns:
        Files (each once), accuracy records, latency records and sustained records.
    """

    def key(m: Model) -> tuple[object, ...]:
        return m.card.spec.name, m.card.weights_sha256, not is_float(m), m.name, m.sha256

    ordered = sorted(results, key=lambda r: (*key(r.model), r.environment.threads))
    models = list({r.model.sha256: r.model for r in ordered}.values())
    scored = [Scored(r.model, r.environment, m) for r in ordered if isinstance(m := r.measured, Accuracy)]
    timed = [Timed(r.model, r.environment, m) for r in ordered if isinstance(m := r.measured, Latency)]
    held = [LongRun(r.model, r.environment, m) for r in ordered if isinstance(m := r.measured, Sustained)]
    return models, scored, timed, held


def data_sets(scored: Sequence[Scored]) -> list[DataSet]:
    """Group accuracy records by people and conditions, and label each group by its differences from the others.

    Args:
        scored: The records.

    Returns:
        The groups.
    """
    grouped: dict[tuple[object, ...], list[Scored]] = defaultdict(list)
    for record in scored:
        grouped[(*record.accuracy.conditions, *record.environment.conditions)].append(record)
    named = {(record.accuracy.data.file, record.accuracy.data.sha256) for record in scored}
    sets: list[DataSet] = []
    resamples = FEW_RESAMPLES if len(scored) > MANY_RECORDS else RESAMPLES
    # the whole set before parts of its keypoints
    for members in sorted(grouped.values(), key=lambda m: (m[0].accuracy.data.file, -len(m[0].accuracy.keypoints))):
        a, e = members[0].accuracy, members[0].environment
        parts = [
            a.data.file,
            a.data.sha256[:6] if sum(file == a.data.file for file, _ in named) > 1 else "",
            f"{len(a.keypoints)} keypoints" if is_subset(members[0]) else "",
            "flip" if a.flip else "",
            a.boxes if a.boxes != ANNOTATED else "",
            f"decoded by {a.decoder}" if a.decoder else "",
            f"{e.device}, {e.delegate}, {plural(e.threads, 'thread')}" if e.device != "host" else "",
        ]
        label = ", ".join(part for part in parts if part)
        if label in {data.label for data in sets}:  # the same number of other keypoints
            label += f" ({len(sets) + 1})"
        sets.append(DataSet(label, members, _pairs(members, resamples)))
    return sets


def _pairs(members: Sequence[Scored], resamples: int) -> list[Pair]:
    """Every converted file with its float32 file, if both have an AP."""
    pairs = []
    for candidate in members:
        model = baseline(candidate.model, [s.model for s in members])
        base = next((s for s in members if s.model == model), None)
        known = base and base.accuracy.metrics.get("OKS-AP") is not None
        if base and known and not is_float(candidate.model) and candidate.accuracy.metrics.get("OKS-AP") is not None:
            raw = ap_difference(base.accuracy, candidate.accuracy, resamples=resamples)  # with the gate's seed
            pairs.append(Pair(base, candidate, raw.times(100)))
    return pairs


def is_subset(scored: Scored) -> bool:
    """Whether only some of the keypoints were scored.

    Args:
        scored: The record.
    """
    return len(scored.accuracy.keypoints) < len(scored.model.card.spec.skeleton)


def same_threads(timed: Timed, members: Sequence[Timed]) -> Timed | None:
    """Find the time of the float32 file with the same number of threads in the same place.

    Args:
        timed: A time of a converted file.
        members: The times in the place.

    Returns:
        The time, or None.
    """
    fitting = [t for t in members if t.environment.threads == timed.environment.threads]
    base = baseline(timed.model, [t.model for t in fitting])
    return next((t for t in fitting if t.model == base), None)


@functools.lru_cache(maxsize=4096)  # the table and each plot need the same intervals
def ap_interval(found: Detections, *, resamples: int = 500) -> Interval:
    """Compute a file's OKS-AP with its 95 % interval, by a bootstrap over images.

    Args:
        found: The matches of a record.
        resamples: Number of bootstrap resamples.

    Returns:
        The interval in points of 100; NaN if nobody has labels.
    """
    if not sum(found.ground_truths):
        return Interval(math.nan, math.nan, math.nan)
    return interval(*resampled_ap(found, resamples, 0)).times(100)
