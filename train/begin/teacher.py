"""A trained network as teacher: what it finds becomes part of what another is trained on.

Two kinds of targets. Of "keypoints" the teacher looks once at every person as annotated, and its keypoints
are mixed with the labels by name: so it may have another input, another skeleton and any output. Of
"heatmaps" it looks at every augmented crop, and its maps are mixed with the label's; a map also says what
else it might have been. Mixing maps is mixing losses (Hinton et al. 2015; for poses Zhang, Zhu and Ye
2019): cross-entropy is linear in its target, and squared error is so but for a constant.
"""

from __future__ import annotations

import hashlib
import io
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from poseport import bundle, pose
from poseport.command.options import progress
from poseport.data.people import People, Person
from poseport.predict import PoseNetwork, predict
from poseport.records import dumps, loads, write_whole
from poseport.scoring import metrics
from poseport.skeleton import rearrange
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.tflite import runner
from poseport.train.config import TeacherConfig

CACHE = "teacher.npz"
_CHUNK = 64
_SAVE_EVERY_S = 30.0


@dataclass(frozen=True)
class CacheKey:
    """What a cache of keypoints belongs to."""

    teacher_sha256: str
    annotations_sha256: str
    flip: bool


@dataclass(frozen=True, eq=False)
class Teacher:
    """A network that can be asked, and how far it is believed.

    network: crops (n, H, W, 3) uint8 RGB to raw outputs (n, *spec.output_shape) float32.
    """

    config: TeacherConfig
    spec: PoseSpec
    network: Callable[[np.ndarray], np.ndarray]
    _alone: threading.Lock = field(default_factory=threading.Lock)

    def outputs(self, crops: np.ndarray) -> np.ndarray:
        """Raw outputs (n, *spec.output_shape) of crops (n, H, W, 3) uint8, averaged with those of the mirrored
        crops if so configured. Threads may ask; an interpreter answers one at a time.
        """
        with self._alone:
            found = self.network(crops)
            if self.config.flip:
                found = (found + pose.unflip(self.spec, self.network(pose.flip(crops)))) / 2
        return found

    def check(self, spec: PoseSpec) -> None:
        """ValueError when it cannot teach the network of `spec`."""
        own, name = self.spec, self.config.file
        if self.config.targets == "keypoints":
            if not set(own.skeleton.names) & set(spec.skeleton.names):
                raise ValueError(f"teacher {name}: none of its keypoints is one of {', '.join(spec.skeleton.names)}")
            return
        both = isinstance(own.output, HeatmapOutput) and isinstance(spec.output, HeatmapOutput)
        if not both or (own.input_hw, own.output_shape) != (spec.input_hw, spec.output_shape):
            raise ValueError(
                f"teacher {name}: has {own.output.kind} {own.output_shape} of {own.input_hw}, {spec.name} has "
                f"{spec.output.kind} {spec.output_shape} of {spec.input_hw}; heatmaps are taught by heatmaps of the "
                "same size: take --teacher-targets keypoints"
            )
        if own.skeleton.names != spec.skeleton.names:
            raise ValueError(
                f"teacher {name}: its skeleton {own.skeleton.name!r} is not {spec.skeleton.name!r}; heatmaps are "
                "taught by those of the same keypoints: take --teacher-targets keypoints"
            )

    def mixer(self, spec: PoseSpec) -> Callable[[np.ndarray, np.ndarray], None] | None:
        """`mix_maps` for a network that is taught by heatmaps, None for others."""
        return partial(self.mix_maps, spec) if self.config.targets == "heatmaps" else None

    def mix_maps(self, spec: PoseSpec, crops: np.ndarray, targets: np.ndarray) -> None:
        """Mix its maps of augmented crops into the targets of a network, in place.

        crops: (n, H, W, 3) uint8. targets: (n, h, w, K) float32, NaN where there is no label: there the teacher
        alone is the target, if its peak is high enough. Maps that are not sure leave a label as it is.
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
        """Its keypoints (N, K, 3) float32 of all people, in image pixels and the order of their skeleton.

        Zeros for a keypoint that it does not know, for crowds, and for boxes without area. cache: file in which
        they are kept, and looked up; an interrupted call continues from there. progress: called with the number
        of people just done. Raises ValueError for a cache of another teacher or other people.
        """
        key = CacheKey(self.config.sha256, people.sha256, self.config.flip)
        shape = (len(people), len(self.spec.skeleton), 3)
        found, seen = _read_cache(cache, key, shape) if cache.exists() else (np.zeros(shape, np.float32), None)
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
                    _write_cache(cache, key, found, seen)
                    saved = time.monotonic()
        finally:
            if len(waiting):
                _write_cache(cache, key, found, seen)
        return rearrange(found, self.spec.skeleton, people.skeleton)

    def teach(self, people: People, found: np.ndarray) -> People:
        """The people with its keypoints mixed into their labels.

        found: (N, K, 3) of `find`. Where both exist and are near, the label moves towards the teacher's keypoint
        by its weight; where they are far apart one of them is wrong and a point between surely is, so the label
        stays. Where there is no label, the teacher's keypoint is one, with visibility 2.
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
    """A teacher from a .tflite file with its spec inside or beside it, or from a bundle.

    threads: of the interpreter. how: fields of `TeacherConfig` that are not to be the default.
    Raises ValueError for a file that is neither, or settings out of range.
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
            raise ValueError(f"{path}: is a cascade, whose later stages teach nothing; name its first stage's bundle")
        network = converted
    spec = network.spec

    digest = hashlib.sha256(dumps(spec).encode() + bytes.fromhex(bundle.sha256(weights))).hexdigest()
    return Teacher(TeacherConfig(path.name, digest, **how), spec, network.outputs)


def taught(teacher: Teacher, spec: PoseSpec, people: People, cache: Path, *, hidden: bool) -> People:
    """The people with the teacher's keypoints in their labels; as they are where it teaches by heatmaps."""
    teacher.check(spec)
    if teacher.config.targets != "keypoints":
        return people
    with progress("the teacher looks", len(people), hidden=hidden) as advance:
        return teacher.teach(people, teacher.find(people, cache, advance))


def apart(people: People, found: np.ndarray) -> np.ndarray:
    """Distance (N, K) of found keypoints from labels in longer sides of the person's box; inf without a label."""
    labels = np.stack([p.keypoints for p in people.persons])
    sizes = metrics.box_sizes(np.array([p.box_xywh for p in people.persons]))
    away = np.linalg.norm(found[..., :2] - labels[..., :2], axis=-1) / np.maximum(sizes, 1e-6)[:, None]
    return np.where(labels[..., 2] > 0, away, np.inf)


def _can_be_cropped(person: Person) -> bool:
    return not person.crowd and min(person.box_xywh[2:]) > 0


def _write_cache(path: Path, key: CacheKey, found: np.ndarray, seen: np.ndarray) -> None:
    file = io.BytesIO()
    np.savez(file, key=np.array(dumps(key)), keypoints=found, seen=seen)
    write_whole(path, file.getvalue())


def _read_cache(path: Path, key: CacheKey, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            theirs, found, seen = str(file["key"]), file["keypoints"], file["seen"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path}: is no cache of a teacher's keypoints ({error}); remove it") from None
    if loads(CacheKey, theirs, str(path)) != key or found.shape != shape or seen.shape != shape[:1]:
        raise ValueError(
            f"{path}: keypoints of another teacher or of other people than this command's; remove it, or name "
            "another --out or --teacher-cache"
        )
    return found, seen
