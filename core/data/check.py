"""Check a set of people for faults, and count the people that training would keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport.data import wrong_labels
from poseport.data.images import decode_image, orientation, read_bytes
from poseport.data.people import People, Person
from poseport.data.wrong_labels import WrongLabels
from poseport.files import escape

# a kind of wrong label on more people than this share is a problem; on fewer it is a slip, as in every real set
_PROBLEM_SHARE = 0.01


@dataclass(frozen=True)
class Checked:
    """The result of `check`.

    Attributes:
        path: The annotations file.
        people: Number of annotations of people in the file.
        images: Number of images that show them.
        kept: Number of people that training would use.
        left_out: Reason -> number of people or annotations that it would not use.
        labelled: Name of a keypoint -> number of the kept people on whom it is labelled.
        problems: What must be corrected, one line each.
        wrong: Labels that cannot be right, by kind; a kind that many people have is among the problems too.
        notes: What is read differently from how it is written, and what cannot be known, one line each.
    """

    path: Path
    people: int
    images: int
    kept: int
    left_out: dict[str, int]
    labelled: dict[str, int]
    problems: tuple[str, ...]
    wrong: tuple[WrongLabels, ...] = ()
    notes: tuple[str, ...] = ()

    def data(self) -> dict[str, Any]:
        """The result as plain values, for `--json`."""
        lists = {"problems": list(self.problems), "notes": list(self.notes), "wrong": [w.data() for w in self.wrong]}
        return {**vars(self), "path": str(self.path), **lists}

    def text(self) -> str:
        """The result as lines of text."""
        lines = [f"{self.path}: {self.people} people in {self.images} images"]
        lines += [f"  training keeps {self.kept}"]
        lines += [f"  left out: {count} {reason}" for reason, count in self.left_out.items() if count]
        widest = max(map(len, self.labelled))
        lines += [f"  {name:<{widest}} labelled on {count}" for name, count in self.labelled.items()]
        slips = [one.text() for one in self.wrong if one.share <= _PROBLEM_SHARE]
        lines += [f"note: {line}" for line in (*self.notes, *slips)]
        count = len(self.problems)
        lines += [f"{count} {'problem' if count == 1 else 'problems'}" if count else "no problem found"]
        return escape.lines([*lines, *(f"  {problem}" for problem in self.problems)])


def check(people: People, min_keypoints: int = 5, progress: Callable[[int], None] | None = None) -> Checked:
    """Open every image once, look for labels that cannot be right, and count the people that training would keep.

    Args:
        people: A set that was loaded with `strict=False`, so that its faults are listed and not raised.
        min_keypoints: Fewest labelled keypoints of a person to train on.
        progress: Called with the number of images just opened.

    Returns:
        The faults and the counts.
    """
    by_image = {p.image_path: p for p in people.persons}
    problems = list(people.problems)
    broken: set[Path] = set()
    turned: Counter[str] = Counter()
    with ThreadPoolExecutor(4) as pool:
        for person, (problem, turn) in zip(by_image.values(), pool.map(_open, by_image.values()), strict=True):
            if problem:
                problems.append(problem)
                broken.add(person.image_path)
            turned[turn] += 1
            if progress is not None:
                progress(1)
    wrong, _ = wrong_labels.wrong_labels(people)
    problems += [one.text() for one in wrong if one.share > _PROBLEM_SHARE]
    left, kept = _kept(people, min_keypoints, broken)
    if people.persons and not kept:
        problems.append(f"{people.path}: training would keep nobody of {len(people)} people")
    count = np.sum([p.labelled for p in kept], axis=0) if kept else np.zeros(len(people.skeleton), int)
    return Checked(
        path=people.path,
        people=len(people.persons) + people.unusable,
        images=len(by_image),
        kept=len(kept),
        left_out=left,
        labelled={name: int(n) for name, n in zip(people.skeleton.names, count, strict=True)},
        problems=tuple(problems),
        wrong=tuple(wrong),
        notes=(*people.notes, *_turned(turned, len(by_image))),
    )


def _open(person: Person) -> tuple[str | None, str]:
    """Open a person's image: what is wrong with it, and how its labels are turned, "", shown, stored or unknown."""
    try:
        raw = read_bytes(person.image_path)
        image = decode_image(raw, person.image_path, person.image_hw)
    except ValueError as error:
        return str(error), ""
    turn = orientation(raw)
    if turn == 1:
        return None, ""
    if turn in (2, 3, 4) or image.shape[0] == image.shape[1]:
        return None, "unknown"
    shown = decode_image(raw, person.image_path).shape[:2]
    return None, "shown" if shown == person.image_hw else "stored"


def _turned(turned: Counter[str], images: int) -> list[str]:
    """Notes on photos with an EXIF orientation: which way they are read, and where the size does not tell."""
    notes = []
    if turned["shown"] and turned["stored"]:
        notes.append(
            f"of the photos that are stored turned (EXIF), {turned['shown']} are labelled as shown and "
            f"{turned['stored']} as stored; each is read as its size says"
        )
    if turned["unknown"]:
        notes.append(
            f"{turned['unknown']} of {images} photos have an EXIF orientation that keeps their size, and are read as "
            "shown; if they were labelled as stored, remove the orientation from the files"
        )
    return notes


def _kept(people: People, min_keypoints: int, broken: set[Path]) -> tuple[dict[str, int], list[Person]]:
    """Count the people that training leaves out, by reason, and list the people that it uses."""
    left: Counter[str] = Counter()
    kept: list[Person] = []
    for person in people.persons:
        if person.crowd:
            left["crowds"] += 1
        elif person.num_labelled < min_keypoints:
            left[f"with fewer than {min_keypoints} labelled keypoints"] += 1
        elif person.image_path in broken:
            left["whose image cannot be read"] += 1
        else:
            kept.append(person)
    left["with annotations that cannot be used"] = people.unusable
    return {**left, **people.left_out}, kept
