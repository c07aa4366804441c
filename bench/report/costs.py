"""The costs of a network: time, size, memory, and multiply-adds as a proxy of energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from poseport.bench.decide.bootstrap import Interval
from poseport.bench.decide.time_intervals import percentile_interval
from poseport.bench.formatting import plural
from poseport.bench.record import Model
from poseport.bench.report.grouping import Timed

# Picojoules per multiply-add (a multiplication and an addition into the accumulator) from M. Horowitz, "Computing's
# energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9 (45 nm, 0.9 V): 8-bit integers 0.2 + 0.1
# (32-bit accumulator), float16 1.1 + 0.4, float32 3.7 + 0.9. The figure has no 16-bit multiplication, so 16x8 counts as
# two 8-bit products. With int8 weights and float activations, TFLite rounds the activations to 8 bits first.
_PICOJOULES = {
    "int8": 0.3, "uint8": 0.3, "int8 weights x float32": 0.3, "int8 weights x int16": 0.6, "float16": 1.5,
    "float32": 4.6,
}  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """One kind of cost.

    Attributes:
        axis: Its name with the unit, for an axis.
        short: The same, shorter, for a column.
        of: sha256 of a file -> value, with its 95 % interval if several samples were taken.
    """

    axis: str
    short: str
    of: dict[str, Interval]


def microjoules(macs: Mapping[str, int]) -> float | None:
    """Estimate the energy of the multiply-adds alone.

    It ignores memory traffic, which often costs more, every operation other than convolutions and dense layers, and
    the idle power of the chip; 45 nm is an old process. Ratios are more reliable than values.

    Args:
        macs: Multiply-adds per person, by type.

    Returns:
        Microjoules, or None if a type has no figure.
    """
    if not macs or not set(macs) <= set(_PICOJOULES):
        return None
    return sum(count * _PICOJOULES[dtype] for dtype, count in macs.items()) / 1e6


def costs(models: Sequence[Model], places: Mapping[str, Sequence[Timed]]) -> list[Cost]:
    """List the costs that at least one file has.

    These are p90 time and memory on each machine with its smallest number of threads, size, and the energy proxy.

    Args:
        models: The files.
        places: Name of a machine and its software -> the times that were taken there.

    Returns:
        The costs.
    """
    kinds = []
    for place, members in places.items():
        fewest = min(t.environment.threads for t in members)
        timed = [t for t in members if t.environment.threads == fewest]
        short = _short(place, places)
        where = plural(fewest, "thread") + short
        times = {t.model.sha256: percentile_interval(t.latency, 90) for t in timed}
        kinds.append(Cost(f"p90 time, {where} (ms)", f"p90 ms, {where}", times))
        memory = {t.model.sha256: m / 1e6 for t in timed if (m := memory_bytes(t)) is not None}
        kinds.append(Cost(f"memory{short} (MB)", f"Memory MB{short}", _exact(memory)))
    kinds.append(Cost("file size (MB)", "File MB", _exact({m.sha256: m.bytes / 1e6 for m in models})))
    energy = {m.sha256: joules for m in models if (joules := microjoules(m.macs)) is not None}
    kinds.append(Cost("energy proxy: multiply-adds (µJ)", "Energy proxy µJ", _exact(energy)))
    return [cost for cost in kinds if cost.of]


def memory_bytes(timed: Timed) -> int | None:
    """Memory for loading and running a file in a fresh process; on a phone, the peak of the whole app.

    Args:
        timed: The latency record.

    Returns:
        Bytes, or None.
    """
    before, peak = timed.latency.before_bytes, timed.latency.peak_bytes
    return None if peak is None else peak - (before or 0)


def _short(place: str, places: Mapping[str, Sequence[Timed]]) -> str:
    """Choose a short name of a place that distinguishes it from the others; empty if there is only one."""
    if len(places) == 1:
        return ""
    names = {name: (e := members[0].environment).device + f" {e.delegate}" for name, members in places.items()}
    name_here = names[place]
    return f", {name_here if list(names.values()).count(name_here) == 1 else place}"


def _exact(values: Mapping[str, float]) -> dict[str, Interval]:
    """Intervals of values without uncertainty."""
    return {sha256: Interval(value, value, value) for sha256, value in values.items()}
