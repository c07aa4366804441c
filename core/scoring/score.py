"""Predictions of a data set -> every metric, once: used after training epochs and by the bench."""

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
    """values: metric name -> value in [0, 1], NaN where nobody could be scored.

    by_keypoint: metric name -> (n,) of the scored keypoints. hits: metric name -> (N, n) as in `metrics`.
    oks: (N,) of each prediction with its own person. errors_px: (N, n), NaN where unlabelled.
    names: the scored keypoints. official: what pycocotools matched.
    """

    values: dict[str, float]
    by_keypoint: dict[str, np.ndarray]
    hits: dict[str, np.ndarray]
    oks: np.ndarray
    errors_px: np.ndarray
    names: tuple[str, ...]
    official: CocoScore


def person_scores(keypoints: np.ndarray) -> np.ndarray:
    """(N,) score of each pose, by which AP ranks them: the mean score of its keypoints."""
    return keypoints[..., 2].mean(axis=-1)


def score(
    people: People,
    persons: Sequence[Person],
    keypoints: np.ndarray,
    only: tuple[str, ...] = (),
    box_scores: np.ndarray | None = None,
) -> Score:
    """Score one prediction a person.

    persons: those that were predicted: annotated people of `people`, or boxes of a detector, which have
    no labels of their own. keypoints: (N, K, 3) x, y in image pixels and score, aligned with persons.
    only: names of the keypoints to score; empty: all. box_scores: (N,) of a detector.
    The official AP ranks by keypoint score (times box score), and sees every annotated person, crowds
    included, of the images of `persons`; with a detector, of the whole set: who was not found is a miss.
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
    found, wanted = keypoints[:, channels], labels[:, channels]
    hits = {f"PCK@{t}/box": metrics.pck(found, wanted, sizes["box"], t) for t in PCK_THRESHOLDS}
    hits["PCK@0.2/torso"] = metrics.pck(found, wanted, sizes["torso"], 0.2)
    if skeleton.head:
        hits["PCKh@0.5"] = metrics.pck(found, wanted, metrics.head_sizes(labels, skeleton), 0.5)
    for name, seen in (("visible", 2), ("hidden", 1)):
        hits[f"PCK@0.1/box {name}"] = np.where(wanted[..., 2] == seen, hits["PCK@0.1/box"], np.nan)
    by_keypoint = {name: metrics.rate_by_column(hit) for name, hit in hits.items()}
    names = tuple(skeleton.names[c] for c in channels)
    limbs = tuple(limb for limb in skeleton.pcp_limbs if set(limb) <= set(names))
    if limbs:
        hits["PCP@0.5"] = metrics.pcp(keypoints, labels, skeleton.pair_indices(limbs))
    if "left_hip" in skeleton.names and not only:
        hits["PCK@0.2/seed"] = metrics.pck_seed(keypoints, labels, ids, skeleton)

    values = {f"OKS-{name}": value for name, value in official.stats.items()}
    values |= {name: metrics.rate(hit) for name, hit in hits.items()}
    oks = metrics.oks(found, wanted, areas, sigmas[channels])
    return Score(values, by_keypoint, hits, oks, metrics.distances(found, wanted), names, official)
