"""Losses that ignore unlabelled keypoints, whose targets are NaN. They run on any Keras backend.

Each takes targets and predictions of one output and returns the mean over the labelled keypoints of
the batch, so that a batch with few labels does not weigh less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.workers import total

Loss = Callable[[Any, Any], Any]


def heatmap_mse(target: Any, predicted: Any) -> Any:
    """Mean squared error of Gaussian heatmaps (N, H, W, K), as in both hourglass documents."""
    labelled = ops.isfinite(target)
    error = ops.square(predicted - ops.where(labelled, target, 0.0))
    weight = ops.cast(labelled, predicted.dtype)
    return _mean(error, weight)


def heatmap_softmax(target: Any, predicted: Any) -> Any:
    """Cross-entropy between the target Gaussian, made to sum to one, and a softmax over the map's cells.

    Unlike squared error it has no easy way out on maps that are empty almost everywhere: the mass has
    to go somewhere.
    """
    labelled = ops.isfinite(target[:, :1, :1, :])
    target = ops.where(labelled, target, 0.0)
    mass = ops.sum(target, axis=(1, 2))
    target = target / ops.maximum(mass, 1e-6)[:, None, None, :]
    peak = ops.stop_gradient(ops.max(predicted, axis=(1, 2), keepdims=True))
    log_total = ops.log(ops.sum(ops.exp(predicted - peak), axis=(1, 2))) + peak[:, 0, 0, :]
    cross = log_total - ops.sum(target * predicted, axis=(1, 2))
    weight = ops.cast(mass > 0, predicted.dtype)
    return _mean(cross, weight)


def coords_l2(target: Any, predicted: Any) -> Any:
    """Squared distance a keypoint (N, K, 2) (Gupta and Gritton, eq. 3, with the mask of eq. 5)."""
    return _coords(target, predicted, ops.square)


def coords_l1(target: Any, predicted: Any) -> Any:
    """|dx| + |dy| a keypoint (N, K, 2)."""
    return _coords(target, predicted, ops.abs)


def _coords(target: Any, predicted: Any, of: Callable[[Any], Any]) -> Any:
    labelled = ops.isfinite(target)
    error = of(predicted - ops.where(labelled, target, 0.0))
    weight = ops.cast(labelled, predicted.dtype)
    return 2 * _mean(error, weight)


def _mean(error: Any, weight: Any) -> Any:
    """Over what has weight 1, in the parts of the batch on all devices."""
    return ops.sum(error * weight) / ops.maximum(total(ops.sum(weight)), 1.0)


def for_spec(spec: PoseSpec, name: str) -> Loss:
    """The loss function of a network; `config.check` has already refused what does not fit."""
    if isinstance(spec.output, HeatmapOutput):
        return heatmap_softmax if name == "softmax" else heatmap_mse
    return coords_l1 if name == "l1" else coords_l2
