"""What a later stage of a cascade is trained on: keypoints displaced as the stage before misplaces them.

Toshev and Szegedy 2014, section 3.2 and eq. 9. The bundle before is run once over all people; its errors
are summed up as a Gaussian a keypoint. A sample is a labelled keypoint and a displacement drawn from it:
the network sees the square around the displaced point and says where the keypoint truly is.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from poseport import bundle, cascade
from poseport.data.people import People, Person
from poseport.records import write_json, write_whole
from poseport.spec import PoseSpec, Refine
from poseport.train.evaluate import VARIANTS, KerasNetwork
from poseport.train.networks import models

ESTIMATES = "estimates.npz"


@dataclass(frozen=True)
class Displacements:
    """`refine.json`: how far the stages before are from the labels of the training people.

    mean_xy, std_xy: of estimate - label for each keypoint, in torso diameters of the estimated pose.
    counts: labels of each keypoint; one without any has mean 0 and the mean std of the others.
    """

    mean_xy: tuple[tuple[float, float], ...]
    std_xy: tuple[tuple[float, float], ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Samples:
    """Training samples of one later stage, and what validation starts from.

    persons: of each sample, one a labelled keypoint. keypoint: (S,) its channel. diameter: (S,) of the
    person's estimated pose in pixels. val: (2, V, K, 3) estimates of the validation people, without and with
    flip averaging; None where there are none.
    """

    refine: Refine
    persons: tuple[Person, ...]
    keypoint: np.ndarray
    diameter: np.ndarray
    displacements: Displacements
    val: np.ndarray | None

    def draw(self, rng: np.random.Generator, i: int) -> Person:
        """Sample i: its person with the square around the displaced keypoint as box, and no other label."""
        person, k = self.persons[i], self.keypoint[i]
        keypoints = np.zeros_like(person.keypoints)
        keypoints[k] = person.keypoints[k]
        away = rng.normal(self.displacements.mean_xy[k], self.displacements.std_xy[k])
        centre = keypoints[k, :2] + self.diameter[i] * away
        box = cascade.squares(centre, self.refine.box_sigma * self.diameter[i])
        return replace(person, box_xywh=tuple(box.tolist()), keypoints=keypoints)


def check(spec: PoseSpec, previous: Path | None) -> None:
    """ValueError when a later stage has no bundle to refine, one of other keypoints, or a first stage has one."""
    if spec.refine is None:
        if previous is not None:
            raise ValueError(f"{spec.name} refines nothing, so --refine {previous} has no use; take a -refine preset")
        return
    if previous is None:
        raise ValueError(f"{spec.name} refines the keypoints of a trained bundle; name it with --refine DIR")
    skeleton = bundle.read_spec(bundle.stages(previous)[-1]).skeleton
    if skeleton.names != spec.skeleton.names:
        raise ValueError(
            f"{previous}: finds skeleton {skeleton.name!r}, the people are labelled with {spec.skeleton.name!r}; "
            "refine a bundle of the same keypoints"
        )


def samples(spec: PoseSpec, previous: Path, people: People, val: People | None, out: Path) -> Samples:
    """Everything that a later stage needs from the bundle before.

    people, val: as filtered for training and scoring. out: the run's folder, which gets a copy of `previous`,
    `refine.json`, and, until the run has finished, the estimates, so that a resumed run has the same ones.
    Raises ValueError when `out` already refines another bundle, or nothing was found to learn from.
    """
    assert spec.refine is not None
    bundle.adopt(previous, out)
    estimates, of_val = _estimates(out, people, val)
    boxes = np.array([p.box_xywh for p in people.persons])
    diameter = cascade.diameters(spec.skeleton, boxes, estimates)
    displacements = measure(people.persons, estimates, diameter)
    write_json(displacements, out / bundle.REFINE)
    person, keypoint = np.nonzero(np.array([p.labelled for p in people.persons]))
    return Samples(
        spec.refine,
        tuple(people.persons[i] for i in person),
        keypoint,
        diameter[person],
        displacements,
        of_val if val is not None else None,
    )


def measure(persons: Sequence[Person], estimates: np.ndarray, diameter: np.ndarray) -> Displacements:
    """Mean and standard deviation of the errors of estimates (N, K, 3) of people, in diameters (N,)."""
    labels = np.stack([p.keypoints for p in persons])
    known = (labels[..., 2] > 0) & np.isfinite(estimates[..., :2]).all(axis=-1)
    away = np.where(known[..., None], (estimates[..., :2] - labels[..., :2]) / diameter[:, None, None], 0.0)
    counts = known.sum(axis=0)
    if not counts.any():
        raise ValueError("the bundle to refine finds no labelled keypoint of the training people; train it first")
    some = np.maximum(counts, 1)[:, None]
    mean = away.sum(axis=0) / some
    square = np.where(known[..., None], (away - mean) ** 2, 0.0).sum(axis=0) / some
    std = np.where(counts[:, None] > 0, np.sqrt(square), np.sqrt(square)[counts > 0].mean(axis=0))
    return Displacements(_pairs(mean), _pairs(std), tuple(int(c) for c in counts))


def load_stages(directory: Path) -> list[KerasNetwork]:
    """The Keras networks of a bundle and of all that it refines, first stage first."""
    return [KerasNetwork(*models.load(one, keras)) for one in bundle.stages(directory)]


def _estimates(out: Path, people: People, val: People | None) -> tuple[np.ndarray, np.ndarray]:
    """(N, K, 3) and (2, V, K, 3) by the bundle before, as `Samples` has them; kept beside the resume state."""
    path = out / bundle.RESUME / ESTIMATES
    used = [bundle.sha256(one / bundle.WEIGHTS) for one in bundle.stages(out / bundle.PREVIOUS)]
    used += [f"{one.sha256} {[p.annotation_id for p in one.persons]}" for one in (people, val) if one is not None]
    key = hashlib.sha256(repr(used).encode()).hexdigest()
    try:
        with np.load(path) as stored:
            if str(stored["key"]) == key:
                return stored["people"], stored["val"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # not there yet, or not readable: they are made again
    stages = load_stages(out / bundle.PREVIOUS)
    found = cascade.predict(stages, people.persons, batch=32)[0]
    of_val = np.zeros((2, 0, *found.shape[1:]))
    if val is not None:
        of_val = cascade.predict(stages, val.persons, VARIANTS, batch=32)
    file = io.BytesIO()
    np.savez(file, key=np.array(key), people=found, val=of_val)
    write_whole(path, file.getvalue())
    return found, of_val


def _pairs(values: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in values)
