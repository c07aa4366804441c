"""`poseport predict`."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poseport.command.options import PATH, answer, guarded, output_options, progress
from poseport.files.escape import terminal

if TYPE_CHECKING:
    from poseport.command.pictures.result_files import Predicted
    from poseport.command.pictures.sources import Source


@click.command()
@click.argument("model_and_source", nargs=-1, required=True, metavar="[MODEL] SOURCE")
@click.option(
    "--people",
    type=click.IntRange(1),
    help="Find at most this many people in a picture, the surest ones. 1 takes the one who fills most of it, without "
    "a detector. Default: 20.",
)
@click.option("--box", help="The only person's box in pixels: x,y,width,height.")
@click.option(
    "--detections", type=PATH, help="COCO results file with the people's boxes. Photos must be named by image id."
)
@click.option(
    "--detector", help="Person detector: one of poseport's, or a .tflite file with TFLite's usual four outputs."
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    help="Ignore boxes that score below this. Default: the detector's own (`person`: 0.2), and 0.5 for --detections. "
    "Photos also leave out people whose box and keypoints together score below 0.11 (or the least_score of the "
    "network's spec), or below this if it is less.",
)
@click.option(
    "--track/--no-track", default=True, help="Whether people keep their numbers from frame to frame. Default: they do."
)
@click.option(
    "--smooth/--no-smooth",
    default=True,
    help="Whether the keypoints of tracked people are smoothed over the frames. Default: they are.",
)
@click.option(
    "--detect-every",
    default=10,
    show_default=True,
    type=click.IntRange(1),
    help="Frames of a film between two runs of the detector; it also runs when somebody was lost.",
)
@click.option("--frames", type=click.IntRange(1), help="Stop after this many pictures.")
@click.option(
    "--out", type=PATH, help="Draw the skeletons: a .png or .jpg for a photo, a folder for a folder, a .mp4 for a film."
)
@click.option("--results", type=PATH, help="Write the keypoints as a COCO file.")
@click.option("--table", "table_file", type=PATH, help="Write the keypoints as a .csv or .parquet, one row for each.")
@click.option(
    "--results-form",
    default="results",
    show_default=True,
    type=click.Choice(["results", "coco"]),
    help="Form of --results: COCO results, or annotations with images and categories, to correct in a labelling tool.",
)
@click.option(
    "--category", default=1, show_default=True, type=int, help="Category id of people in the file of --detections."
)
@click.option("--strict", is_flag=True, help="Stop at the first photo that cannot be read, instead of leaving it out.")
@click.option(
    "--threads", default=2, show_default=True, type=click.IntRange(1), help="Number of threads of the interpreter."
)
@output_options
@guarded
def predict(
    model_and_source: tuple[str, ...],
    people: int | None,
    box: str | None,
    detections: Path | None,
    detector: str | None,
    threshold: float | None,
    track: bool,
    smooth: bool,
    detect_every: int,
    frames: int | None,
    out: Path | None,
    results: Path | None,
    table_file: Path | None,
    results_form: str,
    category: int,
    strict: bool,
    threads: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Find keypoints in SOURCE: a photo, a folder of photos, a film, or the number of a camera.

    MODEL is a converted file or a name listed by `poseport models`; the default is `starter`. A person detector finds
    the people, and MODEL the keypoints of each. With `--people 1` MODEL works alone and finds one person: first in the
    whole picture, then again in a crop around the first result; in a film, it follows that person.

    Example: poseport predict starter photo.jpg --out overlay.png
    """
    import itertools

    import numpy as np

    from poseport.command.outputs import refuse_overwriting
    from poseport.command.pictures import finders, keypoint_table, sources
    from poseport.command.pictures.overlays import written
    from poseport.command.pictures.result_files import Predicted, line, plain, table, write_annotations
    from poseport.command.pictures.result_files import results as result_entries
    from poseport.draw import skeleton_overlay
    from poseport.records import write_whole
    from poseport.tflite import shipped, trial
    from poseport.tflite.runner import load

    if len(model_and_source) > 2:
        raise ValueError(f"{len(model_and_source)} arguments were given; expected [MODEL] SOURCE, that is, at most two")
    *named, source = model_and_source
    if not named and (source in shipped.SHIPPED or source.endswith(".tflite")):
        raise ValueError(
            f"{source}: a model was given, but nothing to run it on; add a photo, a folder, a film or a camera's number"
        )
    where = sources.find(source)
    if table_file is not None:
        keypoint_table.check(table_file)
    refuse_overwriting([*where.photos, Path(source), *map(Path, named)], [results, table_file])
    if results_form == "coco" and where.moving:
        raise ValueError(f"{source}: --results-form coco needs photos, which annotations can name")
    if named and (path := shipped.model(named[0])) not in [network.path for network in shipped.SHIPPED.values()]:
        trial.check(path)
    pose = load(named[0] if named else shipped.STARTER, threads)
    request = finders.Request(
        box, detections, category, detector, threshold, people, track=track, smooth=smooth, detect_every=detect_every
    )
    find = finders.choose(pose, request, where)
    total = min(frames or where.count, where.count)
    found: list[Predicted] = []
    unread: list[str] = []
    silent: list[str] = []
    with (
        written(where, out, silent.append) as write,
        progress("predicting", total, hidden=quiet or as_json or total < 2) as advance,
    ):
        try:
            for picture in itertools.islice(where.pictures(_passed_over(where, strict, unread)), frames):
                there = find(picture)
                found.append(Predicted(picture.name, picture.index, picture.image.shape[:2], there))
                if out is not None:
                    write(picture, skeleton_overlay(picture.image, there.keypoints, pose.spec.skeleton))
                advance(1)
        except KeyboardInterrupt:
            if where.count:  # only a camera runs until Ctrl-C
                raise
    if where.photos and not found:
        raise ValueError(f"{source}: none of its {len(where.photos)} photos could be read; the first: {unread[0]}")
    if not_numbers := sum(not np.isfinite(picture.found.keypoints).all() for picture in found):
        click.echo(f"{pose.path}: its outputs are not numbers (NaN or infinity) on {not_numbers} pictures", err=True)
    notices = [f"{out}: has no sound; {reason}" for reason in silent]
    for notice in [*notices, *where.notices(), *_bounded(found, people)]:
        click.echo(terminal(notice), err=True)
    if cut_off := where.moving and len(found) < total - max(1, total // 50):  # some headers are off by a frame or two
        click.echo(
            f"{source}: {len(found)} of {total} pictures could be read; the film is cut off or damaged", err=True
        )
    if table_file is not None:
        keypoint_table.write(table_file, found, pose.spec.skeleton)
    if results is not None and results_form == "coco":
        write_annotations(results, found, pose.spec.skeleton)
    elif results is not None:
        write_whole(results, json.dumps(result_entries(found, where.moving), allow_nan=False).encode())
    data = {
        "source": source,
        "pictures": [plain(picture, pose.spec.skeleton.names) for picture in found],
        "unreadable": unread,
        "left_out": [*where.left_out, *(f"{name}/" for name in where.folders)],
        "expected": total or None,
        "complete": not (cut_off or unread),
    }
    single = not where.moving and len(found) == 1
    lines = table(found[0].found.keypoints, pose.spec.skeleton) if single else [line(picture) for picture in found]
    answer(data, "\n".join(lines), as_json=as_json, quiet=quiet)


def _passed_over(where: Source, strict: bool, unread: list[str]) -> Callable[[str], None] | None:
    """Report a photo that cannot be read in one line; None, an error, if it is the only one or with --strict."""
    if strict or len(where.photos) < 2:
        return None

    def passed_over(reason: str) -> None:
        unread.append(reason)
        click.echo(terminal(reason), err=True)

    return passed_over


def _bounded(pictures: Sequence[Predicted], people: int | None) -> list[str]:
    """Say in one line in how many pictures there are more people than are looked at."""
    from poseport.people.everyone import MOST_PEOPLE

    full = [picture for picture in pictures if picture.found.left_out]
    if not full:
        return []
    most, worst = people or MOST_PEOPLE, max(full, key=lambda picture: picture.found.left_out)
    count = most + worst.found.left_out
    return [
        f"{terminal(worst.name)} {worst.index}: the surest {most} of {count} people were kept, as in {len(full)} of "
        f"{len(pictures)} pictures; --people {count} keeps all"
    ]
