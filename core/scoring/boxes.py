"""The official COCO evaluation of people's boxes, by pycocotools, and recall and precision of large people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poseport.data.people import Person
from poseport.people.centers import iou, shared_areas
from poseport.scoring.official import matches_of, run_evaluation

MATCH = 0.5  # intersection over union from which a box counts as found


@dataclass(frozen=True, eq=False)
class BoxScore:
    """Result of an evaluation of D boxes in I images.

    Attributes:
        ap: AP averaged over ten thresholds of intersection over union, in [0, 1]; NaN without people.
        ap50: AP at a threshold of 0.5.
        recall: Share of the large people who are found at 0.5.
        precision: Share of the large boxes that are of people; NaN without large boxes.
        large: Number of large people.
        image_ids: The images, I of them.
        scores: (D,) scores of the boxes.
        image: (D,) index of each box's image in `image_ids`.
        matched: (D,) bool, whether a box is matched at 0.5.
        ignored: (D,) bool, whether it is ignored, because it is in a crowd.
        ground_truths: (I,) number of people that count in each image.
    """

    ap: float
    ap50: float
    recall: float
    precision: float
    large: int
    image_ids: tuple[int, ...]
    scores: np.ndarray
    image: np.ndarray
    matched: np.ndarray
    ignored: np.ndarray
    ground_truths: np.ndarray


def evaluate(
    found: Mapping[int, tuple[np.ndarray, np.ndarray]], truth: Sequence[Person], large: float = 0.2
) -> BoxScore:
    """Compare boxes with annotated people.

    Args:
        found: Image id -> boxes (N, 4) left, top, width, height in pixels, and scores (N,).
        truth: Every annotated person of these images, crowds included.
        large: A person or box is large if its longer side is at least this share of the picture's longer side.

    Returns:
        The scores, and the matches behind them.
    """
    images = tuple(sorted(found))
    gt = [
        {
            "id": i, "image_id": p.image_id, "category_id": 1, "iscrowd": int(p.crowd), "bbox": list(p.box_xywh),
            "area": p.box_xywh[2] * p.box_xywh[3],
        }
        for i, p in enumerate((p for p in truth if p.image_id in found), 1)
    ]  # fmt: skip
    dt = [
        {
            "id": 0, "image_id": image, "category_id": 1, "iscrowd": 0, "bbox": box.tolist(), "score": float(score),
            "area": float(box[2] * box[3]),
        }
        for image in images
        for box, score in zip(*found[image], strict=True)
    ]  # fmt: skip
    for number, one in enumerate(dt, 1):
        one["id"] = number
    run = run_evaluation(gt, dt, images, "bbox")
    ap, ap50 = (float(v) if v > -1 else math.nan for v in run.stats[:2])
    seen = matches_of(run, len(images))
    recall, precision, count = _large(found, truth, large)
    return BoxScore(
        ap, ap50, recall, precision, count, images, seen.scores, seen.image, seen.matched[0], seen.ignored[0],
        seen.ground_truths,
    )  # fmt: skip


def _large(
    found: Mapping[int, tuple[np.ndarray, np.ndarray]], truth: Sequence[Person], share: float
) -> tuple[float, float, int]:
    """Recall and precision of large people, and their number. A box in a crowd counts neither way."""
    people = hits = boxes = right = 0
    for image, (some, _) in found.items():
        here = [p for p in truth if p.image_id == image]
        limit = share * max(here[0].image_hw) if here else 0
        theirs = np.array([p.box_xywh for p in here]).reshape(-1, 4)
        overlaps = iou(some, theirs)
        crowd = np.array([p.crowd for p in here], bool)
        taken = np.zeros(len(here), bool)
        matched = np.zeros(len(some), bool)
        for i in range(len(some)):  # best first, each person once
            free = np.where(taken | crowd, 0, overlaps[i])
            if len(here) and free.max() >= MATCH:
                taken[free.argmax()] = matched[i] = True
        # most of the box lies in that of a crowd
        covered = shared_areas(some, theirs[crowd]) >= MATCH * some[:, 2:].prod(axis=1, keepdims=True)
        in_crowd = covered.any(axis=1)
        big = some[:, 2:].max(axis=1, initial=0) >= limit
        counted = big & (matched | ~in_crowd)
        boxes, right = boxes + int(counted.sum()), right + int((counted & matched).sum())
        tall = np.array([max(p.box_xywh[2:]) >= limit for p in here], bool) & ~crowd
        people, hits = people + int(tall.sum()), hits + int((tall & taken).sum())
    return hits / people if people else math.nan, right / boxes if boxes else math.nan, people
