"""Correct labels by a teacher into a new annotations file, for sets whose labels are less exact than the teacher."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from poseport.data import categories
from poseport.data.coco_fields import whole
from poseport.data.coco_json import MAX_BYTES
from poseport.data.people import People
from poseport.files.json_text import decode_json, parse_json
from poseport.files.safe_path import read_file
from poseport.records import write_whole
from poseport.scoring import metrics
from poseport.train.begin.teacher import Teacher, apart


@dataclass(frozen=True)
class Relabelled:
    """Counts of what a new annotations file changes.

    Attributes:
        people: People written.
        left_out: People below the smallest size.
        moved: Labels moved towards the teacher's keypoint.
        added: Keypoints without a label that got the teacher's.
        dropped: Labels removed because the teacher contradicts them.
    """

    people: int
    left_out: int
    moved: int
    added: int
    dropped: int

    def text(self) -> str:
        """The counts as one line of text."""
        left_out = f", {self.left_out:,} smaller ones left out" if self.left_out else ""
        return (
            f"{self.people:,} people{left_out}: {self.moved:,} labels moved, {self.added:,} added, "
            f"{self.dropped:,} dropped"
        )


def relabel(
    people: People, teacher: Teacher, found: np.ndarray, out: Path, *, drop: float | None = None, smallest: float = 0.0
) -> Relabelled:
    """Write the annotations of `people` with the teacher's keypoints mixed in; everything else stays as it is.

    Args:
        people: N people.
        teacher: The teacher, for its weight, threshold and limit of agreement.
        found: (N, K, 3) keypoints of `Teacher.find`.
        out: Annotations file to write.
        drop: Score, 0 to 1, above which the teacher's keypoint removes a label that is farther from it than
            `teacher.config.agree`; None removes no labels.
        smallest: Longer side of the box in pixels below which a person is left out.

    Returns:
        Counts of the changes.

    Raises:
        ValueError: If `out` exists.
    """
    if out.exists():
        raise ValueError(f"{out}: exists already; name another --out")
    labelled = np.stack([p.labelled for p in people.persons])
    wrong = np.zeros_like(labelled)
    if drop is not None:
        wrong = labelled & (apart(people, found) > teacher.config.agree) & (found[..., 2] > drop)
    kept = [
        replace(person, keypoints=np.where(gone[:, None], 0.0, person.keypoints))
        for person, gone in zip(people.persons, wrong, strict=True)
    ]
    # a keypoint whose label was removed gets no label at all: the teacher's, far from it, may be the wrong one
    sure = np.where(wrong[..., None], 0.0, found)
    taught = teacher.teach(replace(people, persons=tuple(kept)), sure).persons
    sizes = metrics.box_sizes(np.array([p.box_xywh for p in people.persons]))
    new = {p.annotation_id: p.keypoints for p, size in zip(taught, sizes, strict=True) if size >= smallest}
    data = parse_json(decode_json(read_file(people.path, MAX_BYTES)))
    order = next(
        order
        for category in data["categories"]
        if (order := categories.file_order(category.get("keypoints") or (), people.skeleton)) is not None
    )
    dropped_ids = {p.annotation_id for p in people.persons} - new.keys()
    data["annotations"] = [
        _annotation(entry, new, order) for entry in data["annotations"] if whole(entry.get("id")) not in dropped_ids
    ]
    write_whole(out, (json.dumps(data, allow_nan=False) + "\n").encode())
    written = [i for i, p in enumerate(people.persons) if p.annotation_id in new]
    moved = sum(int((kept[i].labelled & (kept[i].keypoints != taught[i].keypoints).any(axis=1)).sum()) for i in written)
    added = sum(int((taught[i].labelled & ~kept[i].labelled).sum()) for i in written)
    return Relabelled(len(new), len(people) - len(new), moved, added, int(wrong[written].sum()))


def _annotation(old: dict[str, Any], new: dict[int, np.ndarray], order: np.ndarray) -> dict[str, Any]:
    """An entry of the file with its new keypoints, in the order that the file has them."""
    number = whole(old.get("id"))
    if number not in new:
        return old
    points = np.empty_like(new[number])
    points[order] = new[number]
    flat = [value for x, y, v in points.tolist() for value in (round(x, 2), round(y, 2), int(v))]
    return {**old, "keypoints": flat, "num_keypoints": int(np.count_nonzero(points[:, 2]))}
