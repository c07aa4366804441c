"""A converted file beside its float32 file: keypoint by keypoint, and the people that lost most."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poseport.bench import plots
from poseport.bench.findings import DataSet, Pair
from poseport.bench.result import PersonSample
from poseport.bench.words import NONE, PER_KEYPOINT, Table, signed
from poseport.images import read_image

WORST = 6
FELL = 0.05  # OKS that a person must have lost to be shown: less cannot be seen in a picture


@dataclass(frozen=True)
class Worse:
    """A person whose OKS fell. photo: a data URI, or None; then `problem` says why, unless photos are not wanted."""

    cells: tuple[str, ...]
    alt: str
    photo: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Compared:
    """A converted file beside its float32 file on one data set. plot: SVG, empty where there is none."""

    title: str
    plot: str
    keypoints: Table
    worst: list[Worse]


def compare(data: DataSet, pair: Pair, pictures: bool, photos: bool) -> Compared:
    """Plot, table and people of one pair. pictures: draw the plot. photos: show the people."""
    base, candidate = pair.base, pair.candidate
    title = f"{candidate.model.name} against {base.model.name} on {data.label}"
    names = base.accuracy.keypoints
    sides = [s.accuracy.by_keypoint.get(PER_KEYPOINT, (None,) * len(names)) for s in (base, candidate)]
    before, after = (np.array([math.nan if v is None else 100 * v for v in side]) for side in sides)
    labels = np.array([[e is not None for e in p.errors_px] for p in base.accuracy.people]).sum(axis=0)
    rows = [
        (name.replace("_", " "), f"{n:,}", *(f"{v:.1f}" if math.isfinite(v) else NONE for v in (a, b)), signed(b - a))
        for name, n, a, b in zip(names, labels, before, after, strict=True)
    ]
    legend = base.model.card.conversion.recipe, candidate.model.card.conversion.recipe
    header = ("Keypoint", "Labels", *legend, "Change")
    plot = ""
    if pictures and np.isfinite(before).any():
        plot = plots.dumbbell(
            names, before.tolist(), after.tolist(), legend, f"{PER_KEYPOINT} (of 100)", f"{PER_KEYPOINT}, {title}"
        )
    return Compared(title, plot, Table(f"{PER_KEYPOINT} of each keypoint", header, rows), _worst(pair, photos))


def _worst(pair: Pair, photos: bool) -> list[Worse]:
    """The people whose OKS fell most."""
    before = {(p.image_id, p.annotation_id): p for p in pair.base.accuracy.people if p.oks is not None}
    fallen = []
    for after in pair.candidate.accuracy.people:
        first = before.get((after.image_id, after.annotation_id))
        if first and first.oks is not None and after.oks is not None and first.oks - after.oks >= FELL:
            fallen.append((after.oks - first.oks, first, after))
    fallen.sort(key=lambda one: one[0])
    return [_worse(pair, first, after, photos) for _, first, after in fallen[:WORST]]


def _worse(pair: Pair, first: PersonSample, after: PersonSample, photos: bool) -> Worse:
    oks = [f"{p.oks:.2f}" for p in (first, after)]
    recipes = [s.model.card.conversion.recipe for s in (pair.base, pair.candidate)]
    person = f"Image {after.image_id}, annotation {after.annotation_id}"
    cells = (person, *oks, signed(float(oks[1]) - float(oks[0]), 2))
    shown = [f"{recipe} OKS {value}" for recipe, value in zip(recipes, oks, strict=True)]
    alt = f"{person}, with the pose of {shown[0]} beside that of {shown[1]}"
    if not photos:
        return Worse(cells, alt)
    skeleton = pair.base.model.card.spec.skeleton
    # what OKS counts is what is shown: points without a label are guesses that cost nothing
    counted = np.zeros(len(skeleton))
    counted[skeleton.channels(pair.base.accuracy.keypoints)] = [e is not None for e in after.errors_px]
    poses = [np.column_stack([np.reshape(p.keypoints, (-1, 3))[:, :2], counted]) for p in (first, after)]
    try:
        image = read_image(Path(pair.base.accuracy.data.images_dir) / after.file_name)
    except ValueError:
        return Worse(cells, alt, problem=f"no picture: {after.file_name} cannot be read where it was measured")
    jpeg = plots.photo_pair(image, after.box_xywh, poses, shown, skeleton)
    return Worse(cells, alt, f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}")
