"""Plot PCK over a range of thresholds: the share of keypoints within each distance of their labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from poseport.bench.record import Accuracy
from poseport.bench.report.grouping import DataSet
from poseport.bench.report.pictures import plots

HIGHEST = 0.3
_STEPS = 61


def pck_curve(found: Accuracy) -> tuple[np.ndarray, np.ndarray]:
    """PCK of a record over a range of thresholds.

    Args:
        found: An accuracy record.

    Returns:
        Thresholds (n,) as shares of the longer side of the box, and the share (n,) of labelled keypoints within each.
    """
    sides = np.array([max(p.box_xywh[2:]) for p in found.people])[:, None]
    errors_px = np.array([p.errors_px for p in found.people], float)
    errors = np.divide(errors_px, sides, out=np.full(errors_px.shape, np.inf), where=sides > 0)
    errors[np.isnan(errors_px)] = np.nan
    thresholds = np.linspace(0, HIGHEST, _STEPS)
    labelled = np.sort(errors[~np.isnan(errors)])
    return thresholds, np.searchsorted(labelled, thresholds, side="right") / max(len(labelled), 1)


def pck_curves(data: DataSet, series: Mapping[str, int]) -> str:
    """Draw the curves of all files on a data set.

    Args:
        data: The data set.
        series: sha256 of each file -> a number that files of the same weights share.

    Returns:
        An SVG element; empty if nobody has labels.
    """
    lines = [
        plots.Curve(s.model.name, s.model.card.conversion.recipe, series[s.model.sha256], *pck_curve(s.accuracy))
        for s in data.scored
        if s.accuracy.metrics.get("PCK@0.1/box") is not None
    ]
    x = "threshold, as a share of the longer side of the box"
    return plots.curves(lines, x, f"PCK on {data.label} by threshold") if lines else ""
