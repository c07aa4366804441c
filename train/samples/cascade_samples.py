"""Training samples of a later stage of a cascade: keypoints displaced as the stage before misplaces them.

Toshev and Szegedy 2014, section 3.2 and eq. 9. The bundle of the stage before is run once over all people, and its
errors are summarised as one Gaussian per keypoint. A sample is a labelled keypoint and a displacement drawn from that
Gaussian: the network's input is the square around the displaced point, its target is the labelled point.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np

from poseport import bundle, cascade
from poseport.data.people import People, Person
from poseport.records import write_json, write_whole
from poseport.spec import PoseSpec, Refine
from poseport.train.evaluate import VARIANTS, KerasNetwork, Score, evaluate
from poseport.train.networks import models
from poseport.train.samples.sample import CropSource

ESTIMATES = "estimates.npz"


@dataclass(frozen=True)
class Displacements:
    """`refine.json`: errors of the stages before on the training people.

    Attributes:
        mean_xy: Mean of estimate - label for each keypoint, in torso diameters of the estimated pose.
        std_xy: Standard deviation likewise.
        counts: Number of labels of each keypoint. A keypoint without labels has mean 0 and the mean standard
            deviation of the others.
    """

    mean_xy: tuple[tuple[float, float], ...]
    std_xy: tuple[tuple[float, float], ...]
    counts: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class StageSamples:
    """Training samples of one later stage, one per labelled keypoint, and the estimates that validation starts from.

    Attributes:
        refine: How large the crop around a keypoint is.
        persons: Person of each of the S samples.
        keypoint: (S,) index of the keypoint.
        diameter: (S,) torso diameter of the person's estimated pose in pixels.
        displacements: Errors of the stages before.
        val: (2, V, K, 3) estimates of the validation people, without and with flip averaging; None without such
            people.
    """

    refine: Refine
    persons: tuple[Person, ...]
    keypoint: np.ndarray
    diameter: np.ndarray
    displacements: Displacements
    val: np.ndarray | None

    def draw(self, rng: np.random.Generator, i: int) -> Person:
        """Draw a sample of one epoch: the square around the displaced keypoint becomes the person's box.

        Args:
            rng: Source of randomness.
            i: Index of the sample.

        Returns:
            The sample's person with that box and without other labels.
        """
        person, k = self.persons[i], self.keypoint[i]
        keypoints = np.zeros_like(person.keypoints)
        keypoints[k] = person.keypoints[k]
        away = rng.normal(self.displacements.mean_xy[k], self.displacements.std_xy[k])
        centre = keypoints[k, :2] + self.diameter[i] * away
        box = cascade.squares(centre, self.refine.box_sigma * self.diameter[i])
        return replace(person, box_xywh=tuple(box.tolist()), keypoints=keypoints)


def check(spec: PoseSpec, previous: Path | None) -> None:
    """Check that a later stage, and only a later stage, has a bundle to refine.

    Args:
        spec: Spec of the network to train.
        previous: The bundle to refine; None without one.

    Raises:
        ValueError: If a later stage has no bundle or one with other keypoints, or a first stage has one.
    """
    if spec.refine is None:
        if previous is not None:
            raise ValueError(
                f"{spec.name} is not a later stage of a cascade; remove --refine {previous} or choose a -refine preset"
            )
        return
    if previous is None:
        raise ValueError(f"{spec.name} refines the keypoints of a trained bundle; name it with --refine DIR")
    skeleton = bundle.read_spec(bundle.stages(previous)[-1]).skeleton
    if skeleton.names != spec.skeleton.names:
        raise ValueError(
            f"{previous}: its skeleton is {skeleton.name!r}, and the people are labelled with {spec.skeleton.name!r}; "
            "refine a bundle with the same keypoints"
        )


def later_stage(
    source: CropSource, previous: Path, people: People, val: People | None, out: Path
) -> tuple[CropSource, Score | None]:
    """Replace the crops of people by crops around displaced keypoints, and score on what the stages before estimate.

    Args:
        source: Crops of the people.
        previous: Bundle of the stage before.
        people: People to train on, filtered.
        val: People to score on, filtered; None for nobody.
        out: The run's folder (see `stage_samples`).

    Returns:
        Crops around keypoints, and the function that scores a network; None without people to score on.

    Raises:
        ValueError: As `stage_samples` does.
    """
    samples = stage_samples(source.spec, previous, people, val, out)
    score = partial(evaluate, source.spec, people=val, estimates=samples.val) if val is not None else None
    return replace(source, persons=samples.persons, draw=samples.draw), score


def stage_samples(spec: PoseSpec, previous: Path, people: People, val: People | None, out: Path) -> StageSamples:
    """Run the bundle before on all people and derive the samples of the next stage from its errors.

    Args:
        spec: Spec of the later stage.
        previous: Bundle of the stage before.
        people: People to train on, filtered.
        val: People to score on, filtered; None for nobody.
        out: The run's folder. It gets a copy of `previous`, `refine.json` and, until the run has finished, the
            estimates, so that a resumed run has the same ones.

    Returns:
        The samples.

    Raises:
        ValueError: If `out` already refines another bundle, or no labelled keypoint was found.
    """
    assert spec.refine is not None
    bundle.adopt(previous, out)
    estimates, val_estimates = _estimates(out, people, val)
    boxes = np.array([p.box_xywh for p in people.persons])
    diameter = cascade.diameters(spec.skeleton, boxes, estimates)
    displacements = measure(people.persons, estimates, diameter)
    write_json(displacements, out / bundle.REFINE)
    person, keypoint = np.nonzero(np.array([p.labelled for p in people.persons]))
    return StageSamples(
        spec.refine,
        tuple(people.persons[i] for i in person),
        keypoint,
        diameter[person],
        displacements,
        val_estimates if val is not None else None,
    )


def measure(persons: Sequence[Person], estimates: np.ndarray, diameter: np.ndarray) -> Displacements:
    """Measure the mean and standard deviation of the errors of estimates.

    Args:
        persons: N labelled people.
        estimates: (N, K, 3) x, y and score in image pixels.
        diameter: (N,) torso diameters in pixels, the unit of the errors.

    Returns:
        The errors, in torso diameters.

    Raises:
        ValueError: If no labelled keypoint was found.
    """
    labels = np.stack([p.keypoints for p in persons])
    known = (labels[..., 2] > 0) & np.isfinite(estimates[..., :2]).all(axis=-1)
    away = np.where(known[..., None], (estimates[..., :2] - labels[..., :2]) / diameter[:, None, None], 0.0)
    counts = known.sum(axis=0)
    if not counts.any():
        raise ValueError("the bundle to refine found no labelled keypoint of the training people; train it first")
    some = np.maximum(counts, 1)[:, None]
    mean = away.sum(axis=0) / some
    square = np.where(known[..., None], (away - mean) ** 2, 0.0).sum(axis=0) / some
    std = np.where(counts[:, None] > 0, np.sqrt(square), np.sqrt(square)[counts > 0].mean(axis=0))
    return Displacements(_pairs(mean), _pairs(std), tuple(int(c) for c in counts))


def load_stages(directory: Path) -> list[KerasNetwork]:
    """Load the Keras networks of a bundle and of all bundles that it refines, first stage first.

    Args:
        directory: The bundle.

    Raises:
        ValueError: If a bundle is incomplete, or its weights do not fit its spec.
    """
    return [KerasNetwork(*models.load(folder, keras)) for folder in bundle.stages(directory)]


def _estimates(out: Path, people: People, val: People | None) -> tuple[np.ndarray, np.ndarray]:
    """Estimates (N, K, 3) and (2, V, K, 3) of the bundle before; kept beside the resume state (see `StageSamples`)."""
    path = out / bundle.RESUME / ESTIMATES
    used = [bundle.sha256(folder / bundle.WEIGHTS) for folder in bundle.stages(out / bundle.PREVIOUS)]
    used += [f"{part.sha256} {[p.annotation_id for p in part.persons]}" for part in (people, val) if part is not None]
    key = hashlib.sha256(repr(used).encode()).hexdigest()
    try:
        with np.load(path) as stored:
            if str(stored["key"]) == key:
                return stored["people"], stored["val"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        pass  # missing or unreadable: they are computed again
    stages = load_stages(out / bundle.PREVIOUS)
    estimates = cascade.predict(stages, people.persons, batch=32)[0]
    val_estimates = np.zeros((2, 0, *estimates.shape[1:]))
    if val is not None:
        val_estimates = cascade.predict(stages, val.persons, VARIANTS, batch=32)
    file = io.BytesIO()
    np.savez(file, key=np.array(key), people=estimates, val=val_estimates)
    write_whole(path, file.getvalue())
    return estimates, val_estimates


def _pairs(values: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in values)
