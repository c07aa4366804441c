"""Compute all metrics of the predictions for a data set, for training and for `bench accuracy`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from poseport.data.people import People, Person
from poseport.scoring import metrics
from poseport.scoring.official import CocoScore, evaluate

PCK_THRESHOLDS = (0.05, 0.1, 0.2)


@dataclass(frozen=True, eq=False)
class Score:
    """Metrics of N predictions on n scored keypoints.

    Attributes:
        values: metric name -> value in [0, 1]; NaN if nobody could be scored.
        by_keypoint: metric name -> (n,) values, one per keypoint.
        hits: metric name -> (N, n) hits as in `poseport.scoring.metrics`.
        oks: (N,) similarity of each prediction with its own person.
        errors_px: (N, n) distances to the labels in image pixels; NaN where unlabelled.
        names: the scored keypoints.
        official: the official COCO evaluation, with its matches.
    """

    values: dict[str, float]
    by_keypoint: dict[str, np.ndarray]
    hits: dict[str, np.ndarray]
    oks: np.ndarray
    errors_px: np.ndarray
    names: tuple[str, ...]
    official: CocoScore


def person_scores(keypoints: np.ndarray) -> np.ndarray:
    """Score each pose by the mean score of its keypoints, by which AP ranks poses.

    Args:
        keypoints: (N, K, 3) x, y and a score.

    Returns:
        (N,).
    """
    return keypoints[..., 2].mean(axis=-1)


def score(
    people: People,
    persons: Sequence[Person],
    keypoints: np.ndarray,
    only: tuple[str, ...] = (),
    box_scores: np.ndarray | None = None,
) -> Score:
    """Score one prediction per person.

    The official AP ranks predictions by keypoint score (times box score). It is computed over every annotated person
    of the images of `persons`, crowds included; with a detector's boxes over the whole set, in which a person who was
    not detected is a miss.

    Args:
        people: the annotated data set.
        persons: the N people that were predicted: people of the set, or boxes of a detector, which have no labels.
        keypoints: (N, K, 3) x, y in image pixels and a score, in the order of `persons`.
        only: names of the keypoints to score; all if empty.
        box_scores: (N,) scores of a detector's boxes; None for annotated boxes.

    Returns:
        The metrics.

    Raises:
        ValueError: if a name in `only` is not a keypoint of the set.
    """
    skeleton = people.skeleton
    channels = skeleton.channels(only) if only else np.arange(len(skeleton))
    images = {p.image_id for p in persons}
    truth = [p for p in people.persons if p.image_id in images or box_scores is not None]
    ids = np.array([p.image_id for p in persons])
    sigmas = np.asarray(skeleton.sigmas)
    ranks = person_scores(keypoints[:, channels]) * (1.0 if box_scores is None else box_scores)
    official = evaluate(ids.tolist(), keypoints, ranks, sigmas, truth, channels)

    labels = np.stack([p.keypoints for p in persons])
    boxes = np.array([p.box_xywh for p in persons])
    areas = np.array([p.area for p in persons])
    sizes = {"box": metrics.box_sizes(boxes), "torso": metrics.torso_sizes(labels, skeleton)}
    predicted, wanted = keypoints[:, channels], labels[:, channels]
    hits = {f"PCK@{t}/box": metrics.pck(predicted, wanted, sizes["box"], t) for t in PCK_THRESHOLDS}
    hits["PCK@0.2/torso"] = metrics.pck(predicted, wanted, sizes["torso"], 0.2)
    if skeleton.head:
        hits["PCKh@0.5"] = metrics.pck(predicted, wanted, metrics.head_sizes(labels, skeleton), 0.5)
    for name, visibility in (("visible", 2), ("hidden", 1)):
        hits[f"PCK@0.1/box {name}"] = np.where(wanted[..., 2] == visibility, hits["PCK@0.1/box"], np.nan)
    by_keypoint = {name: metrics.rate_by_column(hit) for name, hit in hits.items()}
    names = tuple(skeleton.names[c] for c in channels)
    limbs = tuple(limb for limb in skeleton.pcp_limbs if set(limb) <= set(names))
    if limbs:
        hits["PCP@0.5"] = metrics.pcp(keypoints, labels, skeleton.pair_indices(limbs))

    values = {f"OKS-{name}": value for name, value in official.stats.items()}
    values |= {name: metrics.rate(hit) for name, hit in hits.items()}
    oks = metrics.oks(predicted, wanted, areas, sigmas[channels])
    return Score(values, by_keypoint, hits, oks, metrics.distances(predicted, wanted), names, official)
