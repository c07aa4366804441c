"""Write records as one long CSV table with one figure per row, for spreadsheets and for your own plots."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from poseport.bench.decide import picture_times
from poseport.bench.decide.bootstrap import Interval
from poseport.bench.decide.chain import chains
from poseport.bench.decide.time_intervals import percentile_interval
from poseport.bench.record import Accuracy, Model, Pictures, Result, Sustained
from poseport.bench.report.costs import microjoules
from poseport.bench.report.grouping import ap_interval
from poseport.files import escape

COLUMNS = (
    "model", "recipe", "bytes", "sha256", "device", "processor", "runtime", "delegate", "threads", "data", "people",
    "keypoints", "boxes", "flip", "decoder", "metric", "value",
)  # fmt: skip


def table(results: Sequence[Result]) -> str:
    """Write records as CSV text.

    AP and PCK are in [0, 1], times in milliseconds, memory in bytes. Cells that do not apply to a figure are empty.
    Figures of a file rather than of a measurement appear once, after the first record of the file.

    Args:
        results: The records.

    Returns:
        The text.
    """
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(COLUMNS)
    seen: set[str] = set()
    of_detector = {id(chain.found): chain.difference for chain in chains(results)}
    for r in results:
        m, e = r.measured, r.environment
        start = [r.model.name, r.model.card.conversion.recipe, r.model.bytes, r.model.sha256]
        start += [e.device, e.processor, e.runtime, e.delegate, e.threads]
        if isinstance(m, Accuracy):
            data = [m.data.file, m.data.people, " ".join(m.keypoints), m.boxes, int(m.flip), m.decoder or "own"]
        else:
            data = [m.input, "", "", m.detector if isinstance(m, Pictures) else "", "", ""]
        figures = [*_figures(r), *(_change(d) if (d := of_detector.get(id(r))) is not None else ())]
        rows.writerows(_row([*start, *data, name, "" if value is None else value]) for name, value in figures)
        if r.model.sha256 not in seen:
            seen.add(r.model.sha256)
            rows.writerows(_row([*start, *[""] * len(data), name, value]) for name, value in _of_file(r.model))
    return out.getvalue()


def _row(cells: Sequence[object]) -> list[object]:
    return [escape.csv_cell(cell) for cell in cells]


def _change(difference: Interval) -> Iterator[tuple[str, float]]:
    """What the detector's boxes cost, on the row of the record with these boxes."""
    name = "OKS-AP minus that with annotated boxes"
    yield from ((name, round(difference.value, 6)), (f"{name} 95 % from", round(difference.low, 6)))
    yield f"{name} 95 % to", round(difference.high, 6)


def _of_file(model: Model) -> Iterator[tuple[str, float]]:
    if model.zipped:
        yield "zipped bytes", model.zipped
    for dtype, count in model.macs.items():
        yield f"multiply-adds {dtype}", count
    energy = microjoules(model.macs)
    if energy is not None:
        yield "energy proxy uJ", round(energy, 3)


def _of_pictures(m: Pictures) -> Iterator[tuple[str, float | None]]:
    for g in picture_times.groups(m):
        end = f"picture with {g.people} people"
        yield from ((f"p50 ms, {end}", round(g.p50_ms, 4)), (f"detector p50 ms, {end}", round(g.detect_p50_ms, 4)))
        yield f"p90 ms, {end}", None if g.p90_ms is None else round(g.p90_ms, 4)
        yield from ((f"pictures, {end}", g.pictures), (f"runs, {end}", g.samples))
    line = picture_times.line(m)
    if line is not None:
        d, name = line.per_box_ms, "ms each further box"
        yield from ((name, round(d.value, 4)), (f"{name} 95 % from", round(d.low, 4)))
        yield f"{name} 95 % to", round(d.high, 4)


def _figures(result: Result) -> Iterator[tuple[str, float | None]]:
    m, ran, wrong = result.measured, result.environment.ran, result.environment.wrong
    if ran is not None and ran.partition is not None:
        yield f"share of multiply-adds on {ran.asked}, at least", round(ran.partition.macs_low, 6)
        yield "pieces", ran.partition.pieces
    if wrong is not None:
        yield "wrong answers", int(wrong)
    if isinstance(m, Accuracy):
        yield from m.metrics.items()
        yield "people per second", m.people_per_second
        if m.metrics.get("OKS-AP") is not None:
            own = ap_interval(m.detections)
            yield from (("OKS-AP 95 % from", round(own.low / 100, 6)), ("OKS-AP 95 % to", round(own.high / 100, 6)))
        for name, values in m.by_keypoint.items():
            yield from ((f"{name} {keypoint}", v) for keypoint, v in zip(m.keypoints, values, strict=True))
        return
    if isinstance(m, Sustained):
        for one in m.minutes:
            yield from ((f"p{p} ms, minute {one.minute}", round(one.percentile_ms(p), 4)) for p in (50, 90))
            yield f"celsius, minute {one.minute}", one.celsius
        yield "throttles from minute", m.throttles_from
        return
    if isinstance(m, Pictures):
        yield from _of_pictures(m)
        return
    for percent in (50, 90, 99):
        yield f"p{percent} ms", round(m.percentile_ms(percent), 4)
    p90 = percentile_interval(m, 90)
    yield from (("p90 ms 95 % from", round(p90.low, 4)), ("p90 ms 95 % to", round(p90.high, 4)))
    whole = m.whole_ms(50)
    yield "crop to keypoints p50 ms", None if whole is None else round(whole, 4)
    yield "load ms", None if m.load_us is None else m.load_us / 1e3
    yield "first run ms", m.first_us / 1e3
    known = m.peak_bytes is not None and m.before_bytes is not None
    yield "memory bytes", m.peak_bytes - m.before_bytes if known else None  # type: ignore[operator]
