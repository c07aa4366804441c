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
    import numpy as np

    from poseport.command.sources import Picture, Source
    from poseport.tflite.runner import Pose

    # finds the people in a picture: their boxes (N, 4) and keypoints (N, K, 3)
    Find = Callable[[Picture], tuple[np.ndarray, np.ndarray]]


@click.command()
@click.argument("model_and_source", nargs=-1, required=True, metavar="[MODEL] SOURCE")
@click.option("--box", help="The person's box in pixels: x,y,width,height.")
@click.option(
    "--detections", type=PATH, help="COCO results file with the people's boxes. Photos must be named by image id."
)
@click.option("--detector", type=PATH, help="Person detector, a .tflite file with TFLite's usual four outputs.")
@click.option(
    "--threshold",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="Ignore boxes of --detections or --detector that score below this.",
)
@click.option("--frames", type=click.IntRange(1), help="Stop after this many pictures.")
@click.option(
    "--out", type=PATH, help="Draw the skeletons: a .png or .jpg for a photo, a folder for a folder, a .mp4 for a film."
)
@click.option("--results", type=PATH, help="Write the keypoints as a COCO file.")
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
    box: str | None,
    detections: Path | None,
    detector: Path | None,
    threshold: float,
    frames: int | None,
    out: Path | None,
    results: Path | None,
    results_form: str,
    category: int,
    strict: bool,
    threads: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Find keypoints in SOURCE: a photo, a folder of photos, a film, or the number of a camera.

    MODEL is a converted file or a name listed by `poseport models`; the default is `starter`. Without boxes, one
    person per picture is found: first in the whole picture, then again in a crop around the first result. In a film,
    the person is followed from frame to frame.

    Example: poseport predict starter photo.jpg --box 40,20,180,400 --out overlay.png
    """
    import itertools

    import numpy as np

    from poseport.command import sources
    from poseport.command.outputs import refuse_overwriting
    from poseport.command.overlays import written
    from poseport.command.result_files import Predicted, line, plain, table, write_annotations
    from poseport.command.result_files import results as result_entries
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
    if sum(given is not None for given in (box, detections, detector)) > 1:
        raise ValueError("--box, --detections and --detector exclude each other; give one of them")
    where = sources.find(source)
    refuse_overwriting([*where.photos, Path(source), *map(Path, named)], [results])
    if results_form == "coco" and where.moving:
        raise ValueError(f"{source}: --results-form coco needs photos, which annotations can name")
    if named and (path := shipped.model(named[0])) not in [network.path for network in shipped.SHIPPED.values()]:
        trial.check(path)
    pose = load(named[0] if named else shipped.STARTER, threads)
    boxes_of = None if detections is None else _read_boxes(detections, threshold, category)
    if boxes_of is not None and not where.moving:
        _refuse_ambiguous(where.photos)
    find = _finder(pose, where.moving, box, boxes_of, detector, threshold)
    total = min(frames or where.count, where.count)
    found: list[Predicted] = []
    unread: list[str] = []
    with written(where, out) as write, progress("predicting", total, hidden=quiet or as_json or total < 2) as advance:
        try:
            for picture in itertools.islice(where.pictures(_passed_over(where, strict, unread)), frames):
                boxes, keypoints = find(picture)
                found.append(Predicted(picture.name, picture.index, picture.image.shape[:2], boxes, keypoints))
                if out is not None:
                    write(picture, skeleton_overlay(picture.image, keypoints, pose.spec.skeleton))
                advance(1)
        except KeyboardInterrupt:
            if where.count:  # only a camera runs until Ctrl-C
                raise
    if where.photos and not found:
        raise ValueError(f"{source}: none of its {len(where.photos)} photos could be read; the first: {unread[0]}")
    if not_numbers := sum(not np.isfinite(picture.keypoints).all() for picture in found):
        click.echo(f"{pose.path}: its outputs are not numbers (NaN or infinity) on {not_numbers} pictures", err=True)
    for notice in where.notices():
        click.echo(notice, err=True)
    if cut_off := where.moving and len(found) < total - max(1, total // 50):  # some headers are off by a frame or two
        click.echo(
            f"{source}: {len(found)} of {total} pictures could be read; the film is cut off or damaged", err=True
        )
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
    lines = table(found[0].keypoints, pose.spec.skeleton) if single else [line(picture) for picture in found]
    answer(data, "\n".join(lines), as_json=as_json, quiet=quiet)


def _passed_over(where: Source, strict: bool, unread: list[str]) -> Callable[[str], None] | None:
    """Report a photo that cannot be read in one line; None, an error, if it is the only one or with --strict."""
    if strict or len(where.photos) < 2:
        return None

    def passed_over(reason: str) -> None:
        unread.append(reason)
        click.echo(terminal(reason), err=True)

    return passed_over


def _finder(
    pose: Pose,
    moving: bool,
    box: str | None,
    by_id: dict[int, np.ndarray] | None,
    detector: Path | None,
    threshold: float,
) -> Find:
    """Choose the function that finds people by the options."""
    import numpy as np

    from poseport.people import detector as detectors
    from poseport.people.follow import Follower

    if box is not None:
        fixed = np.array([_box(box)])
        return lambda picture: (fixed, pose(picture.image, fixed))
    if by_id is not None:

        def listed(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
            image_id = picture.index if moving else int(Path(picture.name).stem)
            boxes = by_id.get(image_id, np.zeros((0, 4)))
            return boxes, pose(picture.image, boxes)

        return listed
    if detector is not None:
        detect = detectors.load(detector, threshold=threshold)

        def detected(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
            boxes, _ = detect(picture.image)
            return boxes, pose(picture.image, boxes)

        return detected
    follower = Follower(pose)

    def followed(picture: Picture) -> tuple[np.ndarray, np.ndarray]:
        current = follower if moving else Follower(pose)
        keypoints = current(picture.image)
        assert current.box is not None
        return current.box[None], keypoints

    return followed


def _refuse_ambiguous(photos: Sequence[Path]) -> None:
    """Raise ValueError for photos whose names are not the image ids of --detections, each another one."""
    names: dict[int, str] = {}
    for photo in photos:
        if not (photo.stem.isascii() and photo.stem.isdigit()):
            raise ValueError(f"{photo}: --detections needs photos that are named by image id, like 000000000123.jpg")
        other = names.setdefault(int(photo.stem), photo.name)
        if other != photo.name:
            raise ValueError(f"{photo}: has the image id of {other}, so --detections does not tell them apart")


def _read_boxes(path: Path, threshold: float, category_id: int) -> dict[int, np.ndarray]:
    """Read a COCO results file: image id -> boxes (n, 4) of the people that score at least the threshold."""
    import numpy as np

    from poseport.data.detections import read_boxes

    found: dict[int, list[tuple[float, ...]]] = {}
    for image_id, box, score in read_boxes(path, category_id):
        if score >= threshold and min(box[2:]) > 0:
            found.setdefault(image_id, []).append(box)
    return {image_id: np.array(boxes) for image_id, boxes in found.items()}


def _box(text: str) -> list[float]:
    try:
        values = [float(v) for v in text.split(",")]
    except ValueError:
        values = []
    if len(values) != 4:
        raise ValueError(f"--box {text!r}: expected x,y,width,height in pixels, for example 40,20,180,400")
    return values
