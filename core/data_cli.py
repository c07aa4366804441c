"""`poseport data`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from poseport.options import PATH, answer, guarded, load_people, output_options, progress, skeleton_option

if TYPE_CHECKING:
    from poseport.foreign import Foreign

F = TypeVar("F", bound=Callable[..., Any])


@click.group()
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
    from poseport.synth import write_people

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
@click.argument("path", type=PATH)
@click.option("--images", type=PATH, help="Folder of the images.")
@skeleton_option
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
    from poseport import check as checks
    from poseport import coco
    from poseport import skeleton as skeletons

    people = coco.load(path, images, skeletons.find(skeleton) if skeleton else None, strict=False)
    count = len({p.image_path for p in people.persons})
    with progress("reading images", count, hidden=quiet or as_json) as advance:
        found = checks.check(people, min_keypoints, advance)
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)
    if found.problems:
        raise click.exceptions.Exit(1)


@data.command("stats")
@click.argument("path", type=PATH)
@click.option("--images", type=PATH, help="Folder of the images (it must be there; none is opened).")
@click.option("--out", type=PATH, help="Plot to write, .svg, .png or .pdf.")
@skeleton_option
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
    from poseport.records import write_whole
    from poseport.stats import stats

    found = stats(load_people(path, images, skeleton))
    if out is not None:
        from poseport.bench import set_plot

        suffix = out.suffix.lower()
        if suffix not in set_plot.SUFFIXES:
            raise ValueError(f"{out}: a plot ends in {', '.join(set_plot.SUFFIXES)}")
        write_whole(out, set_plot.picture(found, suffix, min_keypoints))
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)


@data.command()
@click.argument("path", type=PATH)
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
@click.option("--images", type=PATH, help="Folder of the images.")
@skeleton_option
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
    from poseport.pack import pack as cut_out

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
    from poseport import coco, readers

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
    from poseport import coco, readers

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
    from poseport import coco, readers

    if images is not None and len(sources) > 1:
        raise ValueError("--images says where the images of one source are; with several they lie beside each .mat")
    sets = []
    for source in sources:
        mat = readers.find_mat(source, "joints.mat")
        folder = coco.find_images(mat, images)
        sets.append((readers.lsp(mat, folder), folder))
    _convert(sets, out, quiet=quiet, as_json=as_json)


def _convert(sets: Sequence[tuple[Foreign, Path]], out: Path, *, quiet: bool, as_json: bool) -> None:
    from poseport import foreign

    count = sum(len({s.file_name for s in found.people}) for found, _ in sets)
    with progress("reading images", count, hidden=quiet or as_json) as advance:
        written = foreign.write(sets, out, advance)
    lines = [f"{w.split}: {w.people} people in {w.images} images, {w.path}" for w in written]
    left_out = {reason: sum(found.left_out[reason] for found, _ in sets) for reason in sets[0][0].left_out}
    lines += [f"left out: {count} {reason}" for reason, count in left_out.items() if count]
    splits = {w.split: {"annotations": str(w.path), "people": w.people, "images": w.images} for w in written}
    answer({"splits": splits, "left_out": left_out}, "\n".join(lines), as_json=as_json, quiet=quiet)


@data.command()
@click.argument("path", type=PATH)
@click.option("--teacher", required=True, type=PATH, help="A .tflite file with its spec, or a bundle.")
@click.option(
    "--cache", required=True, type=PATH, help="File that keeps what it found; `train --teacher-cache` reads it."
)
@click.option("--images", type=PATH, help="Folder of the images.")
@skeleton_option
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
    from poseport.train import teacher as teachers
    from poseport.train.disagree import disagreements

    people = load_people(path, images, skeleton)
    asked = teachers.load(teacher, threshold=threshold, agree=agree, flip=flip)
    with progress("the teacher looks", len(people), hidden=quiet or as_json) as advance:
        found = disagreements(people, asked.find(people, cache, advance), asked.config)
    answer(to_data(found), found.text(count), as_json=as_json, quiet=quiet)


@data.command()
@click.argument("path", type=PATH)
@click.option("--out", required=True, type=PATH, help="Picture to write, .png or .jpg.")
@click.option("--preset", default="mobile-hourglass", show_default=True, help="Whose crops and targets.")
@click.option("--augment", help="none, light, medium, heavy, or a .json file of ranges. Default: the preset's.")
@click.option("--background", type=float, help="Share of crops that show no person.")
@click.option("--count", default=12, show_default=True, type=click.IntRange(1), help="How many crops.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Another seed, other crops.")
@click.option("--images", type=PATH, help="Folder of the images.")
@skeleton_option
@output_options
@guarded
def preview(path: Path, out: Path, images: Path | None, skeleton: str | None, **options: Any) -> None:
    """Show what a network would be trained on: a sheet of augmented crops with their skeletons, each beside its
    target heatmaps. Left limbs are orange, right limbs blue. PATH is an annotations file or a folder that holds one.

    Example: poseport data preview people --out sheet.png --augment heavy
    """
    from poseport.records import to_data
    from poseport.train import presets
    from poseport.train.preview import write_sheet

    people = load_people(path, images, skeleton)
    chosen = presets.with_skeleton(presets.preset(options["preset"]), people.skeleton)
    chosen = presets.customise(chosen, {name: options[name] for name in ("augment", "background")})
    count = write_sheet(out, chosen, people, options["count"], options["seed"])
    answer(
        {"picture": str(out), "crops": count, "augment": to_data(chosen.train.augment)},
        f"{count} crops, {out}",
        as_json=options["as_json"],
        quiet=options["quiet"],
    )
