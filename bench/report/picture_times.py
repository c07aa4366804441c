"""Tables of the time of whole pictures, by the number of people in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from poseport.bench.decide import picture_times
from poseport.bench.formatting import NONE, Table, figures
from poseport.bench.record import Pictures, Result
from poseport.bench.report.what_ran import marked

_HEADER = (
    "Model", "Threads", "People found", "p50 ms", "p90 ms", "Detector p50 ms", "Boxes looked at", "Pictures", "Runs",
)  # fmt: skip
_LINE_HEADER = ("Model", "Threads", "ms without a box", "ms each further box (95 %)", "Variance explained")


def by_people(results: Sequence[Result]) -> list[Table]:
    """List the time from a picture to everyone's keypoints, by the number of people that were found.

    Args:
        results: The records.

    Returns:
        For each machine, detector and set: a table of times, and one of the cost of each further box, which leaves out
        the files whose times do not lie on a straight line.
    """
    grouped: dict[str, list[tuple[Result, Pictures]]] = defaultdict(list)
    for r in results:
        e, m = r.environment, r.measured
        if isinstance(m, Pictures):
            place = f"{e.device}: {e.processor}, {e.cores} cores, {e.system}, {e.runtime}, {e.delegate}"
            grouped[f"Whole pictures of {m.input} with {m.detector}, on {place}"].append((r, m))
    tables = []
    for caption, members in grouped.items():
        members.sort(key=lambda member: (member[0].model.name, member[0].environment.threads))
        tables.append(Table(caption, _HEADER, [row for member in members for row in _rows(*member)]))
        lines = [row for member in members for row in _line(*member)]
        if lines:
            tables.append(Table(f"What each further box costs. {caption}", _LINE_HEADER, lines))
    return tables


def _start(r: Result, m: Pictures) -> tuple[str, str]:
    name = marked(r.model.name, r.environment)
    return name if m.is_steady else f"{name} (not steady)", str(r.environment.threads)


def _rows(r: Result, m: Pictures) -> list[tuple[str, ...]]:
    return [
        (
            *_start(r, m), str(g.people), figures(g.p50_ms), NONE if g.p90_ms is None else figures(g.p90_ms),
            figures(g.detect_p50_ms), f"{g.boxes:.1f}", str(g.pictures), f"{g.samples:,}",
        )
        for g in picture_times.groups(m)
    ]  # fmt: skip


def _line(r: Result, m: Pictures) -> list[tuple[str, ...]]:
    line = picture_times.line(m)
    if line is None:
        return []
    d = line.per_box_ms
    each = f"{figures(d.value)} ({figures(d.low)} to {figures(d.high)})"
    return [(*_start(r, m), figures(max(line.start_ms, 0.0)), each, f"{100 * line.explained:.0f} %")]
