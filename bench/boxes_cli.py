"""`poseport bench boxes`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from poseport.command.options import PATH, answer, guarded, load_people, output_options, people_options, progress

# AP ranks boxes by their score, so it needs those that the detector is not sure of
LEAST_SCORE = 0.01


@click.command()
@click.argument("detectors", metavar="DETECTOR...", nargs=-1, required=True)
@people_options("data", "People to score on; everybody on a photo must be annotated, crowds as such")
@click.option(
    "--large",
    default=0.2,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Recall and precision are of people at least this long, as a share of the picture's longer side.",
)
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1), help="Threads of the interpreter.")
@click.option("--out", type=PATH, help="File for the results as JSON, such as boxes.json.")
@output_options
@guarded
def boxes(
    detectors: tuple[str, ...],
    data: Path,
    data_images: Path | None,
    large: float,
    threads: int,
    out: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Score person detectors: AP and AP50 of their boxes (pycocotools), and recall and precision of large people at the
    detector's own threshold. DETECTOR is a .tflite file or the name of a shipped one. Every other detector is compared
    with the first, with a 95 % interval of a paired bootstrap over photos.

    Example: poseport bench boxes person ssd_mobilenet.tflite --data people
    """
    from poseport.bench.formatting import signed
    from poseport.bench.measure import box_accuracy
    from poseport.people import detector
    from poseport.records import write_whole

    people = load_people(data, data_images, None)
    opened = [(detector.load(name, threads, LEAST_SCORE), detector.load(name, threads).threshold) for name in detectors]
    photos = len({p.image_id for p in people.persons})
    with progress("detecting", photos, hidden=quiet or as_json) as advance:
        measured = box_accuracy.measure(opened, people, large, advance)
    lines, results = [], []
    for one in measured:
        text = (
            f"{one.name:32}  AP {one.score.ap:.3f}  AP50 {one.score.ap50:.3f}  recall {one.recall:.3f}  "
            f"precision {one.precision:.3f} at score {one.threshold:g}  ({one.score.large} large people)"
        )
        values: dict[str, Any] = {
            "detector": one.name, "ap": one.score.ap, "ap50": one.score.ap50, "recall": one.recall,
            "precision": one.precision, "threshold": one.threshold, "large_people": one.score.large, "photos": photos,
        }  # fmt: skip
        if (d := one.ap50_difference) is not None:
            points = d.times(100)
            text += f"; AP50 {signed(points.value)} points ({signed(points.low)} to {signed(points.high)})"
            values["ap50_difference"] = vars(d)
        lines.append(text)
        # JSON has no NaN: a precision of no boxes is null
        results.append({key: None if value != value else value for key, value in values.items()})
    if out is not None:
        write_whole(out, (json.dumps(results, indent=1) + "\n").encode())
    answer({"detectors": results}, "\n".join(lines), as_json=as_json, quiet=quiet)
