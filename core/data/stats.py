"""Count labels per person, people per image, sizes, and the visibility of each keypoint of a set of people."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport.data.people import People
from poseport.files import escape

# upper limits of the bins of the longer side of a box; the last bin is above them
SIZES_PX = (32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Stats:
    """Counts of a set. Crowds are counted, and are in none of the other counts.

    Attributes:
        path: The annotations file.
        people: Number of people.
        images: Number of images that show them.
        crowds: Number of crowds.
        by_labelled: Number of people with 0, 1 ... K labelled keypoints.
        by_image: Number of people in an image -> number of such images.
        by_size: Number of people whose box's longer side is at most each of `SIZES_PX`, and of those above the last.
        keypoints: Name -> number of people on whom the keypoint is visible, hidden, unlabelled.
    """

    path: Path
    people: int
    images: int
    crowds: int
    by_labelled: tuple[int, ...]
    by_image: dict[int, int]
    by_size: tuple[int, ...]
    keypoints: dict[str, tuple[int, int, int]]

    def data(self) -> dict[str, Any]:
        """The counts as plain values, for `--json`."""
        return {**vars(self), "path": str(self.path), "sizes_px": SIZES_PX}

    def text(self) -> str:
        """The counts as lines of text."""
        crowds = f", and {self.crowds} crowds" if self.crowds else ""
        lines = [f"{self.path}: {self.people} people in {self.images} images{crowds}"]
        lines += _bars("people by labelled keypoints", dict(enumerate(self.by_labelled)))
        lines += _bars("images by people", self.by_image)
        lines += _bars("people by longer side of the box, px", dict(zip(size_names(), self.by_size, strict=True)))
        widest = max(map(len, self.keypoints))
        lines += ["", f"{'keypoint':<{widest + 4}} visible   hidden  no label"]
        for name, counts in self.keypoints.items():
            shares = [f"{100 * n / max(self.people, 1):7.1f} %" for n in counts]
            lines.append(f"  {name:<{widest}} {' '.join(shares)}")
        return escape.lines(lines)


def size_names() -> list[str]:
    """Names of the bins of `by_size`."""
    low = (0, *SIZES_PX[:-1])
    return [f"{a}-{b}" for a, b in zip(low, SIZES_PX, strict=True)] + [f"> {SIZES_PX[-1]}"]


def stats(people: People) -> Stats:
    """Count the people of a set. No image is opened.

    Args:
        people: The set.

    Returns:
        The counts.
    """
    persons = [p for p in people.persons if not p.crowd]
    k = len(people.skeleton)
    seen = np.array([p.keypoints[:, 2] for p in persons]).reshape(-1, k)
    longer = np.array([max(p.box_xywh[2:]) for p in persons])
    _, of_image = np.unique([p.image_id for p in persons], return_counts=True)
    numbers, images = np.unique(of_image, return_counts=True)
    return Stats(
        path=people.path,
        people=len(persons),
        images=len(of_image),
        crowds=len(people.persons) - len(persons),
        by_labelled=tuple(np.bincount((seen > 0).sum(axis=1), minlength=k + 1).tolist()),
        by_image=dict(zip(numbers.tolist(), images.tolist(), strict=True)),
        by_size=tuple(np.bincount(np.digitize(longer, SIZES_PX, right=True), minlength=len(SIZES_PX) + 1).tolist()),
        keypoints={
            name: (int((of == 2).sum()), int((of == 1).sum()), int((of == 0).sum()))
            for name, of in zip(people.skeleton.names, seen.T, strict=True)
        },
    )


def _bars(title: str, counts: dict[Any, int]) -> list[str]:
    total, most = max(sum(counts.values()), 1), max([*counts.values(), 1])
    widest = max([len(str(key)) for key in counts], default=0)
    rows = [
        f"  {key:>{widest}} {n:>8} {100 * n / total:5.1f} % {'#' * round(30 * n / most)}".rstrip()
        for key, n in counts.items()
    ]
    return ["", title, *rows]
