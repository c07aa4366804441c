"""`poseport data`, and those of its commands that make, check and describe a set."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.command.groups import LazyGroup
from poseport.command.options import (
    PATH,
    answer,
    chosen_category,
    guarded,
    load_people,
    output_options,
    people_argument,
    progress,
    seed_option,
)

COMMANDS = {
    "synth": ("poseport.command.data_cli", "synth", "Draw people whose keypoints are known exactly."),
    "from-mpii": ("poseport.command.formats_cli", "from_mpii", "Convert MPII Human Pose to COCO form."),
    "from-flic": ("poseport.command.formats_cli", "from_flic", "Convert FLIC to COCO form."),
    "from-lsp": ("poseport.command.formats_cli", "from_lsp", "Convert Leeds Sports Pose to COCO form."),
    "from-yolo": ("poseport.command.labels_cli", "from_yolo", "Convert YOLO-pose labels to COCO form."),
    "to-yolo": ("poseport.command.labels_cli", "to_yolo", "Write YOLO-pose labels of a data set."),
    "check": ("poseport.command.data_cli", "check", "List what is wrong with a data set."),
    "stats": ("poseport.command.data_cli", "describe", "Describe a data set: people, sizes, labelled keypoints."),
    "disagree": ("poseport.train.data_cli", "disagree", "List labels that a trained network contradicts."),
    "relabel": ("poseport.train.begin.relabel_cli", "relabel", "Mix a trained network's keypoints into the labels."),
    "preview": ("poseport.train.data_cli", "preview", "Draw augmented training crops and their targets."),
    "pack": ("poseport.command.data_cli", "pack", "Crop people out of large photos once, for faster training."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def data() -> None:
    """Make, convert, check and describe sets of people with keypoints (COCO form)."""


@click.command()
@click.argument("directory", type=PATH)
@click.option("--count", default=2000, show_default=True, type=click.IntRange(1), help="Number of people to draw.")
@seed_option("people")
@click.option("--overwrite", is_flag=True, help="Replace a set that exists already.")
@output_options
@guarded
def synth(directory: Path, count: int, seed: int, overwrite: bool, quiet: bool, as_json: bool) -> None:
    """Draw people whose keypoints are known exactly, and write them in COCO form: DIRECTORY/images and
    DIRECTORY/person_keypoints.json. The same seed gives the same files.

    Example: poseport data synth people --count 2000 --seed 0
    """
    from poseport.data.drawn.synth import write_people

    with progress("drawing", count, hidden=quiet or as_json) as advance:
        before = 0

        def done(drawn: int) -> None:
            nonlocal before
            advance(drawn - before)
            before = drawn

        path = write_people(directory, count, seed, progress=done, overwrite=overwrite)
    answer(
        {"annotations": str(path), "people": count, "seed": seed},
        f"{count} people drawn, {path}",
        as_json=as_json,
        quiet=quiet,
    )


@click.command()
@people_argument
@click.option(
    "--min-keypoints",
    default=5,
    show_default=True,
    help="Count people with at least this many labelled keypoints as usable for training.",
)
@output_options
@guarded
def check(
    path: Path, images: Path | None, skeleton: str | None, min_keypoints: int, quiet: bool, as_json: bool
) -> None:
    """List what is wrong with a set of people, file by file, and count the people whom training would use. PATH is
    an annotations file or a folder that holds one. The exit code is 1 if anything is wrong.

    Example: poseport data check coco/annotations/person_keypoints_val2017.json
    """
    from poseport import skeletons
    from poseport.data import check as checks
    from poseport.data import coco

    own = skeletons.find(skeleton) if skeleton else None
    people = coco.load(path, images, own, category=chosen_category(), strict=False)
    count = len({p.image_path for p in people.persons})
    with progress("reading images", count, hidden=quiet or as_json) as advance:
        found = checks.check(people, min_keypoints, advance)
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)
    if found.problems:
        raise click.exceptions.Exit(1)


@click.command("stats")
@people_argument
@click.option("--out", type=PATH, help="Also write a plot: .svg, .png or .pdf.")
@click.option(
    "--min-keypoints",
    default=5,
    show_default=True,
    help="Count people with at least this many labelled keypoints as usable for training.",
)
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
    """Describe a set of people: labelled keypoints per person, people per photo, sizes, and how often each keypoint
    is visible, hidden or not labelled. PATH is an annotations file or a folder that holds one.

    Example: poseport data stats coco/annotations/person_keypoints_train2017.json --out coco.svg
    """
    from poseport.data.stats import stats
    from poseport.records import write_whole

    found = stats(load_people(path, images, skeleton))
    if out is not None:
        from poseport.data import set_plot

        suffix = out.suffix.lower()
        if suffix not in set_plot.SUFFIXES:
            raise ValueError(f"{out}: the name of a plot must end in {', '.join(set_plot.SUFFIXES)}")
        write_whole(out, set_plot.picture(found, suffix, min_keypoints))
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)


@click.command()
@people_argument
@click.option("--out", required=True, type=PATH, help="Folder for the packed set. An interrupted run continues.")
@click.option(
    "--size",
    default=320,
    show_default=True,
    type=click.IntRange(16),
    help="Largest side of a person's padded box, in pixels. At least the network's input size loses nothing.",
)
@click.option(
    "--room",
    default=2.5,
    show_default=True,
    type=click.FloatRange(1, 10),
    help="Side of the crop, in longer sides of the box; 2.5 is enough for rotation by 40 degrees and scale by 25 %.",
)
@click.option(
    "--workers",
    default=2,
    show_default=True,
    type=click.IntRange(1),
    help="Number of photos processed at the same time.",
)
@output_options
@guarded
def pack(
    path: Path,
    out: Path,
    size: int,
    room: float,
    images: Path | None,
    skeleton: str | None,
    workers: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Crop every person out of a set's photos once, with room for augmentation, so that training does not wait for
    large photos to be decoded. Boxes, keypoints and areas are transformed with the crop; training crops stay the same
    except for resampling. Evaluate on the original photos, because only one person is labelled in a packed picture.
    People without labels and crowds are left out.

    Example: poseport data pack mpii/person_keypoints_train.json --out mpii-packed --size 320
    """
    from poseport.data.pack import pack as cut_out

    people = load_people(path, images, skeleton)
    count = len(people.for_training(1))
    with progress("packing", count, hidden=quiet or as_json) as advance:
        written = cut_out(people, out, size, room=room, threads=workers, progress=advance)
    answer(
        {"annotations": str(written), "people": count, "size": size, "room": room},
        f"{count} people of {len(people)} packed, {written}",
        as_json=as_json,
        quiet=quiet,
    )
