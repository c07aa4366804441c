"""The people who determine the activation ranges: drawn by seed, named in the file, kept apart from evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from poseport import cascade, pose
from poseport.data import batches
from poseport.data.images import read_image
from poseport.data.people import People, Person
from poseport.people import centers
from poseport.people.detector_spec import DetectorSpec
from poseport.spec import PoseSpec
from poseport.tflite.card import Calibration, CalibrationSource
from poseport.tflite.interpreter import Runner

_WORDS = {"calib": "calibrate", "tune": "be tuned on"}


@dataclass(frozen=True, eq=False)
class CalibrationCrops:
    """The crops that determine the activation ranges of one network.

    Attributes:
        persons: The people, N of them.
        manifest: Names them in the card; None without people.
        boxes_xywh: (N, K, 4), in image pixels: the boxes around K keypoints that a later stage of a cascade crops;
            None for other networks, which crop each person's own box.
    """

    persons: Sequence[Person] = ()
    manifest: Calibration | None = None
    boxes_xywh: np.ndarray | None = None

    @staticmethod
    def of_stage(
        spec: PoseSpec, persons: Sequence[Person], manifest: Calibration | None, estimates: np.ndarray | None
    ) -> CalibrationCrops:
        """Choose the crops of one network: the people's own boxes, or for a later stage windows around keypoints.

        Args:
            spec: The network's spec.
            persons: N people.
            manifest: Names them in the card.
            estimates: (N, K, 3) keypoints of the stage before; None for a first stage.

        Returns:
            The crops.
        """
        boxes = None
        if estimates is not None:
            boxes = cascade.windows(spec, np.array([p.box_xywh for p in persons]), estimates)
        return CalibrationCrops(persons, manifest, boxes)


def choose(
    people: People, count: int, seed: int, exclude: People | None = None, purpose: Literal["calib", "tune"] = "calib"
) -> tuple[list[Person], Calibration]:
    """Draw people for calibration or tuning, no two from one image while there are enough images.

    Args:
        people: The set to draw from; crowds and people without labels are skipped.
        count: Number of people to draw, at least 1.
        seed: Seed of the random draw.
        exclude: People whose images must not be used: those of the evaluation and of the other purpose.
        purpose: What the people are for, which the messages name.

    Returns:
        The people and the manifest that names them.

    Raises:
        ValueError: If fewer than `count` people are available, or an image cannot be read.
    """
    if count < 1:
        raise ValueError(f"{count} people to {_WORDS[purpose]}; expected at least 1, 300 is a good number")
    candidates = people.for_training().persons
    if exclude is not None:
        candidates = on_other_photos(candidates, exclude)
    if len(candidates) < count:
        raise ValueError(
            f"{people.path}: {len(candidates)} people can {_WORDS[purpose]}, {count} were requested; "
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
        sources=tuple(
            CalibrationSource(s.path.name, s.sha256, s.share, count)
            for s, count in replace(people, persons=tuple(chosen)).by_source()
        ),
    )
    return chosen, manifest


def check_skeleton(people: People, spec: PoseSpec, name: str) -> None:
    """Check that people are labelled with the keypoints that a network was trained for.

    Args:
        people: The people.
        spec: The network's spec.
        name: Name of the network in messages.

    Raises:
        ValueError: If the skeletons differ.
    """
    if people.skeleton.names != spec.skeleton.names:
        raise ValueError(
            f"{people.path}: skeleton {people.skeleton.name!r}, but {name} was trained for {spec.skeleton.name!r}; "
            "calibrate on people of the same keypoints"
        )


def on_other_photos(candidates: Sequence[Person], exclude: People) -> tuple[Person, ...]:
    """Select the candidates who are not on a photo of the excluded people.

    Photos are compared by content, whether they are packed or not.

    Args:
        candidates: The people to select from.
        exclude: The excluded people.

    Returns:
        The selected candidates, in their order.
    """
    there = list({p.image_path: p for p in exclude.persons if p.photo_digest or p.image_path.is_file()}.values())
    taken = {p.digest() for p in there}
    # only files of equal length can be equal, so few are read; the length of a packed person's photo is not known
    lengths = {p.image_path.stat().st_size for p in there if not p.photo_digest}
    every = any(p.photo_digest for p in there)

    def is_taken(person: Person) -> bool:
        path = person.image_path
        if not person.photo_digest and not (path.is_file() and (every or path.stat().st_size in lengths)):
            return False
        return person.digest() in taken

    return tuple(p for p in candidates if not is_taken(p))


def inputs(spec: PoseSpec | DetectorSpec, crops: CalibrationCrops) -> Iterator[np.ndarray]:
    """Yield each crop as the input of the float network, cropped and normalised as everywhere else.

    A person detector takes whole photos.

    One corner of the first crop is made black and white, so that the input's range is exactly that of a pixel: an
    int8 input is then `pixel - 128` even if no calibration photo has a 0 or a 255.

    Args:
        spec: The network's spec.
        crops: What to crop.

    Yields:
        (1, H, W, 3) float32.
    """
    for i, picture in enumerate(_pictures(spec, crops)):
        if i == 0:
            picture = picture.copy()
            picture[0, 0], picture[0, 1] = 0, 255
        yield pose.normalise(spec, picture[None])


def _pictures(spec: PoseSpec | DetectorSpec, crops: CalibrationCrops) -> Iterator[np.ndarray]:
    if isinstance(spec, DetectorSpec):
        for person in crops.persons:
            yield centers.letterbox(read_image(person.image_path, person.image_hw), spec.input_hw)[0]
        return
    for batch in batches.batches(spec, crops.persons, boxes_xywh=crops.boxes_xywh):
        yield from batch.crops


def extremes(runner: Runner, image: np.ndarray, tensors: Sequence[int]) -> tuple[list[float], list[float]]:
    """Run one inference and return the smallest and the largest value of each of some tensors.

    Args:
        runner: A runner that keeps its tensors.
        image: The input tensor, (1, H, W, 3).
        tensors: Indices of T tensors.

    Returns:
        T smallest values and T largest values.
    """
    runner.invoke(image)
    values = [runner.interpreter.get_tensor(i) for i in tensors]
    return [v.min() for v in values], [v.max() for v in values]
