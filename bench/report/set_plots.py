"""PCK over all thresholds: how many keypoints are within a distance, and not only within one."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from poseport.bench.record import Accuracy
from poseport.bench.report import plots
from poseport.bench.report.grouping import DataSet

HIGHEST = 0.3
_STEPS = 61


def pck_curve(found: Accuracy) -> tuple[np.ndarray, np.ndarray]:
    """Thresholds (n,) in longer sides of the person's box, and the share (n,) of labelled keypoints within each."""
    sides = np.array([max(p.box_xywh[2:]) for p in found.people])
    errors = np.array([p.errors_px for p in found.people], float) / sides[:, None]
    thresholds = np.linspace(0, HIGHEST, _STEPS)
    away = np.sort(errors[np.isfinite(errors)])
    return thresholds, np.searchsorted(away, thresholds, side="right") / max(len(away), 1)


def pck_curves(data: DataSet, series: Mapping[str, int]) -> str:
    """The curves of all files on a set as an SVG element; empty where nobody has labels. series: as of `findings`."""
    lines = [
        plots.Curve(s.model.name, s.model.card.conversion.recipe, series[s.model.sha256], *pck_curve(s.accuracy))
        for s in data.scored
        if s.accuracy.metrics.get("PCK@0.1/box") is not None
    ]
    x = "distance allowed, in longer sides of the box"
    return plots.curves(lines, x, f"PCK on {data.label} by threshold") if lines else ""
