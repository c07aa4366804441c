"""`poseport bench latency` and `poseport bench profile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poseport.bench.measure_cli import fault_of, out_option
from poseport.command.options import (
    MODEL,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
)
from poseport.command.parameters import Counts, Names
from poseport.files import escape

if TYPE_CHECKING:
    from poseport.bench.record import Result

DELEGATES = Names("xnnpack", "none")
threads_option = click.option(
    "--threads", default="1", type=Counts(), show_default=True, help="Thread counts to measure, such as 1,2,4."
)
delegates_option = click.option(
    "--delegates",
    default="xnnpack",
    type=DELEGATES,
    show_default=True,
    help="Delegates to measure: xnnpack, none or both.",
)
runs_option = click.option(
    "--runs", default=1024, show_default=True, type=click.IntRange(20), help="Number of people to time, per setting."
)
seconds_option = click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Time limit per setting; fewer people are timed when it is reached.",
)


@click.command()
@click.argument("models", type=MODEL, nargs=-1, required=True)
@threads_option
@delegates_option
@runs_option
@seconds_option
@people_options("data", "People whose crops are timed (without it, one drawn person)", required=False)
@out_option
@output_options
@guarded
def latency(
    models: tuple[Path, ...],
    threads: tuple[int, ...],
    delegates: tuple[str, ...],
    runs: int,
    seconds: float,
    data: Path | None,
    data_images: Path | None,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Time converted MODELS on this machine, one person at a time. Crop, network and decoder are timed separately, in
    two new processes whose medians must agree, and all samples are saved. These times do not predict a phone's.

    Example: poseport bench latency tiny-float32 tiny --threads 1,2 --out results
    """
    import itertools

    from poseport.bench import results_folder
    from poseport.bench.measure import latency as measure
    from poseport.files.one_writer import one_writer
    from poseport.tflite import model_file, trial

    click.get_current_context().with_resource(one_writer(out))
    count_all = len(models) * len(threads) * len(delegates)
    people = load_people(data, data_images, None, model_file.skeletons_of(models)) if data else None
    persons, name = (people.persons, people.path.name) if people else ((), "")
    lines, found = [], []
    faults: list[str] = []
    with progress("timing", count_all, hidden=quiet or as_json) as advance:
        for path in models:
            try:
                trial.check(path)
                for count, delegate in itertools.product(threads, delegates):
                    measured = measure.measure(
                        path,
                        count,
                        xnnpack=delegate == "xnnpack",
                        runs=runs,
                        max_seconds=seconds,
                        persons=persons,
                        name=name,
                    )
                    row, line = _row(measured, results_folder.save(measured, out))
                    found.append(row)
                    lines.append(line)
                    advance(1)
            except Exception as error:  # the results of the other models are kept
                faults.append(fault_of(error, path))
    if found:
        answer({"results": found}, escape.lines(lines), as_json=as_json, quiet=quiet)
    if faults:
        raise ValueError("; ".join(faults))


def _row(measured: Result, saved: Path) -> tuple[dict[str, Any], str]:
    """A latency record as plain data, and as a line of text."""
    from poseport.bench.formatting import plural
    from poseport.bench.record import Latency

    m = measured.measured
    assert isinstance(m, Latency)
    row = {
        "model": measured.model.name, "threads": measured.environment.threads,
        "delegate": measured.environment.delegate, "p50_ms": m.percentile_ms(50), "p90_ms": m.percentile_ms(90),
        "whole_p50_ms": m.whole_ms(50), "steady": m.is_steady, "file": str(saved),
    }  # fmt: skip
    setting = plural(measured.environment.threads, "thread")
    setting += ", no delegate" if measured.environment.delegate == "none" else ""
    unsteady = "" if row["steady"] else "  UNSTEADY: two processes differ by more than 5 %"
    line = (
        f"{row['model']:<28}{setting}  p50 {row['p50_ms']:.2f} ms  p90 {row['p90_ms']:.2f} ms  with crop and decoding "
        f"{row['whole_p50_ms']:.2f} ms  ({len(m.invoke_us)} runs, {saved}){unsteady}"
    )
    return row, line


@click.command()
@click.argument("model", type=MODEL)
@threads_option
@delegates_option
@click.option(
    "--runs", default=50, show_default=True, type=click.IntRange(5), help="Number of timed runs per operation."
)
@click.option("--ops", "list_ops", is_flag=True, help="List every operation.")
@output_options
@guarded
def profile(
    model: Path,
    threads: tuple[int, ...],
    delegates: tuple[str, ...],
    runs: int,
    list_ops: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Time every operation of a converted MODEL alone on this machine, and sum the times by layer of the network, kind
    and type of operation, and delegate.

    Example: poseport bench profile starter --ops
    """
    import itertools

    from poseport.bench.measure import op_profile
    from poseport.records import to_data
    from poseport.tflite import trial

    trial.check(model)
    found = [
        op_profile.profile(model, count, xnnpack=delegate == "xnnpack", runs=runs)
        for count, delegate in itertools.product(threads, delegates)
    ]
    text = "\n\n".join(op_profile.text(profile, list_ops) for profile in found)
    answer({"profiles": [to_data(profile) for profile in found]}, text, as_json=as_json, quiet=quiet)
