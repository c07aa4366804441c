"""`poseport bench latency` and `poseport bench profile`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    "--runs",
    default=1024,
    show_default=True,
    type=click.IntRange(20),
    help="Number of people (or whole pictures) to time, per setting.",
)
seconds_option = click.option(
    "--seconds",
    default=60.0,
    show_default=True,
    type=click.FloatRange(0),
    help="Time limit per setting; fewer are timed when it is reached.",
)


@click.command()
@click.argument("models", type=MODEL, nargs=-1, required=True)
@threads_option
@delegates_option
@runs_option
@seconds_option
@people_options("data", "People whose crops are timed (without it, one drawn person)", required=False)
@click.option(
    "--detector",
    help="Time whole pictures of --data, from this person detector to everyone's keypoints, by the number of people.",
)
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
    detector: str | None,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Time converted MODELS on this machine, one person at a time. Crop, network and decoder are timed separately, in
    two new processes whose medians must agree, and all samples are saved. Of a person detector, letterbox, network and
    decoder are timed on whole pictures. These times do not predict a phone's.

    Example: poseport bench latency tiny-float32 tiny --threads 1,2 --out results
    """
    import itertools

    from poseport.bench import results_folder, time_lines
    from poseport.bench.measure import latency as measure
    from poseport.bench.measure import pictures
    from poseport.bench.record import Latency
    from poseport.files.one_writer import one_writer
    from poseport.tflite import model_file, trial

    if detector is not None and data is None:
        raise ValueError("--detector times whole pictures; name them with --data, such as --data people")
    if detector is not None and "none" in delegates:
        raise ValueError("--detector: whole pictures are timed with XNNPACK only; remove `none` from --delegates")
    click.get_current_context().with_resource(one_writer(out))
    count_all = len(models) * len(threads) * len(delegates)
    people = load_people(data, data_images, None, model_file.skeletons_of(models)) if data else None
    persons, name = (people.persons, people.path.name) if people else ((), "")
    lines, found = [], []
    faults: list[str] = []

    def measured(path: Path, count: int, delegate: str) -> tuple[dict[str, Any], list[str]]:
        if people is not None and detector is not None:
            one = pictures.measure(path, detector, count, people, runs=runs, max_seconds=seconds)
            return time_lines.of_pictures(one, results_folder.save(one, out))
        alone = model_file.is_detector(model_file.read_bytes(path))
        how: dict[str, Any] = {"xnnpack": delegate == "xnnpack", "runs": runs, "max_seconds": seconds}
        if alone:
            times = measure.measure_detector(path, count, persons=persons, name=name, **how)
            saved = results_folder.save_detector(times, out)
            return time_lines.of_latency(times.name, times.environment, times.latency, saved, detector=True)
        result = measure.measure(path, count, persons=persons, name=name, **how)
        assert isinstance(result.measured, Latency)
        return time_lines.of_latency(
            result.model.name, result.environment, result.measured, results_folder.save(result, out)
        )

    with progress("timing", count_all, hidden=quiet or as_json) as advance:
        for path in models:
            try:
                trial.check(path)
                for count, delegate in itertools.product(threads, delegates):
                    row, said = measured(path, count, delegate)
                    found.append(row)
                    lines += said
                    advance(1)
            except Exception as error:  # the results of the other models are kept
                faults.append(fault_of(error, path))
    if found:
        answer({"results": found}, escape.lines(lines), as_json=as_json, quiet=quiet)
    if faults:
        raise ValueError("; ".join(faults))


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
