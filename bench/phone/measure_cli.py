"""`poseport bench phone`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poseport.bench.measure_cli import keypoints_option, out_option
from poseport.bench.phone.cli import phone_options
from poseport.bench.time_cli import threads_option
from poseport.command.options import (
    MODEL,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
    skeleton_option,
)
from poseport.command.parameters import Names
from poseport.files import escape

if TYPE_CHECKING:
    from poseport.bench.phone.phones import PhoneResult


DELEGATES = Names("cpu", "gpu", "npu")


@click.command("phone")
@click.argument("models", type=MODEL, nargs=-1, required=True)
@people_options("data", "People to score on")
@skeleton_option
@keypoints_option
@click.option(
    "--delegates",
    default="cpu",
    type=DELEGATES,
    show_default=True,
    help="Processors to measure, comma-separated: cpu, gpu, npu (Android below 15 only).",
)
@threads_option
@click.option(
    "--whole-images",
    is_flag=True,
    help="Send whole photos, which the phone crops and decodes itself (needed for cascades).",
)
@click.option(
    "--runs", default=200, show_default=True, type=click.IntRange(20), help="Number of timed inferences per setting."
)
@click.option(
    "--minutes",
    default=0.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Then run each setting without a pause for this long, to see whether the phone throttles.",
)
@phone_options
@out_option
@output_options
@guarded
def bench_phone(
    models: tuple[Path, ...],
    data: Path,
    data_images: Path | None,
    skeleton: str | None,
    keypoints: str | None,
    delegates: tuple[str, ...],
    threads: tuple[int, ...],
    whole_images: bool,
    runs: int,
    minutes: float,
    serials: tuple[str, ...],
    apk: Path | None,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Measure converted MODELS on Android phones. The app runs them on the same crops as `bench accuracy`, and its raw
    outputs are scored by the same evaluator. After an interruption, the same command continues with the parts that
    are missing.

    Example: poseport bench phone starter --data people --delegates cpu,gpu --threads 1,2,4 --out results
    """
    from poseport.bench.measure.boxes import annotated
    from poseport.bench.measure.checks import check_names, refuse_overlap
    from poseport.bench.phone import connected, phones
    from poseport.files.one_writer import one_writer
    from poseport.tflite.runner import load

    chosen_settings = phones.settings(delegates, threads)
    devices = connected.choose(serials)
    click.get_current_context().with_resource(one_writer(out))
    people = load_people(data, data_images, skeleton)
    only, boxes = people.skeleton.chosen(keypoints), annotated(people)
    loaded = [load(path) for path in models]
    for model in loaded:
        check_names(model.spec.skeleton, people, only, str(model.path))
        refuse_overlap(model, boxes.scored)
        if model.later and not whole_images:
            raise ValueError(f"{model.path}: is a cascade, whose later crops the phone makes; add --whole-images")
    plan = phones.PhonePlan(
        people, boxes, only, "images" if whole_images else "tensors", chosen_settings, runs, minutes, apk, out
    )  # fmt: skip
    hidden = quiet or as_json
    with progress("preparing", len(loaded) * len(boxes.cropped), hidden=hidden) as advance:
        sent = phones.prepare(loaded, plan, advance)
    with progress("on the phone", len(devices) * len(loaded) * plan.units, hidden=hidden) as advance:
        phone_results, faults = phones.measure(devices, loaded, sent, plan, advance)
    text = "\n".join(map(_line, phone_results))
    answer({"results": [_row(m) for m in phone_results]}, text, as_json=as_json, quiet=quiet or not phone_results)
    if faults:
        raise ValueError("; ".join(faults))


def _row(m: PhoneResult) -> dict[str, Any]:
    """The results of a setting for `--json`."""
    from poseport.bench import results_folder
    from poseport.bench.record import Accuracy, Latency, Sustained
    from poseport.records import to_data

    row: dict[str, Any] = {"phone": m.phone, "model": m.model, "delegate": m.hardware, "threads": m.threads}
    if m.cannot:
        return {**row, "refused": m.cannot.refused, "cannot": m.cannot.reason}
    where = m.records[0].environment
    ran = where.ran
    row |= {"labels": where.labels, "ran": ran and ran.text, "predicted": ran and ran.predicted_text}
    row["agreement"] = to_data(where.agreement)
    for record in m.records:
        measured = record.measured
        if isinstance(measured, Accuracy):
            row |= {"people": measured.data.people, "metrics": measured.metrics, "decoder_apart_px": m.apart_px}
        elif isinstance(measured, Latency):
            row |= {
                "p50_ms": measured.percentile_ms(50), "p90_ms": measured.percentile_ms(90),
                "load_ms": None if measured.load_us is None else measured.load_us / 1e3,
                "first_ms": measured.first_us / 1e3, "peak_bytes": measured.peak_bytes,
                "runtime": record.environment.runtime, "xnnpack": record.environment.xnnpack,
            }  # fmt: skip
        elif isinstance(measured, Sustained):
            minutes = [
                {
                    "minute": minute.minute, "p50_ms": minute.percentile_ms(50), "p90_ms": minute.percentile_ms(90),
                    "celsius": minute.celsius, "battery": minute.battery, "clock_mhz": minute.clock_mhz,
                }
                for minute in measured.minutes
            ]  # fmt: skip
            row |= {"minutes": minutes, "throttles_from": measured.throttles_from}
    return {**row, "files": [results_folder.file_name(record) for record in m.records]}


def _line(m: PhoneResult) -> str:
    """The results of a setting as text."""
    from poseport.bench.formatting import plural

    row, head = _row(m), escape.terminal(f"{m.phone}  {m.model:<28}{m.hardware}, {plural(m.threads, 'thread')}  ")
    if m.cannot:
        return f"{head}{escape.terminal(m.cannot.reason)}"
    ap = row["metrics"]["OKS-AP"]
    head += "".join(f"{escape.terminal(label.upper())}\n    " for label in row["labels"])
    text = f"{head}p50 {row['p50_ms']:.2f} ms  p90 {row['p90_ms']:.2f} ms  "
    text += f"OKS-AP {'none' if ap is None else format(ap, '.3f')} ({row['people']} people)"
    if "minutes" in row:
        ends = dict.fromkeys((0, len(row["minutes"]) - 1))  # a single minute is both first and last
        text += "".join("  minute {minute} {p50_ms:.2f} ms".format(**row["minutes"][i]) for i in ends)
        throttles_from = row["throttles_from"]
        throttles = "does not throttle" if throttles_from is None else f"throttles from minute {throttles_from}"
        text += f", {throttles}" if len(ends) > 1 else ""
    details = {
        "load {:.0f} ms": row["load_ms"], "first run {:.1f} ms": row["first_ms"],
        "memory {:.0f} MB": row["peak_bytes"] and row["peak_bytes"] / 1e6,
        "{}": row["runtime"] and escape.terminal(row["runtime"]),
    }  # fmt: skip
    kernels = {None: "", True: ", XNNPACK", False: ", no XNNPACK"}[row["xnnpack"]]
    ran = "" if row["ran"] is None else f", ran {escape.terminal(row['ran'])}"
    return f"{text}\n    {', '.join(t.format(v) for t, v in details.items() if v is not None)}{kernels}{ran}"
