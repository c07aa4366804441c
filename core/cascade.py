"""A cascade of networks: each later stage corrects every keypoint of the stage before in a closer crop.

Toshev and Szegedy 2014, section 3.2. The first stage is an ordinary network: its input is the crop of a person's box,
its output all K keypoints. The input of a stage s >= 2 is one of K crops of the same image, each a square around one
estimate (eq. 6); the i-th row of its output for the i-th crop says where keypoint i is in that square (eq. 7). One
network per stage serves all keypoints. In shapes, V are variants, N people and K keypoints.

Only this module handles later stages; ordinary networks are run by `poseport.predict`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from poseport import pose
from poseport.data import batches
from poseport.data.people import Person
from poseport.predict import PoseNetwork, Variant, predict_crops, predict_variants
from poseport.scoring import metrics
from poseport.skeleton import Skeleton
from poseport.spec import PoseSpec

# The least diameter as a share of the box: a torso in the direction of view has no length, nor may a poor estimate.
LEAST_DIAMETER = 0.1


def diameters(skeleton: Skeleton, boxes_xywh: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    """Measure the diameter of each pose: its torso pair's distance, but at least a tenth of the box's longer side.

    Args:
        skeleton: a skeleton with a torso pair.
        boxes_xywh: (N, 4) left, top, width, height in image pixels.
        estimates: (N, K, 3) x, y in image pixels and a score.

    Returns:
        (N,) float64 in pixels.
    """
    return np.fmax(metrics.torso_sizes(estimates, skeleton), LEAST_DIAMETER * metrics.box_sizes(boxes_xywh))


def squares(centres_xy: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Make square boxes around points.

    Args:
        centres_xy: (..., 2) in pixels.
        sides: sides of the squares in pixels, broadcastable to (...,).

    Returns:
        (..., 4) left, top, width, height in pixels.
    """
    sides = np.broadcast_to(sides, centres_xy.shape[:-1])[..., None]
    # a box of width w covers [x - 0.5, x + w - 0.5] in pixel-centre coordinates
    return np.concatenate([centres_xy - (sides - 1) / 2, sides, sides], axis=-1)


def windows(spec: PoseSpec, boxes_xywh: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    """Make the squares that a later stage crops, one around each estimate.

    Args:
        spec: spec of a later stage.
        boxes_xywh: (N, 4) boxes of the people in image pixels.
        estimates: (N, K, 3) keypoints of the stage before. A keypoint that was not found (NaN) gets a square in the
            middle of the box, so that every person has K crops.

    Returns:
        (N, K, 4) left, top, width, height in image pixels.

    Raises:
        ValueError: if the spec is not one of a later stage.
    """
    if spec.refine is None:
        raise ValueError(
            f"{spec.name} starts from boxes, but estimates were given; run the stages of a cascade in order"
        )
    boxes_xywh = np.asarray(boxes_xywh, np.float64)
    middle = boxes_xywh[:, None, :2] + (boxes_xywh[:, None, 2:] - 1) / 2
    located = np.isfinite(estimates[..., :2])
    sides = spec.refine.box_sigma * diameters(spec.skeleton, boxes_xywh, estimates)
    return squares(np.where(located, estimates[..., :2], middle), sides[:, None])


def own_keypoints(spec: PoseSpec, keypoints: np.ndarray) -> np.ndarray:
    """Select from each crop of a later stage the keypoint that the crop was made for.

    A later stage is trained for that keypoint only, although each of its outputs has all K.

    Args:
        spec: spec of the network that gave the keypoints.
        keypoints: (N x K, K, C), decoded from every crop; (N, K, C) of an ordinary network, which has one crop
            per person.

    Returns:
        (N, K, C). The keypoints of an ordinary network are returned unchanged.
    """
    if spec.refine is None:
        return keypoints
    k = len(spec.skeleton)
    every = np.arange(k)
    return keypoints.reshape(-1, k, *keypoints.shape[1:])[:, every, every]


def refined(spec: PoseSpec, keypoints: np.ndarray, estimates: np.ndarray) -> np.ndarray:
    """Join the keypoints of a later stage with the estimates that it started from.

    Args:
        spec: spec of the later stage.
        keypoints: (N x K, K, 3), decoded from every crop of `windows`, in image pixels.
        estimates: (N, K, 3) of the stage before.

    Returns:
        (N, K, 3): x, y of the later stage and the score of the estimate; x and y are NaN where the estimate's are.
    """
    located = np.isfinite(estimates[..., :2])
    own = own_keypoints(spec, keypoints)
    return np.concatenate([np.where(located, own[..., :2], np.nan), estimates[..., 2:]], axis=-1)


def refine_image(
    networks: Sequence[PoseNetwork], image: np.ndarray, boxes_xywh: np.ndarray, estimates: np.ndarray
) -> np.ndarray:
    """Refine the keypoints of people in one image by later stages.

    Args:
        networks: the later stages, in order.
        image: (h, w, 3) uint8 RGB.
        boxes_xywh: (N, 4) boxes of the people in image pixels.
        estimates: (N, K, 3) keypoints of the first stage.

    Returns:
        (N, K, 3): x, y in image pixels and a score.
    """
    for network in networks:
        crops, matrices = pose.crops(network.spec, image, windows(network.spec, boxes_xywh, estimates).reshape(-1, 4))
        estimates = refined(network.spec, pose.decode(network.spec, network.outputs(crops), matrices), estimates)
    return estimates


def refine(
    networks: Sequence[PoseNetwork],
    persons: Sequence[Person],
    estimates: np.ndarray,
    variants: Sequence[Variant] = (Variant(),),
    *,
    batch: int = 4,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Refine the keypoints of annotated people by later stages.

    Later stages run once per variant, because each variant has its own crops.

    Args:
        networks: the later stages, in order.
        persons: N people with boxes and image files.
        estimates: (V, N, K, 3) keypoints of the stage before the first of `networks`, in each variant.
        variants: V ways to turn outputs into keypoints.
        batch: as in `poseport.predict.predict`.
        threads: as in `poseport.predict.predict`.
        progress: called after each batch of each stage and variant with the number of its people.

    Returns:
        (V, N, K, 3): x, y in image pixels and a score.

    Raises:
        ValueError: if a network is not a later stage, or if an image cannot be read.
    """
    boxes = np.array([person.box_xywh for person in persons])
    for network in networks:
        spec, by_variant = network.spec, []
        for variant, before in zip(variants, estimates, strict=True):
            parts = batches.batches(spec, persons, batch, threads, windows(spec, boxes, before))
            by_variant.append(refined(spec, predict_crops(network, parts, (variant,), progress)[0], before))
        estimates = np.stack(by_variant)
    return estimates


def predict(
    networks: Sequence[PoseNetwork],
    persons: Sequence[Person],
    variants: Sequence[Variant] = (Variant(),),
    *,
    batch: int = 4,
    threads: int = 1,
    progress: Callable[[int], None] | None = None,
) -> np.ndarray:
    """Predict the keypoints of annotated people by all stages of a cascade.

    Args:
        networks: the stages, first stage first.
        persons: as in `refine`.
        variants: as in `refine`.
        batch: as in `refine`.
        threads: as in `refine`.
        progress: as in `refine`.

    Returns:
        (V, N, K, 3): x, y in image pixels and a score.

    Raises:
        ValueError: as `refine`, and if the first network is a later stage.
    """
    first, *later = networks
    keypoints = predict_variants(first, persons, variants, batch=batch, threads=threads, progress=progress)
    return refine(later, persons, keypoints, variants, batch=batch, threads=threads, progress=progress)
