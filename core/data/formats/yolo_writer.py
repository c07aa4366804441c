"""Write people as YOLO-pose text labels (see `yolo_reader` for their form)."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import numpy as np

from poseport.data.people import People
from poseport.records import write_whole
from poseport.skeleton import Skeleton


def write(people: People, out: Path, split: str = "train") -> dict[str, int]:
    """Write the labels of one split, and a link to its photos: OUT/labels/SPLIT/*.txt and OUT/images/SPLIT.

    Args:
        people: The people.
        out: The folder to write.
        split: Name of the split.

    Returns:
        Counts: people written, and what was left out.

    Raises:
        ValueError: If the split exists already, or two photos would share a label file.
    """
    labels, images = out / "labels" / split, out / "images" / split
    if labels.exists() or os.path.lexists(images):
        raise ValueError(f"{labels if labels.exists() else images}: exists already; choose another --out")
    counts = Counter(people=0, crowds=0, unlabelled=0, outside=0)
    lines: dict[str, list[str]] = {}
    photo_of: dict[str, Path] = {}
    for person in people.persons:
        if person.crowd or not person.num_labelled:
            counts["crowds" if person.crowd else "unlabelled"] += 1
            continue
        name = person.image_path.relative_to(people.images_dir).with_suffix(".txt").as_posix()
        if photo_of.setdefault(name, person.image_path) != person.image_path:
            raise ValueError(
                f"{person.image_path}: its labels would share {name} with {photo_of[name].name}; rename it"
            )
        size = np.array(person.image_hw[::-1], float)
        x, y, w, h = person.box_xywh
        low, high = np.clip([x, y], 0, size), np.clip([x + w, y + h], 0, size)
        shares = person.keypoints[:, :2] / size
        kept = person.labelled & ((shares >= 0) & (shares <= 1)).all(axis=1)
        counts["outside"] += int((person.labelled & ~kept).sum())
        box = [*((low + high) / 2 / size), *((high - low) / size)]
        points = [v for (a, b), k, s in zip(shares, kept, person.keypoints[:, 2], strict=True)
                  for v in ((f"{a:.7f}", f"{b:.7f}", f"{s:.0f}") if k else ("0", "0", "0"))]  # fmt: skip
        lines.setdefault(name, []).append(" ".join(["0", *(f"{v:.7f}" for v in box), *points]))
        counts["people"] += 1
    if not lines:
        raise ValueError(f"{people.path}: nobody has a labelled keypoint; give another set")
    images.parent.mkdir(parents=True, exist_ok=True)
    for name, rows in lines.items():
        write_whole(labels / name, ("\n".join(rows) + "\n").encode())
    images.symlink_to(os.path.relpath(people.images_dir, images.parent.resolve()), target_is_directory=True)
    return dict(counts)


def write_yaml(out: Path, skeleton: Skeleton, splits: tuple[str, ...]) -> Path:
    """Write OUT/data.yaml. Ultralytics demands a `val`, which is the training set if there is no other.

    Args:
        out: The folder to write.
        skeleton: The keypoints.
        splits: Names of the splits that were written.

    Returns:
        The path of the file.
    """
    names = ", ".join(skeleton.names)
    text = "\n".join(
        [
            "# written by poseport",
            "train: images/train",
            f"val: images/{'val' if 'val' in splits else 'train'}",
            f"kpt_shape: [{len(skeleton)}, 3]",
            f"flip_idx: {skeleton.flip_index.tolist()}",
            "names:",
            "  0: person",
            "kpt_names:",
            f"  0: [{names}]",
        ]
    )
    write_whole(out / "data.yaml", (text + "\n").encode())
    return out / "data.yaml"
