"""A cascade of networks: each later stage looks closer at every keypoint that the stage before found.

Toshev and Szegedy 2014, section 3.2. A first stage sees the person's box and says where all keypoints
are. A stage s >= 2 sees K crops of the same image, each a square around one estimate (eq. 6), and the
i-th row of its output for the i-th crop says where keypoint i is in that square (eq. 7). One network
a stage serves all keypoints. Letters: N people, K keypoints.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from poseport import pose
from poseport.data import batches
from poseport.data.people import Person
from poseport.scoring import metrics
from poseport.skeleton import Skeleton
from poseport.spec import Decode, HeatmapOutput, PoseSpec

# A torso seen end on has no length, and a wild estimate may give it none: never less than this share of the box.
LEAST_DIAMETER = 0.1


@dataclass(frozen=True, eq=False)
class Stage:
    """A network as a cascade runs it.

    outputs: crops (n, H, W, 3) uint8 RGB to raw outputs (n, *spec.output_shape) float32.
    """

    spec: PoseSpec
    outputs: Callable[[np.ndarray], np.ndarray]


def diameters(skeleton: Skeleton, boxes_xywh: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    """(N,) diameter of each pose: the distance of its torso pair, at least a tenth of the box's longer side.

    boxes_xywh: (N, 4). estimates: (N, K, 3) x, y in image pixels and score.
    """
    return np.fmax(metrics.torso_sizes(estimates, skeleton), LEAST_DIAMETER * metrics.box_sizes(boxes_xywh))


def squares(centres_xy: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Boxes (..., 4) around points (..., 2), of sides (...,), all in pixels."""
    sides = np.broadcast_to(sides, centres_xy.shape[:-1])[..., None]
    # a box of width w covers [x - 0.5, x + w - 0.5] in pixel-centre coordinates
    return np.concatenate([centres_xy - (sides - 1) / 2, sides, sides], axis=-1)


def windows(spec: PoseSpec, boxes_xywh: np.ndarray, estimates: np.ndarray | None) -> np.ndarray:
    """What a stage crops of each person, (N, B, 4): its box (B is 1), or a square around each estimate (B is K).

    boxes_xywh: (N, 4). estimates: (N, K, 3) of the stage before; None for a first stage. A keypoint that was
    not found (NaN) gets a square in the middle of the box, so that every person has K crops.
    Raises ValueError when a later stage has no estimates, or a first stage has.
    """
    boxes_xywh = np.asarray(boxes_xywh, np.float64)
    if (spec.refine is None) != (estimates is None):
        what = "starts from boxes, and was given estimates" if spec.refine is None else "refines, and has no estimates"
        raise ValueError(f"{spec.name} {what}; run the stages of a cascade in order")
    if spec.refine is None or estimates is None:
        return boxes_xywh[:, None]
    middle = boxes_xywh[:, None, :2] + (boxes_xywh[:, None, 2:] - 1) / 2
    found = np.isfinite(estimates[..., :2])
    sides = spec.refine.box_sigma * diameters(spec.skeleton, boxes_xywh, estimates)
    return squares(np.where(found, estimates[..., :2], middle), sides[:, None])


def mirrored(stage: Stage, crops: np.ndarray) -> np.ndarray:
    """Raw outputs (n, *spec.output_shape) for the mirrored crops, as if they had not been mirrored."""
    return pose.unmirror(stage.spec, stage.outputs(np.ascontiguousarray(crops[:, :, ::-1])))


