"""The official COCO keypoint evaluation, by pycocotools, with the skeleton's own sigmas."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from poseport.data.people import Person


@dataclass(frozen=True, eq=False)
class CocoScore:
    """Result of the official evaluation of D predictions in I images.

    Attributes:
        stats: name -> value of the ten numbers of COCOeval; NaN where COCOeval gives -1, if there are no such people.
        thresholds: (10,) OKS thresholds.
        image_ids: the evaluated images, I of them.
        scores: (D,) scores of the predictions, in the order of `matched`.
        detection_image: (D,) index of each prediction's image in `image_ids`.
        matched: (10, D) bool, whether a prediction is matched at each threshold.
        ignored: (10, D) bool, whether it is ignored.
        ground_truths: (I,) number of people that count in each image.
    """

    stats: dict[str, float]
    thresholds: np.ndarray
    image_ids: tuple[int, ...]
    scores: np.ndarray
    detection_image: np.ndarray
    matched: np.ndarray
    ignored: np.ndarray
    ground_truths: np.ndarray


STATS = ("AP", "AP50", "AP75", "AP_medium", "AP_large", "AR", "AR50", "AR75", "AR_medium", "AR_large")


def evaluate(
    image_ids: Sequence[int],
    keypoints: np.ndarray,
    scores: np.ndarray,
    sigmas: np.ndarray,
    truth: Sequence[Person],
    channels: np.ndarray | None = None,
) -> CocoScore:
    """Compute OKS AP and AR with pycocotools.

    Args:
        image_ids: (N,) image of each prediction.
        keypoints: (N, K, 2 or more) x, y in image pixels.
        scores: (N,) by which the predictions are ranked.
        sigmas: (K,) of the skeleton.
        truth: every annotated person of the evaluated images, crowds included.
        channels: indices of the keypoints to score; None for all.

    Returns:
        The averages, and the matches behind them.
    """
    channels = np.arange(len(sigmas)) if channels is None else channels
    images = sorted({p.image_id for p in truth})
    wanted = set(images)
    # new ids from 1, because COCOeval takes a match with annotation id 0 for no match
    gt = [_truth(i + 1, p, channels) for i, p in enumerate(truth)]
    dt: list[dict[str, Any]] = []
    for image_id, points, score in zip(image_ids, keypoints, scores, strict=True):
        if image_id in wanted:
            # COCOeval counts a NaN as a match with everybody: no comparison with it is true
            xy = np.nan_to_num(points[channels, :2], nan=-1e6, posinf=1e6, neginf=-1e6)
            low, high = xy.min(axis=0), xy.max(axis=0)
            dt.append(
                {
                    "id": len(dt) + 1, "image_id": image_id, "category_id": 1, "score": float(np.nan_to_num(score)),
                    "keypoints": np.column_stack([xy, np.ones(len(xy))]).ravel().tolist(),
                    "bbox": [*low.tolist(), *(high - low).tolist()], "area": float(np.prod(high - low)), "iscrowd": 0,
                }
            )  # fmt: skip
    run = run_evaluation(gt, dt, images, "keypoints", np.asarray(sigmas, float)[channels])
    stats = {name: (float(v) if v > -1 else math.nan) for name, v in zip(STATS, run.stats, strict=True)}
    found = matches_of(run, len(images))
    return CocoScore(
        stats, np.asarray(run.params.iouThrs), tuple(images), found.scores, found.image, found.matched, found.ignored,
        found.ground_truths,
    )  # fmt: skip


def run_evaluation(
    truth: list[dict[str, Any]],
    found: list[dict[str, Any]],
    images: Sequence[int],
    kind: Literal["keypoints", "bbox"],
    sigmas: np.ndarray | None = None,
) -> Any:
    """Run pycocotools' evaluation without its output.

    Args:
        truth: annotations in COCO's form, with ids from 1, because COCOeval takes a match with id 0 for no match.
        found: predictions in COCO's form, with ids.
        images: ids of the evaluated images.
        kind: what is compared.
        sigmas: (K,) of the scored keypoints; None for boxes.

    Returns:
        The COCOeval, summarized.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    base = {"images": [{"id": i} for i in images], "categories": [{"id": 1, "name": "person"}]}
    with contextlib.redirect_stdout(io.StringIO()):
        apis = [COCO(), COCO()]
        for api, annotations in zip(apis, (truth, found), strict=True):
            api.dataset = {**base, "annotations": annotations}
            api.createIndex()
        run = COCOeval(*apis, kind)
        if sigmas is not None:
            run.params.kpt_oks_sigmas = sigmas
        run.evaluate()
        run.accumulate()
        run.summarize()
    return run


@dataclass(frozen=True, eq=False)
class Matches:
    """The matches of D predictions in I images, at ten thresholds.

    Attributes:
        scores: (D,) scores of the predictions.
        image: (D,) index of each prediction's image.
        matched: (10, D) bool, whether a prediction is matched.
        ignored: (10, D) bool, whether it is ignored.
        ground_truths: (I,) number of people that count in each image.
    """

    scores: np.ndarray
    image: np.ndarray
    matched: np.ndarray
    ignored: np.ndarray
    ground_truths: np.ndarray


def matches_of(run: Any, images: int) -> Matches:
    """Read the matches behind the averages, for resampling images: area range "all", all detections that count.

    Args:
        run: What `run_evaluation` returned.
        images: Number of evaluated images.

    Returns:
        The matches.
    """
    scores, where, matched, ignored = [], [], [], []
    truths = np.zeros(images, int)
    for index, matches in enumerate(run.evalImgs[:images]):  # the first area range is "all"
        if matches is None:
            continue
        truths[index] = int(np.count_nonzero(np.asarray(matches["gtIgnore"]) == 0))
        count = len(matches["dtScores"])
        scores.extend(matches["dtScores"])
        where.extend([index] * count)
        matched.append(np.asarray(matches["dtMatches"]).reshape(10, count) > 0)
        ignored.append(np.asarray(matches["dtIgnore"]).reshape(10, count) > 0)
    empty = np.zeros((10, 0), bool)
    return Matches(
        np.asarray(scores, float), np.asarray(where, int), np.concatenate([empty, *matched], axis=1),
        np.concatenate([empty, *ignored], axis=1), truths,
    )  # fmt: skip


def _truth(number: int, person: Person, channels: np.ndarray) -> dict[str, Any]:
    chosen = person.keypoints[channels]
    return {
        "id": number, "image_id": person.image_id, "category_id": 1, "iscrowd": int(person.crowd),
        "area": person.area, "bbox": list(person.box_xywh), "keypoints": chosen.ravel().tolist(),
        "num_keypoints": int(np.count_nonzero(chosen[:, 2])),
    }  # fmt: skip
