"""Compare a converted file with its float32 file: PCK per keypoint, and the people who lost most."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseport.bench.decide.bootstrap import Interval, keypoint_differences
from poseport.bench.formatting import NONE, PER_KEYPOINT, Table, signed, span
from poseport.bench.record import PersonSample
from poseport.bench.report.grouping import DataSet, Pair
from poseport.bench.report.pictures import body_plot, heatmaps, measured_photos, plots
from poseport.bench.report.pictures import photos as drawn
from poseport.data.images import read_image
from poseport.predict import PoseNetwork

WORST = 6
FELL = 0.05  # smallest loss of OKS that is shown; a smaller one is not visible in a picture


@dataclass(frozen=True)
class Worse:
    """A person whose OKS fell.

    Attributes:
        cells: Person, OKS of both files, and the change.
        alt: Description of the photo.
        photo: A data URI, or None.
        problem: Why there is no photo; empty if photos were not requested.
    """

    cells: tuple[str, ...]
    alt: str
    photo: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Compared:
    """A converted file beside its float32 file on one data set.

    Attributes:
        title: Names of the files and the data set.
        plot: SVG plot of both files' PCK per keypoint; empty if there is none.
        body: SVG drawing of the changes on a person; empty if there is none.
        caption: Description of the drawing.
        keypoints: Table of PCK per keypoint.
        worst: The people who lost most.
        note: The source of the heatmaps, or why there are none.
    """

    title: str
    plot: str
    body: str
    caption: str
    keypoints: Table
    worst: list[Worse]
    note: str


def compare(data: DataSet, pair: Pair, *, pictures: bool, photos: bool, files: Mapping[str, Path]) -> Compared:
    """Compare the two files of a pair.

    Args:
        data: The data set.
        pair: The files.
        pictures: Draw the plots.
        photos: Show the people who lost most.
        files: sha256 -> the files whose heatmaps can be shown, from `heatmaps.find_files`.

    Returns:
        The comparison.
    """
    base, candidate = pair.base, pair.candidate
    title = f"{candidate.model.name} against {base.model.name} on {data.label}"
    names = base.accuracy.keypoints
    sides = [s.accuracy.by_keypoint.get(PER_KEYPOINT, (None,) * len(names)) for s in (base, candidate)]
    before, after = (np.array([math.nan if v is None else 100 * v for v in side]) for side in sides)
    labels = np.array([[e is not None for e in p.errors_px] for p in base.accuracy.people]).sum(axis=0)
    changes = [difference.times(100) for difference in keypoint_differences(base.accuracy, candidate.accuracy)]
    rows = [
        (name.replace("_", " "), f"{n:,}", *(f"{v:.1f}" if math.isfinite(v) else NONE for v in (a, b)), _change(d))
        for name, n, a, b, d in zip(names, labels, before, after, changes, strict=True)
    ]
    legend = base.model.card.conversion.recipe, candidate.model.card.conversion.recipe
    header = ("Keypoint", "Labels", *legend, "Change (95 %)")
    plot = figure = ""
    if pictures and np.isfinite(before).any():
        name = f"{PER_KEYPOINT}, {title}"
        plot = plots.dumbbell(names, before.tolist(), after.tolist(), legend, f"{PER_KEYPOINT} (of 100)", name)
        by_name = dict(zip(names, changes, strict=True))
        figure = body_plot.drawing(by_name, base.model.card.spec.skeleton, f"Change of {name}, on a drawn person")
    fallen = _fallen(pair)
    networks, note = heatmaps.open_pair(pair, files) if photos and fallen else ([], "")
    worst = [_worse(pair, first, after, photos, networks) for first, after in fallen]
    table = Table(f"{PER_KEYPOINT} of each keypoint", header, rows)
    return Compared(title, plot, figure, body_plot.caption(changes) if figure else "", table, worst, note)


def _change(difference: Interval) -> str:
    return f"{signed(difference.value)} ({span(difference)})" if math.isfinite(difference.value) else NONE


def _fallen(pair: Pair) -> list[tuple[PersonSample, PersonSample]]:
    """The people whose OKS fell most, with the predictions of the float32 file and of the converted file."""
    before = {(p.image_id, p.annotation_id): p for p in pair.base.accuracy.people if p.oks is not None}
    fallen = []
    for after in pair.candidate.accuracy.people:
        first = before.get((after.image_id, after.annotation_id))
        if first and first.oks is not None and after.oks is not None and first.oks - after.oks >= FELL:
            fallen.append((after.oks - first.oks, first, after))
    fallen.sort(key=lambda entry: entry[0])
    return [(first, after) for _, first, after in fallen[:WORST]]


def _worse(
    pair: Pair, first: PersonSample, after: PersonSample, photos: bool, networks: Sequence[PoseNetwork]
) -> Worse:
    """Make the row of a person who lost, with photo and heatmaps if requested."""
    oks = [f"{p.oks:.2f}" for p in (first, after)]
    recipes = [s.model.card.conversion.recipe for s in (pair.base, pair.candidate)]
    person = f"Image {after.image_id}, annotation {after.annotation_id}"
    cells = (person, *oks, signed(float(oks[1]) - float(oks[0]), 2))
    shown = [f"{recipe} OKS {value}" for recipe, value in zip(recipes, oks, strict=True)]
    alt = f"{person}, with the pose of {shown[0]} beside that of {shown[1]}"
    if not photos:
        return Worse(cells, alt)
    skeleton = pair.base.model.card.spec.skeleton
    # only points that OKS counts are drawn: those without a label do not change it
    counted = np.zeros(len(skeleton))
    counted[skeleton.channels(pair.base.accuracy.keypoints)] = [e is not None for e in after.errors_px]
    poses = [np.column_stack([np.reshape(p.keypoints, (-1, 3))[:, :2], counted]) for p in (first, after)]
    try:
        image = read_image(measured_photos.find(pair.base.accuracy.data, after.file_name))
    except (ValueError, OSError, KeyError, TypeError):
        return Worse(cells, alt, problem=f"no picture: {after.file_name} cannot be read where it was measured")
    rows = [drawn.poses(image, after.box_xywh, poses, shown, skeleton)]
    if networks:
        box, flip = np.array(after.box_xywh), pair.base.accuracy.flip
        crops, maps = zip(*(heatmaps.look(network, image, box, flip, counted > 0) for network in networks), strict=True)
        rows.append(drawn.heatmaps(np.stack(crops), maps, skeleton))
        alt += "; below, the heatmaps of each"
    return Worse(cells, alt, f"data:image/jpeg;base64,{base64.b64encode(drawn.jpeg(rows)).decode()}")