def crops(
    spec: PoseSpec, image: np.ndarray, boxes_xywh: np.ndarray, estimates: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """What a stage sees of people in one image: crops (N x B, H, W, 3) uint8 and their matrices (N x B, 2, 3).

    image: (h, w, 3) uint8 RGB; the rest as in `windows`.
    """
    wanted = windows(spec, boxes_xywh, estimates).reshape(-1, 4)
    found, matrices = zip(*(pose.preprocess(spec, image, box) for box in wanted), strict=True)
    return np.stack(found), np.stack(matrices)


def own(spec: PoseSpec, keypoints: np.ndarray) -> np.ndarray:
    """Decoded keypoints of every crop to (N, K, ...): of a later stage's (N x K, K, ...) those of each crop's own
    keypoint, the only ones that it was trained for.
    """
    if spec.refine is None:
        return keypoints
    k = len(spec.skeleton)
    every = np.arange(k)
    return keypoints.reshape(-1, k, k, *keypoints.shape[2:])[:, every, every]


def decode(spec: PoseSpec, outputs: np.ndarray, matrices: np.ndarray, estimates: np.ndarray | None) -> np.ndarray:
    """Raw outputs of a stage to (N, K, 3): x, y in image pixels and a score.

    outputs: (N x B, *spec.output_shape), matrices: (N x B, 2, 3), of the crops of `windows`.
    A refined keypoint keeps the score of its estimate, and NaN where there was none.
    """
    keypoints = own(spec, pose.decode(spec, outputs, matrices))
    if estimates is None:
        return keypoints
    found = np.isfinite(estimates[..., :2])
    return np.concatenate([np.where(found, keypoints[..., :2], np.nan), estimates[..., 2:]], axis=-1)


@dataclass(frozen=True)
class Way:
    """How outputs become keypoints. flip: averaged with those of the mirrored crop. decode: None: as the spec says."""

    flip: bool = False
    decode: Decode | None = None

    def of(self, spec: PoseSpec) -> PoseSpec:
        """The spec, decoded in this way."""
        if self.decode is None or not isinstance(spec.output, HeatmapOutput):
            return spec
        return replace(spec, output=replace(spec.output, decode=self.decode))


def predict(
    stages: Sequence[Stage],
    persons: Sequence[Person],
    *,
    estimates: np.ndarray | None = None,
    flip: bool = False,
    batch: int = 4,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Keypoints (N, K, 3) of annotated people in image pixels, by all stages in order.

    estimates: (N, K, 3) of the stages before the first of `stages`, where that is a later one. flip: average
    every stage's outputs with those of the mirrored crops. The rest as in `predict_ways`.
    """
    before = None if estimates is None else estimates[None]
    return predict_ways(
        stages, persons, (Way(flip),), estimates=before, batch=batch, threads=threads, progress=progress
    )[0]


def predict_ways(
    stages: Sequence[Stage],
    persons: Sequence[Person],
    ways: Sequence[Way],
    *,
    estimates: np.ndarray | None = None,
    batch: int = 4,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Keypoints (W, N, K, 3) of annotated people in image pixels, in each of W ways, by all stages in order.

    A first stage runs once for all ways; later ones once for each, on other crops. estimates: (W, N, K, 3) of the
    stages before the first of `stages`. batch: people read and decoded at a time; threads take turns better with
    few, where a network takes one crop at a time anyway. progress: called after each batch of each stage with the
    number of its people.
    """
    for stage in stages:
        if estimates is None:
            estimates = _predict_stage(stage, persons, ways, None, batch, threads, progress)
        else:
            several = zip(ways, estimates, strict=True)
            found = [_predict_stage(stage, persons, (way,), e, batch, threads, progress)[0] for way, e in several]
            estimates = np.stack(found)
    assert estimates is not None
    return estimates


def _predict_stage(
    stage: Stage,
    persons: Sequence[Person],
    ways: Sequence[Way],
    estimates: np.ndarray | None,
    batch: int,
    threads: int,
    progress: Callable[[int], None] | None,
) -> np.ndarray:
    """(W, N, K, 3) by one stage. Threads read and crop, one decodes, this one only feeds the network."""
    spec, done = stage.spec, 0
    specs = [way.of(spec) for way in ways]
    found: list[list[Future[np.ndarray]]] = [[] for _ in ways]
    wanted = windows(spec, np.array([p.box_xywh for p in persons]), estimates)
    with ThreadPoolExecutor(1) as decoder:
        for part in batches.batches(spec, persons, batch, threads, wanted):
            plain = averaged = stage.outputs(part.crops)
            if any(way.flip for way in ways):
                averaged = (plain + mirrored(stage, part.crops)) / 2
            before = None if estimates is None else estimates[done : done + len(part.persons)]
            for parts, way, own_spec in zip(found, ways, specs, strict=True):
                outputs = averaged if way.flip else plain
                parts.append(decoder.submit(decode, own_spec, outputs, part.matrices, before))
            done += len(part.persons)
            if progress is not None:
                progress(len(part.persons))
    return np.stack([np.concatenate([one.result() for one in parts]) for parts in found])
