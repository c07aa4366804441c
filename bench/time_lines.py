"""What `bench latency` answers about a record: plain data, and a line of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poseport.bench.decide import picture_times
from poseport.bench.formatting import plural
from poseport.bench.record import Environment, Latency, Pictures, Result

UNSTEADY = "  UNSTEADY: two processes differ by more than 5 %"


def of_latency(
    name: str, e: Environment, m: Latency, saved: Path, *, detector: bool = False
) -> tuple[dict[str, Any], list[str]]:
    """Describe the times of a pose network or of a detector alone.

    Args:
        name: Name of the file.
        e: Where it was timed.
        m: The times.
        saved: The file of the record.
        detector: Whether it is a person detector.

    Returns:
        The data and its lines.
    """
    row = {
        "model": name, "threads": e.threads, "delegate": e.delegate, "p50_ms": m.percentile_ms(50),
        "p90_ms": m.percentile_ms(90), "whole_p50_ms": m.whole_ms(50), "steady": m.is_steady, "file": str(saved),
    }  # fmt: skip
    setting = plural(e.threads, "thread") + (", no delegate" if e.delegate == "none" else "")
    around = "letterbox" if detector else "crop"
    line = (
        f"{name:<28}{setting}  p50 {row['p50_ms']:.2f} ms  p90 {row['p90_ms']:.2f} ms  with {around} and decoding "
        f"{row['whole_p50_ms']:.2f} ms  ({len(m.invoke_us)} runs, {saved}){'' if m.is_steady else UNSTEADY}"
    )
    return row, [line]


def of_pictures(result: Result, saved: Path) -> tuple[dict[str, Any], list[str]]:
    """Describe the times of whole pictures, by the number of people that were found.

    Args:
        result: The record.
        saved: Its file.

    Returns:
        The data, and a line for the file and one for each number of people.
    """
    m, e = result.measured, result.environment
    assert isinstance(m, Pictures)
    line, groups = picture_times.line(m), picture_times.groups(m)
    row = {
        "model": result.model.name, "detector": m.detector, "threads": e.threads, "delegate": e.delegate,
        "by_people": [vars(group) for group in groups], "steady": m.is_steady, "file": str(saved),
        "per_further_box_ms": None if line is None else vars(line.per_box_ms),
    }  # fmt: skip
    unsteady = "" if m.is_steady else UNSTEADY
    lines = [
        f"{result.model.name} with {m.detector}, {plural(e.threads, 'thread')}, whole pictures  "
        f"({len(m.picture)} runs, {saved}){unsteady}"
    ]
    for g in groups:
        p90 = "" if g.p90_ms is None else f"  p90 {g.p90_ms:.2f} ms"
        times = f"p50 {g.p50_ms:.2f} ms{p90}  detector {g.detect_p50_ms:.2f} ms"
        counts = f"{plural(g.pictures, 'picture')}, {plural(g.samples, 'run')}"
        lines.append(f"  {plural(g.people, 'person', 'people'):<12}{times}  ({counts})")
    if line is not None:
        d = line.per_box_ms
        lines.append(f"  each further box {d.value:.2f} ms (95 % interval: {d.low:.2f} to {d.high:.2f})")
    return row, lines
