"""`poseport data`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poseport.command.options import (
    PATH,
    F,
    Stages,
    answer,
    guarded,
    load_people,
    output_options,
    people_argument,
    progress,
)

if TYPE_CHECKING:
    from poseport.data.coco_folder import ReadSet


# what the trainer makes of people, imported when it is asked for
TRAINING = {
    "disagree": ("poseport.train.data_cli", "disagree", "List labels that a trained network contradicts."),
    "preview": ("poseport.train.data_cli", "preview", "Show augmented crops and their targets."),
}


@click.group(cls=Stages, stages=TRAINING)
def data() -> None:
    """Draw people, convert other formats to COCO's, check, describe and pack a set."""


@data.command()
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


@data.command()
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


@data.command("stats")
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


@data.command()
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


def conversion_options(command: F) -> F:
    """`--images` and `--out` of the commands that read another format."""
    command = click.option("--images", type=PATH, help="Folder of the images. Default: images/ beside the .mat file.")(
        command
    )
    text = "Folder for person_keypoints_train.json and _test.json, and a link to the images."
    return click.option("--out", required=True, type=PATH, help=text)(command)


@data.command("from-mpii")
@click.argument("source", type=PATH)
@conversion_options
@output_options
@guarded
def from_mpii(source: Path, images: Path | None, out: Path, quiet: bool, as_json: bool) -> None:
    """Write MPII Human Pose in COCO form. SOURCE is mpii_human_pose_v1_u12_1.mat or its folder. The test people
    have no public labels: there is a train file only. Images stay where they are.

    Example: poseport data from-mpii mpii_human_pose_v1_u12_2 --images mpii/images --out mpii
    """
    from poseport.data import coco, readers

    mat = readers.find_mat(source, "mpii_human_pose_v1*.mat")
    _convert([(readers.mpii(mat), coco.find_images(mat, images))], out, quiet=quiet, as_json=as_json)


@data.command("from-flic")
@click.argument("source", type=PATH)
@conversion_options
@output_options
@guarded
def from_flic(source: Path, images: Path | None, out: Path, quiet: bool, as_json: bool) -> None:
    """Write FLIC in COCO form. SOURCE is examples.mat or its folder. Images stay where they are.

    Example: poseport data from-flic FLIC --out flic
    """
    from poseport.data import coco, readers

    mat = readers.find_mat(source, "examples.mat")
    _convert([(readers.flic(mat), coco.find_images(mat, images))], out, quiet=quiet, as_json=as_json)


@data.command("from-lsp")
@click.argument("sources", type=PATH, nargs=-1, required=True)
@conversion_options
@output_options
@guarded
def from_lsp(sources: tuple[Path, ...], images: Path | None, out: Path, quiet: bool, as_json: bool) -> None:
    """Write Leeds Sports Pose, its extension, or both as one set in COCO form. SOURCES are joints.mat files or
    their folders. LSP's first thousand and all of LSPET train, LSP's others test. Images stay where they are.

    Example: poseport data from-lsp lsp_dataset lspet_dataset --out lsp
    """
    from poseport.data import coco, readers

    if images is not None and len(sources) > 1:
        raise ValueError("--images says where the images of one source are; with several they lie beside each .mat")
    sets = []
    for source in sources:
        mat = readers.find_mat(source, "joints.mat")
        folder = coco.find_images(mat, images)
        sets.append((readers.lsp(mat, folder), folder))
    _convert(sets, out, quiet=quiet, as_json=as_json)


def _convert(sets: Sequence[tuple[ReadSet, Path]], out: Path, *, quiet: bool, as_json: bool) -> None:
    from poseport.data import coco_folder

    count = sum(len({s.file_name for s in found.people}) for found, _ in sets)
    with progress("reading images", count, hidden=quiet or as_json) as advance:
        written = coco_folder.write(sets, out, advance)
    lines = [f"{w.split}: {w.people} people in {w.images} images, {w.path}" for w in written]
    left_out = {reason: sum(found.left_out[reason] for found, _ in sets) for reason in sets[0][0].left_out}
    lines += [f"left out: {count} {reason}" for reason, count in left_out.items() if count]
    splits = {w.split: {"annotations": str(w.path), "people": w.people, "images": w.images} for w in written}
    answer({"splits": splits, "left_out": left_out}, "\n".join(lines), as_json=as_json, quiet=quiet)
