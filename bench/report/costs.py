"""The costs of a network: time, size, memory, and multiply-adds as a proxy of energy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from poseport.bench.decide.bootstrap import Interval
from poseport.bench.decide.time_intervals import percentile_interval
from poseport.bench.formatting import plural
from poseport.bench.record import Model
from poseport.bench.report.grouping import Timed

# Picojoules of one multiply-add, a multiplication and an addition into the accumulator: M. Horowitz, "Computing's
# energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9 (45 nm, 0.9 V): 8-bit integers 0.2 + 0.1
# (added up in 32 bits), float16 1.1 + 0.4, float32 3.7 + 0.9. He has no 16-bit integers: 16x8 is counted as two 8-bit
# products. Of int8 weights with float activations TFLite rounds the latter to 8 bits too before it multiplies.
_PICOJOULES = {
    "int8": 0.3, "uint8": 0.3, "int8 weights x float32": 0.3, "int8 weights x int16": 0.6, "float16": 1.5,
    "float32": 4.6,
}  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """One kind of cost. axis: its name with the unit, short: the same for a column. of: sha256 of a file -> value, with
    its 95 % interval where several samples were taken.
    """

    axis: str
    short: str
    of: dict[str, Interval]


def microjoules(macs: Mapping[str, int]) -> float | None:
    """Estimate the energy of the multiply-adds alone.

    It ignores memory traffic, which often costs more, every operation other than convolutions and dense layers, and
    the idle power of the chip; 45 nm is an old process. Ratios mean more than values.

    Args:
        macs: Multiply-adds per person, by type.

    Returns:
        Microjoules, or None if a type has no figure.
    """
    if not macs or not set(macs) <= set(_PICOJOULES):
        return None
    return sum(count * _PICOJOULES[dtype] for dtype, count in macs.items()) / 1e6


def costs(models: Sequence[Model], places: Mapping[str, Sequence[Timed]]) -> list[Cost]:
    """Every cost that some of the files have: p90 time and memory with the fewest threads of each place, size, energy
    proxy. places: name -> the times that were taken there.
    """
    found = []
    for place, members in places.items():
        fewest = min(t.environment.threads for t in members)
        timed = [t for t in members if t.environment.threads == fewest]
        short = _short(place, places)
        where = plural(fewest, "thread") + short
        times = {t.model.sha256: percentile_interval(t.latency, 90) for t in timed}
        found.append(Cost(f"p90 time, {where} (ms)", f"p90 ms, {where}", times))
        memory = {t.model.sha256: m / 1e6 for t in timed if (m := memory_bytes(t)) is not None}
        found.append(Cost(f"memory{short} (MB)", f"Memory MB{short}", _exact(memory)))
    found.append(Cost("file size (MB)", "File MB", _exact({m.sha256: m.bytes / 1e6 for m in models})))
    energy = {m.sha256: joules for m in models if (joules := microjoules(m.macs)) is not None}
    found.append(Cost("energy proxy: multiply-adds (µJ)", "Energy proxy µJ", _exact(energy)))
    return [cost for cost in found if cost.of]


def memory_bytes(timed: Timed) -> int | None:
    """Memory for loading and running the file in a fresh process; on a phone, the peak of the whole app; or None."""
    before, peak = timed.latency.before_bytes, timed.latency.peak_bytes
    return None if peak is None else peak - (before or 0)


def _short(place: str, places: Mapping[str, Sequence[Timed]]) -> str:
    """A place in a few words, where there are several."""
    if len(places) == 1:
        return ""
    names = {name: (e := members[0].environment).device + f" {e.delegate}" for name, members in places.items()}
    own = names[place]
    return f", {own if list(names.values()).count(own) == 1 else place}"


def _exact(values: Mapping[str, float]) -> dict[str, Interval]:
    return {sha256: Interval(value, value, value) for sha256, value in values.items()}
