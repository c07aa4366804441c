"""Compare the keypoints of two networks on the same crops: a Keras network and its file, or a host and a phone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from poseport import cascade, pose
from poseport.data import batches
from poseport.data.people import Person
from poseport.predict import PoseNetwork
from poseport.spec import PoseSpec

# Keypoints that the reference scores lower are not compared.
CONFIDENT = 0.2
BATCH = 16


@dataclass(frozen=True)
class Parity:
    """Distance between the keypoints of a Keras network and those of its file.

    Attributes:
        people: Number of people compared.
        keypoints: Number of keypoints that the Keras network scores at least 0.2. The distances are of these, or of
            all keypoints if there is none.
        of: Number of all keypoints.
        mean_px: Mean distance in input pixels.
        p99_px: 99th percentile of the distances.
        max_px: Largest distance.
        keras_score: Mean score of the Keras network.
        tflite_score: Mean score of the file.
    """

    people: int
    keypoints: int
    of: int
    mean_px: float
    p99_px: float
    max_px: float
    keras_score: float
    tflite_score: float


def compare(
    reference: PoseNetwork,
    converted: PoseNetwork,
    persons: Sequence[Person],
    boxes_xywh: np.ndarray | None,
    progress: Callable[[int], None] | None = None,
) -> Parity:
    """Run both networks on the crops of the reference's spec, and compare their keypoints.

    Args:
        reference: The Keras network.
        converted: The file; its interpreter gets its own input tensors, as on a phone.
        persons: N people.
        boxes_xywh: (N, K, 4), the boxes of a later stage of a cascade; None crops each person's own box.
        progress: Called with the number of crops just done.

    Returns:
        The distances and scores.
    """
    shown = crops(reference.spec, persons, boxes_xywh)
    wanted, found = keypoints(reference, shown), keypoints(converted, shown, progress)
    away_px, sure = distances(wanted, found)
    return Parity(
        people=len(wanted),
        keypoints=sure,
        of=wanted[..., 2].size,
        mean_px=float(away_px.mean()),
        p99_px=float(np.percentile(away_px, 99)),
        max_px=float(away_px.max()),
        keras_score=float(wanted[..., 2].mean()),
        tflite_score=float(found[..., 2].mean()),
    )


def crops(spec: PoseSpec, persons: Sequence[Person], boxes_xywh: np.ndarray | None) -> np.ndarray:
    """Crop N people as a spec says.

    Args:
        spec: The spec.
        persons: N people.
        boxes_xywh: (N, K, 4) boxes in image pixels of a later stage of a cascade; None crops each person's own box.

    Returns:
        (n, H, W, 3) uint8 RGB; n is N or N x K.
    """
    return np.concatenate([batch.crops for batch in batches.batches(spec, persons, boxes_xywh=boxes_xywh)])


def keypoints(network: PoseNetwork, crops: np.ndarray, progress: Callable[[int], None] | None = None) -> np.ndarray:
    """Run a network on crops and decode its keypoints.

    A later stage of a cascade has a crop per keypoint, and each crop gives its own keypoint only.

    Args:
        network: The network.
        crops: (n, H, W, 3) uint8 RGB.
        progress: Called with the number of crops just done.

    Returns:
        (N, K, 3) x, y in input pixels and a score.
    """
    several = []
    for start in range(0, len(crops), BATCH):
        some = crops[start : start + BATCH]
        several.append(network.outputs(some))
        if progress is not None:
            progress(len(some))
    return decode(network, np.concatenate(several))


def decode(network: PoseNetwork, outputs: np.ndarray) -> np.ndarray:
    """Decode raw outputs to keypoints, as `keypoints` does.

    Args:
        network: The network.
        outputs: (n, *spec.output_shape) float32.

    Returns:
        (N, K, 3) x, y in input pixels and a score.
    """
    return cascade.own_keypoints(network.spec, pose.decode_input(network.spec, outputs))


def distances(reference: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, int]:
    """Compare keypoints that two networks found on the same crops.

    Args:
        reference: (N, K, 3) x, y in input pixels and a score.
        found: The same of the other network.

    Returns:
        Distances in input pixels, (n,), of the keypoints that the reference scores at least 0.2, or of all keypoints if
        there is none; and the number of keypoints with that score.
    """
    away_px = np.linalg.norm(reference[..., :2] - found[..., :2], axis=-1)
    sure = reference[..., 2] >= CONFIDENT
    return away_px[sure] if sure.any() else away_px.ravel(), int(sure.sum())
