"""Identities in drawn films of people who cross, by the metrics of the MOT challenge (`pip install motmetrics`)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from drawn_film import crowd

import poseport
from poseport.people import centers
from poseport.people.detector import load as load_detector
from poseport.people.everyone import Everyone
from poseport.people.film import Film

SEEDS, FRAMES = range(11, 17), 150
# of a person's pixels; who is hidden more is neither missed nor found wrongly
SEEN = 0.3
SAME = 0.5


def around(keypoints_xy: np.ndarray) -> np.ndarray:
    """(N, 4) boxes around (N, K, 2)."""
    low, high = keypoints_xy.min(axis=1), keypoints_xy.max(axis=1)
    return np.concatenate([low, high - low], axis=-1)


def followed(seed: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """For each frame, the boxes of the people, which are seen, the boxes of the finds and their numbers."""
    pose, detect = poseport.load("starter", threads=1), load_detector("person")
    film = Film(Everyone(pose, pose.spec.skeleton, detect))
    for image, keypoints, seen in crowd(seed, FRAMES):
        found = film(image)
        assert found.ids is not None
        yield around(keypoints), seen >= SEEN, around(found.keypoints[..., :2].reshape(-1, 17, 2)), found.ids


@pytest.mark.slow
def test_people_who_cross_keep_their_numbers() -> None:
    motmetrics = pytest.importorskip("motmetrics", reason="identities are measured with it: pip install motmetrics")
    films = []
    for seed in SEEDS:
        films.append(motmetrics.MOTAccumulator(auto_id=True))
        for truth, seen, boxes, ids in followed(seed):
            alike = centers.iou(truth, boxes)
            # a find of a hidden person is left out with that person
            counted = (alike[seen].max(axis=0, initial=0) >= SAME) | (alike[~seen].max(axis=0, initial=0) < SAME)
            apart = np.where(alike >= SAME, 1 - alike, np.nan)[seen][:, counted]
            films[-1].update(np.flatnonzero(seen), ids[counted], apart)
    names = ["num_objects", "num_switches", "num_misses", "num_false_positives", "mota", "idf1"]
    table = motmetrics.metrics.create().compute_many(films, metrics=names, generate_overall=True)
    print(f"\n{table.to_string()}")
    overall = table.loc["OVERALL"]
    assert overall["num_switches"] <= 60
    assert overall["idf1"] > 0.55
