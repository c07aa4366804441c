"""What is wrong with a set of people, and what training would keep of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport.data.images import read_image
from poseport.data.people import People, Person


@dataclass(frozen=True)
class Checked:
    """problems: one line each. kept: people that training takes. left_out: reason -> people."""

    path: Path
    people: int
    images: int
    kept: int
    left_out: dict[str, int]
    labelled: dict[str, int]
    problems: tuple[str, ...]

    def data(self) -> dict[str, Any]:
        """For `--json`."""
        return {**vars(self), "path": str(self.path), "problems": list(self.problems)}

    def text(self) -> str:
        """For a person."""
        lines = [f"{self.path}: {self.people} people in {self.images} images"]
        lines += [f"  training keeps {self.kept}"]
        lines += [f"  left out: {count} {reason}" for reason, count in self.left_out.items() if count]
        widest = max(map(len, self.labelled))
        lines += [f"  {name:<{widest}} labelled on {count}" for name, count in self.labelled.items()]
        lines += [f"{len(self.problems)} problems" if self.problems else "no problem found"]
        return "\n".join([*lines, *(f"  {problem}" for problem in self.problems)])


def check(people: People, min_keypoints: int = 5, progress: Callable[[int], None] | None = None) -> Checked:
    """Open every image once and count what training would keep.

    people: loaded with `strict=False`, so that annotations that cannot be used are listed, not raised.
    """
    by_image = {p.image_path: p for p in people.persons}
    problems = list(people.problems)
    broken: set[Path] = set()

    def read(person: Person) -> str | None:
        try:
            read_image(person.image_path, person.image_hw)
        except ValueError as error:
            return str(error)
        return None

    with ThreadPoolExecutor(4) as pool:
        for person, problem in zip(by_image.values(), pool.map(read, by_image.values()), strict=True):
            if problem:
                problems.append(problem)
                broken.add(person.image_path)
            if progress is not None:
                progress(1)
    problems += _duplicates(people)
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
    left["with annotations that cannot be used"] = len(people.problems)
    count = np.sum([p.labelled for p in kept], axis=0) if kept else np.zeros(len(people.skeleton), int)
    labelled = {name: int(n) for name, n in zip(people.skeleton.names, count, strict=True)}
    total = len(people.persons) + len(people.problems)
    return Checked(people.path, total, len(by_image), len(kept), dict(left), labelled, tuple(problems))


def _duplicates(people: People) -> list[str]:
    """Annotation ids that stand twice: results would be scored against the wrong person."""
    counts = Counter(p.annotation_id for p in people.persons)
    return [f"{people.path}: annotation id {i} stands {n} times; ids must differ" for i, n in counts.items() if n > 1]
