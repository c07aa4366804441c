"""A trained network as teacher: its outputs become part of the targets that another network is trained on.

There are two kinds of targets. For "keypoints" the teacher runs once on every person as annotated, and its
keypoints are mixed with the labels by name; so it may have another input, another skeleton and any output.
For "heatmaps" it runs on every augmented crop, and its maps are mixed with those of the labels; a map also
holds the teacher's second guesses. Mixing maps is mixing losses (Hinton et al. 2015; for poses Zhang, Zhu
and Ye 2019): cross-entropy is linear in its target, and squared error is too, except for a constant.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from poseport import bundle, flip, pose
from poseport.data.people import People, Person
from poseport.predict import PoseNetwork, predict
from poseport.records import dumps
from poseport.scoring import metrics
from poseport.skeleton import rearrange
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.tflite import runner
from poseport.train.begin import teacher_cache
from poseport.train.config import TeacherConfig

CACHE = "teacher.npz"
_CHUNK = 64
_SAVE_EVERY_S = 30.0


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network that teaches, and how its outputs are mixed with labels.

    Attributes:
        config: Weight, threshold and limit of agreement.
        spec: The network's spec.
        network: Crops (n, H, W, 3) uint8 RGB -> raw outputs (n, *spec.output_shape) float32.
    """

    config: TeacherConfig
    spec: PoseSpec
    network: Callable[[np.ndarray], np.ndarray]
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def outputs(self, crops: np.ndarray) -> np.ndarray:
        """Run the teacher on crops; threads may call this at the same time, and wait for each other.

        Args:
            crops: (n, H, W, 3) uint8 RGB.

        Returns:
            Raw outputs, (n, *spec.output_shape) float32, averaged with those of the mirrored crops if so configured.
        """
        with self._alone:
            found = self.network(crops)
            if self.config.flip:
                found = (found + flip.unflip(self.spec, self.network(flip.flip(crops)))) / 2
        return found

    def check(self, spec: PoseSpec) -> None:
        """Check that this teacher can teach a network.

        Args:
            spec: Spec of the network to train.

        Raises:
            ValueError: If it shares no keypoint (for keypoints), or the heatmaps or skeletons differ (for heatmaps).
        """
        own, name = self.spec, self.config.file
        if self.config.targets == "keypoints":
            if not set(own.skeleton.names) & set(spec.skeleton.names):
                raise ValueError(f"teacher {name}: none of its keypoints is one of {', '.join(spec.skeleton.names)}")
            return
        both = isinstance(own.output, HeatmapOutput) and isinstance(spec.output, HeatmapOutput)
        if not both or (own.input_hw, own.output_shape) != (spec.input_hw, spec.output_shape):
            raise ValueError(
                f"teacher {name}: has {own.output.kind} {own.output_shape} of {own.input_hw}, {spec.name} has "
                f"{spec.output.kind} {spec.output_shape} of {spec.input_hw}; heatmaps can only be taught by heatmaps "
                "of the same size: use --teacher-targets keypoints"
            )
        if own.skeleton.names != spec.skeleton.names:
            raise ValueError(
                f"teacher {name}: its skeleton {own.skeleton.name!r} is not {spec.skeleton.name!r}; heatmaps can "
                "only be taught by those of the same keypoints: use --teacher-targets keypoints"
            )

    def mixer(self, spec: PoseSpec) -> Callable[[np.ndarray, np.ndarray], None] | None:
        """Make the function that mixes the teacher's heatmaps into targets (see `mix_maps`).

        Args:
            spec: Spec of the network to train.

        Returns:
            A function of (crops, targets); None for a network that is taught by keypoints.
        """
        return partial(self.mix_maps, spec) if self.config.targets == "heatmaps" else None

    def mix_maps(self, spec: PoseSpec, crops: np.ndarray, targets: np.ndarray) -> None:
        """Mix the teacher's maps of augmented crops into the targets of a network.

        Where there is no label, the teacher's map alone is the target if its peak reaches the threshold. A map whose
        peak does not leaves the label as it is.

        Args:
            spec: Spec of the network to train.
            crops: (n, H, W, 3) uint8 RGB.
            targets: (n, h, w, K) float32, NaN where there is no label; changed in place.
        """
        assert isinstance(spec.output, HeatmapOutput)
        assert isinstance(self.spec.output, HeatmapOutput)
        maps = np.maximum(pose.maps(self.spec, self.outputs(crops)), 0.0)
        sure = maps.max(axis=(1, 2), keepdims=True) >= self.config.threshold
        if spec.output.values == "logits":  # targets are distributions: its peaks get the mass of the labels'
            maps *= (spec.output.sigma / self.spec.output.sigma) ** 2
        share = np.where(sure, np.float32(self.config.weight), np.float32(0))
        mixed = (1 - share) * targets + share * maps
        alone = np.where(sure, maps, np.float32(np.nan))
        targets[...] = np.where(np.isfinite(targets), mixed, alone)

    def find(self, people: People, cache: Path, progress: Callable[[int], None] | None = None) -> np.ndarray:
        """Predict the keypoints of all people.

        Args:
            people: N people.
            cache: File in which the keypoints are kept and looked up; an interrupted call continues from there.
            progress: Called with the number of people just done.

        Returns:
            (N, K, 3) float32 x and y in image pixels and score, in the order of the people's skeleton; zeros for
            keypoints that the teacher does not have, for crowds, and for boxes without area.

        Raises:
            ValueError: If the cache is of another teacher or other people.
        """
        key = teacher_cache.CacheKey(self.config.sha256, people.sha256, self.config.flip)
        shape = (len(people), len(self.spec.skeleton), 3)
        found, seen = teacher_cache.read(cache, key, shape) if cache.exists() else (np.zeros(shape, np.float32), None)
        seen = np.array([not _can_be_cropped(p) for p in people.persons]) if seen is None else seen
        tell = progress or (lambda count: None)
        tell(int(seen.sum()))
        waiting, saved = np.flatnonzero(~seen), time.monotonic()
        try:
            for start in range(0, len(waiting), _CHUNK):
                chunk = waiting[start : start + _CHUNK]
                persons = [people.persons[i] for i in chunk]
                found[chunk] = predict(self, persons)
                seen[chunk] = True
                tell(len(chunk))
                if time.monotonic() - saved > _SAVE_EVERY_S:
                    teacher_cache.write(cache, key, found, seen)
                    saved = time.monotonic()
        finally:
            if len(waiting):
                teacher_cache.write(cache, key, found, seen)
        return rearrange(found, self.spec.skeleton, people.skeleton)

    def teach(self, people: People, found: np.ndarray) -> People:
        """Mix the teacher's keypoints into the labels.

        Where both exist and are near, the label moves towards the teacher's keypoint by its weight. Where they are far
        apart, one of them is wrong, and a point between them certainly is, so the label stays. Where there is no label,
        the teacher's keypoint becomes one, with visibility 2.

        Args:
            people: N people.
            found: (N, K, 3) keypoints of `find`.

        Returns:
            The people with changed labels.
        """
        labels = np.stack([p.keypoints for p in people.persons])
        sure, labelled = found[..., 2] >= self.config.threshold, labels[..., 2] > 0
        near = apart(people, found) <= self.config.agree
        weight = np.where(sure & labelled & near, self.config.weight, 0.0)[..., None]
        mixed = labels.copy()
        mixed[..., :2] += weight * (found[..., :2] - labels[..., :2])
        alone = sure & ~labelled
        mixed[alone] = np.concatenate([found[alone, :2], np.full((int(alone.sum()), 1), 2.0)], axis=1)
        persons = tuple(replace(p, keypoints=k) for p, k in zip(people.persons, mixed, strict=True))
        return replace(people, persons=persons)


