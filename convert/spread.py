"""An order of people in which every next one is unlike those before: a set of any size spans what there is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from poseport.data.people import Person


def order(persons: Sequence[Person], tones: np.ndarray) -> np.ndarray:
    """Indices (N,) of people: the most ordinary one, then always the farthest from all before it (Gonzalez 1985).

    tones: (N, 2) mean and standard deviation of each one's crop. How far apart two people are is measured in size,
    pose and brightness, each with the same total variance.
    """
    features = _features(persons, np.asarray(tones, float))
    away = np.full(len(features), np.inf)
    chosen = [int(np.linalg.norm(features, axis=1).argmin())]
    while len(chosen) < len(features):
        away = np.minimum(away, np.linalg.norm(features - features[chosen[-1]], axis=1))
        away[chosen] = -1.0
        chosen.append(int(away.argmax()))
    return np.array(chosen)


def _features(persons: Sequence[Person], tones: np.ndarray) -> np.ndarray:
    """(N, F): logarithm of the box, keypoints within the box (the mean where there is no label), and the tones."""
    boxes = np.array([p.box_xywh for p in persons])
    points = np.array([np.where(p.labelled[:, None], p.keypoints[:, :2], np.nan) for p in persons])
    pose = (points - boxes[:, None, :2]) / boxes[:, None, 2:]
    seen = np.isfinite(pose)
    mean = np.where(seen, pose, 0).sum(axis=0) / np.maximum(seen.sum(axis=0), 1)
    pose = np.where(seen, pose, mean).reshape(len(persons), -1)
    groups = [np.log2(boxes[:, 2:].max(axis=1, keepdims=True)), pose, tones]
    centred = [group - group.mean(axis=0) for group in groups]
    return np.concatenate([group / max(float(np.sqrt(group.var(axis=0).sum())), 1e-9) for group in centred], axis=1)
