"""The official COCO keypoint evaluation, by pycocotools, with the skeleton's own sigmas."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

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
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

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
    base = {"images": [{"id": i} for i in images], "categories": [{"id": 1, "name": "person"}]}
    with contextlib.redirect_stdout(io.StringIO()):
        truth_api, found_api = COCO(), COCO()
        truth_api.dataset, found_api.dataset = {**base, "annotations": gt}, {**base, "annotations": dt}
        truth_api.createIndex()
        found_api.createIndex()
        run = COCOeval(truth_api, found_api, "keypoints")
        run.params.kpt_oks_sigmas = np.asarray(sigmas, float)[channels]
        run.evaluate()
        run.accumulate()
        run.summarize()
    stats = {name: (float(v) if v > -1 else math.nan) for name, v in zip(STATS, run.stats, strict=True)}
    return _matches(run, stats, images)


def _matches(run: Any, stats: dict[str, float], images: list[int]) -> CocoScore:
    """The matches behind the averages, for resampling images: area range "all", 20 detections per image."""
    scores, where, matched, ignored = [], [], [], []
    truths = np.zeros(len(images), int)
    for index, matches in enumerate(run.evalImgs[: len(images)]):  # the first area range is "all"
        if matches is None:
            continue
        truths[index] = int(np.count_nonzero(np.asarray(matches["gtIgnore"]) == 0))
        count = len(matches["dtScores"])
        scores.extend(matches["dtScores"])
        where.extend([index] * count)
        matched.append(np.asarray(matches["dtMatches"]).reshape(10, count) > 0)
        ignored.append(np.asarray(matches["dtIgnore"]).reshape(10, count) > 0)
    empty = np.zeros((10, 0), bool)
    return CocoScore(
        stats, np.asarray(run.params.iouThrs), tuple(images), np.asarray(scores, float), np.asarray(where, int),
        np.concatenate([empty, *matched], axis=1), np.concatenate([empty, *ignored], axis=1), truths,
    )  # fmt: skip


def _truth(number: int, person: Person, channels: np.ndarray) -> dict[str, Any]:
    chosen = person.keypoints[channels]
    return {
        "id": number, "image_id": person.image_id, "category_id": 1, "iscrowd": int(person.crowd),
        "area": person.area, "bbox": list(person.box_xywh), "keypoints": chosen.ravel().tolist(),
        "num_keypoints": int(np.count_nonzero(chosen[:, 2])),
    }  # fmt: skip
