"""Which people settle the activation ranges: drawn by seed, written into the file, kept apart from evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

import numpy as np

from poseport import pose
from poseport.data import batches
from poseport.data.people import People, Person
from poseport.spec import PoseSpec
from poseport.tflite.card import Calibration
from poseport.tflite.runner import Runner

_WORDS = {"calib": "calibrate", "tune": "be tuned on"}


def choose(
    people: People, count: int, seed: int, exclude: People | None = None, purpose: Literal["calib", "tune"] = "calib"
) -> tuple[list[Person], Calibration]:
    """Draw `count` people, no two from one image while there are images enough, and the manifest that names them.

    exclude: people whose images must not be used: the evaluation's, and those of the other purpose. Raises
    ValueError when fewer than `count` can be had, or an image cannot be read.
    """
    if count < 1:
        raise ValueError(f"{count} people to {_WORDS[purpose]}; expected at least 1, 300 is a good number")
    candidates = people.for_training().persons
    if exclude is not None:
        candidates = on_other_photos(candidates, exclude)
    if len(candidates) < count:
        raise ValueError(
            f"{people.path}: {len(candidates)} people can {_WORDS[purpose]}, {count} were asked for; "
            f"give --{purpose}-count {len(candidates)} or a larger set"
            + (" (people of the --exclude and --tune-on sets were left out)" if exclude is not None else "")
        )
    order = np.random.default_rng(seed).permutation(len(candidates))
    seen: set[int] = set()
    first: list[Person] = []
    later: list[Person] = []
    for i in order:
        person = candidates[int(i)]
        (later if person.image_id in seen else first).append(person)
        seen.add(person.image_id)
    chosen = (first + later)[:count]
    manifest = Calibration(
        annotations_sha256=people.sha256,
        seed=seed,
        people=tuple((p.image_id, p.annotation_id) for p in chosen),
        images_sha256=tuple(p.digest() for p in chosen),
    )
    return chosen, manifest


def check_skeleton(people: People, spec: PoseSpec, name: str) -> None:
    """ValueError when people are labelled with other keypoints than the network called `name` was trained for."""
    if people.skeleton.names != spec.skeleton.names:
        raise ValueError(
            f"{people.path}: skeleton {people.skeleton.name!r}, but {name} was trained for {spec.skeleton.name!r}; "
            "calibrate on people of the same keypoints"
        )


def on_other_photos(candidates: Sequence[Person], exclude: People) -> tuple[Person, ...]:
    """Candidates whose photo is none of the excluded people's, packed or not."""
    there = list({p.image_path: p for p in exclude.persons if p.photo_digest or p.image_path.is_file()}.values())
    taken = {p.digest() for p in there}
    # only files of equal length can be equal, so few are read; how long a packed person's photo was is not known
    lengths = {p.image_path.stat().st_size for p in there if not p.photo_digest}
    every = any(p.photo_digest for p in there)

    def is_taken(person: Person) -> bool:
        path = person.image_path
        if not person.photo_digest and not (path.is_file() and (every or path.stat().st_size in lengths)):
            return False
        return person.digest() in taken

    return tuple(p for p in candidates if not is_taken(p))


def inputs(spec: PoseSpec, persons: Sequence[Person], boxes_xywh: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Each person as (1, H, W, 3) float32, cropped and normalised as everywhere else.

    boxes_xywh: (N, B, 4), crops of each person instead of its own box (a later stage of a cascade).
    One corner of the first crop is made black and white: then the input's range is exactly that of a
    pixel, and an int8 input is `pixel - 128` even if no calibration photo holds a 0 or a 255.
    """
    first = True
    for part in batches.batches(spec, persons, boxes_xywh=boxes_xywh):
        for crop in part.crops:
            if first:
                crop = crop.copy()
                crop[0, 0], crop[0, 1] = 0, 255
                first = False
            yield pose.normalise(spec, crop[None])


def extremes(runner: Runner, image: np.ndarray, tensors: Sequence[int]) -> tuple[list[float], list[float]]:
    """The smallest and the largest value that each of these tensors has after one inference.

    runner: one that keeps its tensors. image: an input tensor (1, H, W, 3). tensors: their indices.
    """
    runner.invoke(image)
    values = [runner.interpreter.get_tensor(i) for i in tensors]
    return [v.min() for v in values], [v.max() for v in values]
