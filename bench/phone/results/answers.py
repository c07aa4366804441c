"""What `bench phone` answers about a result: plain data, and lines of text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poseport.bench import time_lines
from poseport.bench.detector_record import DetectorTimes
from poseport.bench.formatting import plural
from poseport.bench.phone.plan import PhoneResult
from poseport.bench.record import Accuracy, Latency, Pictures, Result, Sustained
from poseport.files import escape
from poseport.records import to_data


def row(found: PhoneResult) -> dict[str, Any]:
    """Describe a result as plain data.

    Args:
        found: The result.

    Returns:
        The data, of which JSON can be made.
    """
    start: dict[str, Any] = {
        "phone": found.phone, "model": found.model, "delegate": found.hardware, "threads": found.threads,
    }  # fmt: skip
    if found.cannot:
        return {**start, "refused": found.cannot.refused, "cannot": found.cannot.reason}
    where = found.records[0].environment
    ran = where.ran
    start |= {"labels": where.labels, "ran": ran and ran.text, "predicted": ran and ran.predicted_text}
    start |= {"agreement": to_data(where.agreement), "boxes_agreement": to_data(where.boxes)}
    for record in found.records:
        start |= _figures(record, found)
    return {**start, "files": list(found.files)}


def _figures(record: Result | DetectorTimes, found: PhoneResult) -> dict[str, Any]:
    measured = record.latency if isinstance(record, DetectorTimes) else record.measured
    if isinstance(measured, Accuracy):
        return {"people": measured.data.people, "metrics": measured.metrics, "decoder_apart_px": found.apart_px}
    if isinstance(measured, Sustained):
        minutes = [
            {
                "minute": minute.minute, "p50_ms": minute.percentile_ms(50), "p90_ms": minute.percentile_ms(90),
                "celsius": minute.celsius, "battery": minute.battery, "clock_mhz": minute.clock_mhz,
            }
            for minute in measured.minutes
        ]  # fmt: skip
        return {"minutes": minutes, "throttles_from": measured.throttles_from}
    figures = {
        "load_ms": None if measured.load_us is None else measured.load_us / 1e3,
        "first_ms": measured.first_us / 1e3, "peak_bytes": measured.peak_bytes,
        "runtime": record.environment.runtime, "xnnpack": record.environment.xnnpack,
    }  # fmt: skip
    if isinstance(record, Result) and isinstance(measured, Pictures):
        pictures, _ = time_lines.of_pictures(record, Path(found.files[0]))
        return figures | {key: pictures[key] for key in ("detector", "by_people", "per_further_box_ms")}
    assert isinstance(measured, Latency)
    figures |= {"p50_ms": measured.percentile_ms(50), "p90_ms": measured.percentile_ms(90)}
    return figures | {"whole_p50_ms": measured.whole_ms(50)}


def line(found: PhoneResult) -> str:
    """Describe a result as text.

    Args:
        found: The result.

    Returns:
        One or more lines.
    """
    data, threads = row(found), plural(found.threads, "thread")
    head = escape.terminal(f"{found.phone}  {found.model:<28}{found.hardware}, {threads}  ")
    if found.cannot:
        return f"{head}{escape.terminal(found.cannot.reason)}"
    head += "".join(f"{escape.terminal(label.upper())}\n    " for label in data["labels"])
    return f"{head}{_times(found, data)}\n    {_details(data)}"


def _times(found: PhoneResult, data: dict[str, Any]) -> str:
    first = found.records[0]
    if isinstance(first, Result) and isinstance(first.measured, Pictures):
        _, lines = time_lines.of_pictures(first, Path(found.files[0]))
        start = escape.terminal(
            f"with {first.measured.detector}, {plural(len(first.measured.picture), 'whole picture')}"
        )
        return "\n".join([start, *(f"  {escape.terminal(text)}" for text in lines[1:])])
    text = f"p50 {data['p50_ms']:.2f} ms  p90 {data['p90_ms']:.2f} ms  "
    if isinstance(first, DetectorTimes):
        return f"{text}with letterbox and decoding {data['whole_p50_ms']:.2f} ms  ({len(first.latency.invoke_us)} runs)"
    ap = data["metrics"]["OKS-AP"]
    text += f"OKS-AP {'none' if ap is None else format(ap, '.3f')} ({data['people']} people)"
    if "minutes" in data:
        ends = dict.fromkeys((0, len(data["minutes"]) - 1))  # a single minute is both first and last
        text += "".join("  minute {minute} {p50_ms:.2f} ms".format(**data["minutes"][i]) for i in ends)
        throttles_from = data["throttles_from"]
        throttles = "does not throttle" if throttles_from is None else f"throttles from minute {throttles_from}"
        text += f", {throttles}" if len(ends) > 1 else ""
    return text


def _details(data: dict[str, Any]) -> str:
    details = {
        "load {:.0f} ms": data["load_ms"], "first run {:.1f} ms": data["first_ms"],
        "memory {:.0f} MB": data["peak_bytes"] and data["peak_bytes"] / 1e6,
        "{}": data["runtime"] and escape.terminal(data["runtime"]),
    }  # fmt: skip
    kernels = {None: "", True: ", XNNPACK", False: ", no XNNPACK"}[data["xnnpack"]]
    ran = "" if data["ran"] is None else f", ran {escape.terminal(data['ran'])}"
    return f"{', '.join(text.format(value) for text, value in details.items() if value is not None)}{kernels}{ran}"
