"""`poseport bench latency` and `poseport bench profile`."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.bench.measure_cli import out_option
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

    Example: poseport bench latency starter-float32 starter --threads 1,2 --out results
    """
    import itertools

    from poseport.bench import results_folder
    from poseport.bench.formatting import plural
    from poseport.bench.measure import latency as measure
    from poseport.bench.record import Latency

    ways = list(itertools.product(models, threads, delegates))
    people = load_people(data, data_images, None) if data else None
    persons, name = (people.persons, people.path.name) if people else ((), "")
    lines, found = [], []
    with progress("timing", len(ways), hidden=quiet or as_json) as advance:
        for path, count, delegate in ways:
            measured = measure.measure(
                path, count, xnnpack=delegate == "xnnpack", runs=runs, max_seconds=seconds, persons=persons, name=name
            )
            saved = results_folder.save(measured, out)
            m = measured.measured
            assert isinstance(m, Latency)
            row = {
                "model": measured.model.name, "threads": count, "delegate": measured.environment.delegate,
                "p50_ms": m.percentile_ms(50), "p90_ms": m.percentile_ms(90),
                "whole_p50_ms": m.whole_ms(50), "steady": m.is_steady, "file": str(saved),
            }  # fmt: skip
            found.append(row)
            setting = f"{plural(count, 'thread')}{', no delegate' if delegate == 'none' else ''}"
            unsteady = "" if row["steady"] else "  UNSTEADY: two processes differ by more than 5 %"
            lines.append(
                f"{row['model']:<28}{setting}  p50 {row['p50_ms']:.2f} ms  "
                f"p90 {row['p90_ms']:.2f} ms  with crop and decoding {row['whole_p50_ms']:.2f} ms  "
                f"({len(m.invoke_us)} runs, {saved}){unsteady}"
            )
            advance(1)
    answer({"results": found}, "\n".join(lines), as_json=as_json, quiet=quiet)


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

    found = [
        op_profile.profile(model, count, xnnpack=delegate == "xnnpack", runs=runs)
        for count, delegate in itertools.product(threads, delegates)
    ]
    text = "\n\n".join(op_profile.text(profile, list_ops) for profile in found)
    answer({"profiles": [to_data(profile) for profile in found]}, text, as_json=as_json, quiet=quiet)