def load(path: Path, *, threads: int = 2, **how: Any) -> Teacher:
    """Load a teacher from a .tflite file with its spec inside or beside it, or from a bundle.

    Args:
        path: The file or the bundle.
        threads: Threads of the interpreter.
        how: Fields of `TeacherConfig` other than their defaults.

    Returns:
        The teacher.

    Raises:
        ValueError: If the path is neither, is a cascade, or settings are out of range.
    """
    path = Path(path)
    if path.is_dir():
        import keras

        from poseport.train import evaluate
        from poseport.train.networks import models

        network: PoseNetwork = evaluate.KerasNetwork(*models.load(path, keras))
        weights = path / bundle.WEIGHTS
    else:
        converted, weights = runner.load(path, threads), path
        if converted.later:
            raise ValueError(f"{path}: is a cascade, whose later stages cannot teach; name its first stage's bundle")
        network = converted
    spec = network.spec

    digest = hashlib.sha256(dumps(spec).encode() + bytes.fromhex(bundle.sha256(weights))).hexdigest()
    return Teacher(TeacherConfig(path.name, digest, **how), spec, network.outputs)


def apart(people: People, found: np.ndarray) -> np.ndarray:
    """Distance of found keypoints from the labels.

    Args:
        people: N people.
        found: (N, K, 3) x and y in image pixels, and score.

    Returns:
        (N, K) in longer sides of the person's box; inf without a label.
    """
    labels = np.stack([p.keypoints for p in people.persons])
    sizes = metrics.box_sizes(np.array([p.box_xywh for p in people.persons]))
    away = np.linalg.norm(found[..., :2] - labels[..., :2], axis=-1) / np.maximum(sizes, 1e-6)[:, None]
    return np.where(labels[..., 2] > 0, away, np.inf)


def _can_be_cropped(person: Person) -> bool:
    return not person.crowd and min(person.box_xywh[2:]) > 0
