"""`poseport data from-yolo` and `data to-yolo`: YOLO-pose text labels in and out."""

from __future__ import annotations

from pathlib import Path

import click

from poseport.command.formats_cli import convert
from poseport.command.options import (
    PATH,
    answer,
    guarded,
    load_people,
    output_options,
    people_argument,
    progress,
    skeleton_option,
)


@click.command("from-yolo")
@click.argument("source", type=PATH)
@click.option("--out", required=True, type=PATH, help="Folder for the annotations and a link to the photos.")
@click.option("--category", help="Name or number of the people's class, where data.yaml has several.")
@skeleton_option
@output_options
@guarded
def from_yolo(source: Path, out: Path, category: str | None, skeleton: str | None, quiet: bool, as_json: bool) -> None:
    """Write YOLO-pose labels in COCO form. SOURCE is a folder with data.yaml, or a data.yaml: its kpt_shape, flip_idx
    and names say what the label files hold. Sizes are read from the photos, which stay where they are.

    Example: poseport data from-yolo yolo --out people
    """
    from poseport import skeletons
    from poseport.data.formats import yolo_reader

    own = skeletons.find(skeleton) if skeleton else None
    with progress("reading labels", yolo_reader.count_photos(source), hidden=quiet or as_json) as advance:
        found = yolo_reader.read(source, own, category, advance)
    convert([found], out, quiet=quiet, as_json=as_json)


@click.command("to-yolo")
@people_argument
@click.option("--out", required=True, type=PATH, help="Folder for labels/, data.yaml and links to the photos.")
@click.option("--val", type=PATH, help="People to validate on. Default: the same as PATH.")
@click.option("--val-images", type=PATH, help="Folder of the photos of --val. Default: found beside the annotations.")
@output_options
@guarded
def to_yolo(
    path: Path,
    images: Path | None,
    skeleton: str | None,
    out: Path,
    val: Path | None,
    val_images: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Write a set as YOLO-pose labels, as Ultralytics reads them. Photos stay where they are. Crowds and people
    without labels are left out, and keypoints outside the photo become unlabelled: the format has no place for them.

    Example: poseport data to-yolo people --val others --out yolo
    """
    from poseport.data.formats import yolo_writer

    if (out / "data.yaml").exists():
        raise ValueError(f"{out / 'data.yaml'}: exists already; choose another --out")
    sets = {"train": load_people(path, images, skeleton)}
    if val is not None:
        sets["val"] = load_people(val, val_images, skeleton)
        if sets["val"].skeleton.names != sets["train"].skeleton.names:
            raise ValueError(f"{val}: has other keypoints than {path}; validate on the same skeleton")
    counts = {split: yolo_writer.write(people, out, split) for split, people in sets.items()}
    written = yolo_writer.write_yaml(out, sets["train"].skeleton, tuple(sets))
    lines = [f"{split}: {count['people']} people, {out / 'labels' / split}" for split, count in counts.items()]
    reasons = {"crowds": "crowds", "unlabelled": "people without labels", "outside": "keypoints outside the photo"}
    for key, reason in reasons.items():
        if total := sum(count[key] for count in counts.values()):
            lines.append(f"left out: {total} {reason}")
    answer({"data": str(written), "splits": counts}, "\n".join([*lines, str(written)]), as_json=as_json, quiet=quiet)
