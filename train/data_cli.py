"""The commands of `poseport data` that show what the trainer makes of people."""

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
@click.option(
    "--cache", required=True, type=PATH, help="File that keeps what it found; `train --teacher-cache` reads it."
)
@click.option("--threshold", default=0.3, show_default=True, help="Lowest score at which the teacher is believed.")
@click.option("--agree", default=0.1, show_default=True, help="Distance that is still agreement, in sides of the box.")
@click.option("--flip", is_flag=True, help="Average the teacher's answers with those of the mirrored crops.")
@click.option("--count", default=20, show_default=True, type=click.IntRange(0), help="How many people to list.")
@output_options
@guarded
def disagree(
    path: Path,
    teacher: Path,
    cache: Path,
    images: Path | None,
    skeleton: str | None,
    threshold: float,
    agree: float,
    flip: bool,
    count: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """List people whose labels are far from what a trained network finds: mistakes of the one or the other. PATH
    is an annotations file or a folder that holds one. An interrupted call goes on where it was.

    Example: poseport data disagree people --teacher big.float32.tflite --cache big.npz
    """
    from poseport.records import to_data
    from poseport.train.begin import teacher as teachers
    from poseport.train.begin.disagree import disagreements

    people = load_people(path, images, skeleton)
    asked = teachers.load(teacher, threshold=threshold, agree=agree, flip=flip)
    with progress("the teacher looks", len(people), hidden=quiet or as_json) as advance:
        found = disagreements(people, asked.find(people, cache, advance), asked.config)
    answer(to_data(found), found.text(count), as_json=as_json, quiet=quiet)


@click.command()
@people_argument
@click.option("--out", required=True, type=PATH, help="Picture to write, .png or .jpg.")
@click.option("--preset", default="mobile-hourglass", show_default=True, help="Whose crops and targets.")
@click.option("--augment", help="none, light, medium, heavy, or a .json file of ranges. Default: the preset's.")
@click.option("--background", type=float, help="Share of crops that show no person.")
@click.option("--count", default=12, show_default=True, type=click.IntRange(1), help="How many crops.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed, other crops.")
@output_options
@guarded
def preview(path: Path, out: Path, images: Path | None, skeleton: str | None, **options: Any) -> None:
    """Show what a network would be trained on: a sheet of augmented crops with their skeletons, each beside its
    target heatmaps. Left limbs are orange, right limbs blue. PATH is an annotations file or a folder that holds one.

    Example: poseport data preview people --out sheet.png --augment heavy
    """
    from poseport.records import to_data
    from poseport.train import overrides, presets
    from poseport.train.samples.preview import write_sheet

    people = load_people(path, images, skeleton)
    chosen = overrides.with_skeleton(presets.preset(options["preset"]), people.skeleton)
    chosen = overrides.customise(chosen, {name: options[name] for name in ("augment", "background")})
    count = write_sheet(out, chosen, people, options["count"], options["seed"])
    answer(
        {"picture": str(out), "crops": count, "augment": to_data(chosen.train.augment)},
        f"{count} crops, {out}",
        as_json=options["as_json"],
        quiet=options["quiet"],
    )
