"""`poseport data relabel`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from poseport.command.options import (
    MODEL,
    PATH,
    answer,
    guarded,
    load_people,
    output_options,
    people_argument,
    progress,
)


@click.command()
@people_argument
@click.option("--teacher", required=True, type=MODEL, help="A .tflite file with its spec, or a bundle.")
@click.option("--cache", required=True, type=PATH, help="File that keeps the teacher's keypoints.")
@click.option(
    "--out", required=True, type=PATH, help="Annotations file to write; beside the old one, its photos are found."
)
@click.option("--weight", default=0.5, show_default=True, type=click.FloatRange(0, 1), help="Share of the teacher.")
@click.option("--threshold", default=0.3, show_default=True, help="Lowest score of a keypoint of the teacher's to use.")
@click.option(
    "--agree", default=0.1, show_default=True, help="Do not move labels that are farther away, in sides of the box."
)
@click.option("--drop", type=click.FloatRange(0, 1), help="Remove farther labels where the teacher's score is above.")
@click.option("--smallest", default=0.0, help="Leave out people whose box is shorter than this, in pixels.")
@click.option("--flip", is_flag=True, help="Average the teacher's outputs with those of the mirrored crops.")
@output_options
@guarded
def relabel(path: Path, out: Path, images: Path | None, skeleton: str | None, **options: Any) -> None:
    """Write a set's annotations with the keypoints of a trained network mixed into the labels. A label near the
    network's keypoint moves towards it by --weight (1: onto it), a missing label is added, and a contradicted one can
    be dropped. PATH is an annotations file or a folder that holds one; it is not changed.

    Example: poseport data relabel people --teacher big.float32.tflite --cache big.npz --out people/relabelled.json
    """
    from poseport.records import to_data
    from poseport.train.begin import teacher as teachers
    from poseport.train.begin.relabel import relabel as write

    if out.exists():
        raise ValueError(f"{out}: exists already; name another --out")
    people = load_people(path, images, skeleton)
    how = {name: options[name] for name in ("weight", "threshold", "agree", "flip")}
    teacher = teachers.load(options["teacher"], **how)
    with progress("the teacher predicts", len(people), hidden=options["quiet"] or options["as_json"]) as advance:
        found = teacher.find(people, options["cache"], advance)
    changed = write(people, teacher, found, out, drop=options["drop"], smallest=options["smallest"])
    answer(
        {"annotations": str(out), **to_data(changed)},
        f"{out}: {changed.text()}",
        as_json=options["as_json"],
        quiet=options["quiet"],
    )
