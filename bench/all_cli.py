"""`poseport bench all`: accuracy, latency and report of several files in one go."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.bench.measure_cli import accuracy, keypoints_option, workers_option
from poseport.bench.time_cli import latency, runs_option, seconds_option, threads_option
from poseport.command.options import (
    MODEL,
    PATH,
    answer,
    guarded,
    output_options,
    people_options,
    skeleton_option,
)


@click.command("all")
@click.argument("models", type=MODEL, nargs=-1, required=True)
@people_options("data", "People to score on and to time")
@skeleton_option
@keypoints_option
@workers_option
@threads_option
@runs_option
@seconds_option
@click.option("--no-photos", is_flag=True, help="Write the report without crops of the people who were scored worst.")
@click.option("--out", required=True, type=PATH, help="Folder for the results and for the page, report.html.")
@output_options
@guarded
@click.pass_context
def everything(
    context: click.Context,
    models: tuple[Path, ...],
    data: Path,
    data_images: Path | None,
    skeleton: str | None,
    keypoints: str | None,
    workers: int,
    threads: tuple[int, ...],
    runs: int,
    seconds: float,
    no_photos: bool,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score and time converted MODELS on the same people and the same machine, and write one page that compares
    them. A .tflite file that others made needs its spec beside it.

    Example: poseport bench all tiny-float32 tiny deeppose --data people --keypoints body --out results
    """
    from poseport.bench import results_folder
    from poseport.bench.report.pictures import heatmaps
    from poseport.bench.report.report import write_report
    from poseport.files.one_writer import one_writer

    click.get_current_context().with_resource(one_writer(out))
    page = out / "report.html"
    shared = {"models": models, "data": data, "data_images": data_images, "out": out, "quiet": quiet or as_json}
    faults: list[str] = []  # of some models; the page shows the others
    for command, own in (
        (accuracy, {"skeleton": skeleton, "keypoints": keypoints, "workers": workers}),
        (latency, {"threads": threads, "runs": runs, "seconds": seconds}),
    ):
        try:
            context.invoke(command, **shared, **own)
        except click.ClickException as error:
            faults += [error.message] if error.message not in faults else []
    if faults and not any(out.glob("*.json")):
        raise ValueError("; ".join(faults))
    records = results_folder.load_all(out)
    write_report(records, page, images=not no_photos, files=heatmaps.find_files(models))
    answer(
        {"report": str(page), "records": len(records)}, f"{page}: {len(records)} records", as_json=as_json, quiet=quiet
    )
    if faults:
        raise ValueError("; ".join(faults))
