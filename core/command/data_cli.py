"""`poseport data`."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.command.groups import LazyGroup
from poseport.command.options import (
    PATH,
    answer,
    guarded,
    load_people,
    output_options,
    people_argument,
    progress,
)

COMMANDS = {
    "synth": ("poseport.command.data_cli", "synth", "Draw people whose keypoints are known exactly."),
    "from-mpii": ("poseport.command.formats_cli", "from_mpii", "Convert MPII Human Pose to COCO form."),
    "from-flic": ("poseport.command.formats_cli", "from_flic", "Convert FLIC to COCO form."),
    "from-lsp": ("poseport.command.formats_cli", "from_lsp", "Convert Leeds Sports Pose to COCO form."),
    "check": ("poseport.command.data_cli", "check", "List what is wrong with a data set."),
    "stats": ("poseport.command.data_cli", "describe", "Describe a data set: people, sizes, labelled keypoints."),
    "disagree": ("poseport.train.data_cli", "disagree", "List labels that a trained network contradicts."),
    "preview": ("poseport.train.data_cli", "preview", "Draw augmented training crops and their targets."),
    "pack": ("poseport.command.data_cli", "pack", "Crop people out of large photos once, for faster training."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def data() -> None:
    """Make, convert, check and describe sets of people with keypoints (COCO form)."""


@click.command()
@click.argument("directory", type=PATH)
@click.option("--people", default=2000, show_default=True, type=click.IntRange(1), help="How many people to draw.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed, other people.")
@click.option("--overwrite", is_flag=True, help="Replace a set that is there.")
@output_options
@guarded
def synth(directory: Path, people: int, seed: int, overwrite: bool, quiet: bool, as_json: bool) -> None:
    """Draw people whose keypoints are exactly known, as a COCO-form set: DIRECTORY/images and
    DIRECTORY/person_keypoints.json. The same seed gives the same files.

    Example: poseport data synth people --people 2000 --seed 0
    """
    from poseport.data.drawn.synth import write_people

    with progress("drawing", people, hidden=quiet or as_json) as advance:
        before = 0

        def done(count: int) -> None:
            nonlocal before
            advance(count - before)
            before = count

        path = write_people(directory, people, seed, progress=done, overwrite=overwrite)
    answer(
        {"annotations": str(path), "people": people, "seed": seed},
        f"{people} people drawn, {path}",
        as_json=as_json,
        quiet=quiet,
    )


@click.command()
@people_argument
@click.option("--min-keypoints", default=5, show_default=True, help="Fewest labels of a person to train on.")
@output_options
@guarded
def check(
    path: Path, images: Path | None, skeleton: str | None, min_keypoints: int, quiet: bool, as_json: bool
) -> None:
    """Say what is wrong with a set of people, file by file, and count what training would keep. PATH is an
    annotations file or a folder that holds one. Exit code 1 when anything is wrong.

    Example: poseport data check coco/annotations/person_keypoints_val2017.json
    """
    from poseport import skeleton as skeletons
    from poseport.data import check as checks
    from poseport.data import coco

    people = coco.load(path, images, skeletons.find(skeleton) if skeleton else None, strict=False)
    count = len({p.image_path for p in people.persons})
    with progress("reading images", count, hidden=quiet or as_json) as advance:
        found = checks.check(people, min_keypoints, advance)
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)
    if found.problems:
        raise click.exceptions.Exit(1)


@click.command("stats")
@people_argument
@click.option("--out", type=PATH, help="Plot to write, .svg, .png or .pdf.")
@click.option("--min-keypoints", default=5, show_default=True, help="Fewest labels of a person to train on.")
@output_options
@guarded
def describe(
    path: Path,
    images: Path | None,
    out: Path | None,
    skeleton: str | None,
    min_keypoints: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Say what a set of people is made of: labelled keypoints a person, people an image, sizes, and how often each
    keypoint is visible, hidden or not labelled. PATH is an annotations file or a folder that holds one.

    Example: poseport data stats coco/annotations/person_keypoints_train2017.json --out coco.svg
    """
    from poseport.data.stats import stats
    from poseport.records import write_whole

    found = stats(load_people(path, images, skeleton))
    if out is not None:
        from poseport.data import set_plot

        suffix = out.suffix.lower()
        if suffix not in set_plot.SUFFIXES:
            raise ValueError(f"{out}: a plot ends in {', '.join(set_plot.SUFFIXES)}")
        write_whole(out, set_plot.picture(found, suffix, min_keypoints))
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)


@click.command()
@people_argument
@click.option("--out", required=True, type=PATH, help="Folder of the packed set; a run that was cut off goes on.")
@click.option(
    "--size",
    default=320,
    show_default=True,
    type=click.IntRange(16),
    help="Pixels that the person's padded box keeps at most: an input of this size loses nothing.",
)
@click.option(
    "--room",
    default=2.5,
    show_default=True,
    type=click.FloatRange(1, 10),
    help="What is kept around, in longer sides of the box; 2.5 is all that +-40 degrees, 25 % and 4 % can show.",
)
@click.option("--threads", default=2, show_default=True, type=click.IntRange(1), help="Photos packed at a time.")
@output_options
@guarded
def pack(
    path: Path,
    out: Path,
    size: int,
    room: float,
    images: Path | None,
    skeleton: str | None,
    threads: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Cut every person out of a set's photos once, with room for augmentation, so that training does not wait for
    large photos to be decoded. Box, keypoints and area move along; training crops stay the same up to resampling.
    Score on the photos: in a packed picture nobody else is labelled. People without labels and crowds are left out.

    Example: poseport data pack mpii/person_keypoints_train.json --out mpii-packed --size 320
    """
    from poseport.data.pack import pack as cut_out

    people = load_people(path, images, skeleton)
    count = len(people.for_training(1))
    with progress("packing", count, hidden=quiet or as_json) as advance:
        written = cut_out(people, out, size, room=room, threads=threads, progress=advance)
    answer(
        {"annotations": str(written), "people": count, "size": size, "room": room},
        f"{count} people of {len(people)} packed, {written}",
        as_json=as_json,
        quiet=quiet,
    )
