"""The commands of `poseport data` that use the trainer: disagree and preview."""

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
    seed_option,
)
from poseport.train.presets_cli import PRESET, settings_option


@click.command()
@people_argument
@click.option(
    "--teacher",
    required=True,
    type=MODEL,
    help="Trained network to compare with: a .tflite file with its spec, or a bundle.",
)
@click.option(
    "--cache",
    required=True,
    type=PATH,
    help="File that stores the network's keypoints, which `poseport train --teacher-cache` can read.",
)
@click.option(
    "--threshold", default=0.3, show_default=True, help="Ignore the network's keypoints that score below this."
)
@click.option(
    "--agree",
    default=0.1,
    show_default=True,
    help="Largest distance between label and network that counts as agreement, as a share of the box's longer side.",
)
@click.option("--flip", is_flag=True, help="Average the network's keypoints with those of the mirrored crops.")
@click.option("--show", default=20, show_default=True, type=click.IntRange(0), help="Number of people to list.")
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
    show: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """List the people whose labels are farthest from the keypoints of a trained network: either the label or the
    network is wrong. PATH is an annotations file or a folder that holds one. An interrupted command continues.

    Example: poseport data disagree people --teacher big.float32.tflite --cache big.npz
    """
    from poseport.records import to_data
    from poseport.train.begin import teacher as teachers
    from poseport.train.begin.disagree import disagreements

    people = load_people(path, images, skeleton)
    network = teachers.load(teacher, threshold=threshold, agree=agree, flip=flip)
    with progress("running the network", len(people), hidden=quiet or as_json) as advance:
        found = disagreements(people, network.find(people, cache, advance), network.config)
    answer(to_data(found), found.text(show), as_json=as_json, quiet=quiet)


@click.command()
@people_argument
@click.option("--out", required=True, type=PATH, help="File to write: .png or .jpg.")
@click.option(
    "--preset",
    default="mobile-hourglass",
    show_default=True,
    type=PRESET,
    help="Preset whose crops and targets are drawn, one of `poseport presets`.",
)
@click.option("--augment", help="Augmentation: none, light, medium, heavy, or a .json file. Default: the preset's.")
@settings_option
@click.option("--count", default=12, show_default=True, type=click.IntRange(1), help="Number of crops to draw.")
@seed_option("people and augmentation")
@output_options
@guarded
def preview(path: Path, out: Path, images: Path | None, skeleton: str | None, **options: Any) -> None:
    """Draw what a network would be trained on: augmented crops with their skeletons, each beside its target heatmaps.
    Left limbs are orange, right limbs blue. PATH is an annotations file or a folder that holds one.

    Example: poseport data preview people --out sheet.png --augment heavy
    """
    from poseport.records import to_data
    from poseport.train import overrides, presets
    from poseport.train.samples.preview import write_sheet

    people = load_people(path, images, skeleton)
    chosen = overrides.with_skeleton(presets.preset(options["preset"]), people.skeleton)
    chosen = overrides.customise(chosen, {"augment": options["augment"]}, options["settings"])
    count = write_sheet(out, chosen.spec, chosen.train, people, options["count"], options["seed"])
    answer(
        {"picture": str(out), "crops": count, "augment": to_data(chosen.train.augment)},
        f"{count} crops, {out}",
        as_json=options["as_json"],
        quiet=options["quiet"],
    )
