"""`poseport bench all`: accuracy, latency and report of several files in one go."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.bench.measure_cli import accuracy, keypoints_option, latency
from poseport.command.options import (
    MODEL,
    PATH,
    Counts,
    answer,
    guarded,
    output_options,
    people_options,
    skeleton_option,
)


@click.command("all")
@click.argument("models", type=MODEL, nargs=-1, required=True)
@people_options("data", "People to score on, whose crops are timed too")
@skeleton_option
@keypoints_option
@click.option("--processes", default=1, show_default=True, type=click.IntRange(1), help="That share the people.")
@click.option("--threads", default="1", type=Counts(), show_default=True, help="Thread counts, comma separated.")
@click.option("--runs", default=1024, show_default=True, type=click.IntRange(20), help="Timed people of each.")
@click.option("--seconds", default=60.0, show_default=True, type=click.FloatRange(0), help="Fewer people after these.")
@click.option("--no-photos", is_flag=True, help="Leave the crops of the worst people out of the report.")
@click.option("--out", required=True, type=PATH, help="Folder for the results; the page is its report.html.")
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
    processes: int,
    threads: tuple[int, ...],
    runs: int,
    seconds: float,
    no_photos: bool,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score and time converted MODELS on the same people, crops and machine, and write one page that compares them:
    our own files, and others' with a spec beside them.

    Example: poseport bench all starter-float32 starter deeppose --data people --keypoints body --out results
    """
    from poseport.bench import result
    from poseport.bench.report import heatmaps
    from poseport.bench.report.report import write_report

    page = out / "report.html"
    shared = {"models": models, "data": data, "data_images": data_images, "out": out, "quiet": quiet or as_json}
    context.invoke(accuracy, **shared, skeleton=skeleton, keypoints=keypoints, processes=processes)
    context.invoke(latency, **shared, threads=threads, runs=runs, seconds=seconds)
    records = result.load_all(out)
    write_report(records, page, images=not no_photos, files=heatmaps.find_files(models))
    answer(
        {"report": str(page), "records": len(records)}, f"{page}: {len(records)} records", as_json=as_json, quiet=quiet
    )
