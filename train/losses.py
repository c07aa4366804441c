"""Losses that ignore unlabelled keypoints, whose targets are NaN. They run on any Keras backend.

Each takes targets and predictions of one output and returns the mean over the labelled keypoints of
the batch, so that a batch with few labels does not weigh less.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keras import ops

from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.workers.team import total

Loss = Callable[[Any, Any], Any]


def heatmap_mse(target: Any, predicted: Any) -> Any:
    """Mean squared error of Gaussian heatmaps (N, H, W, K), as in both hourglass documents.

    One map more than keypoints is the background, 1 where no Gaussian is (Wei et al. 2016, section 3.2.1).
    A keypoint without a label counts as background there: leaving out everybody who misses one would
    leave few people.
    """
    if predicted.shape[-1] == target.shape[-1] + 1:
        present = ops.where(ops.isfinite(target), target, 0.0)
        target = ops.concatenate([target, 1 - ops.max(present, axis=-1, keepdims=True)], axis=-1)
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
    """Squared distance per keypoint (N, K, 2) (Gupta and Gritton, eq. 3), or with its visibility as a third
    number (N, K, 3), which is learned where x and y are not labelled too (eq. 4 and 5).
    """
    return _coords(target, predicted, ops.square)


def coords_l1(target: Any, predicted: Any) -> Any:
    """|dx| + |dy| per keypoint (N, K, 2), or with |dv| of (N, K, 3)."""
    return _coords(target, predicted, ops.abs)


def coords_laplace(target: Any, predicted: Any) -> Any:
    """Negative log-likelihood of x and y (N, K, 3) under Laplace distributions whose scale is predicted.

    The third number is 0.5 - sigma, sigma in sides of the input: the residual log-likelihood of Li et al.
    (2021) without the flow that bends the distribution. log(2 sigma) + |d| / sigma is lowest where sigma is
    the mean |d|; its floor, a fifth of a pixel in 192, keeps one lucky keypoint from ruling a batch.
    """
    labelled = ops.isfinite(target[..., :2])
    error = ops.abs(predicted[..., :2] - ops.where(labelled, target[..., :2], 0.0))
    sigma = ops.maximum(0.5 - predicted[..., 2:], 1e-3)
    weight = ops.cast(labelled, predicted.dtype)
    return 2 * _mean(ops.log(2 * sigma) + error / sigma, weight)


def _coords(target: Any, predicted: Any, of: Callable[[Any], Any]) -> Any:
    labelled = ops.isfinite(target)
    error = of(predicted - ops.where(labelled, target, 0.0))
    weight = ops.cast(labelled, predicted.dtype)
    return predicted.shape[-1] * _mean(error, weight)


def _mean(error: Any, weight: Any) -> Any:
    """Mean over the elements of weight 1, over the batch of all devices."""
    return ops.sum(error * weight) / ops.maximum(total(ops.sum(weight)), 1.0)


def for_spec(spec: PoseSpec, name: str) -> Loss:
    """The loss function of a network; `config.check` has already refused what does not fit."""
    if isinstance(spec.output, HeatmapOutput):
        return heatmap_softmax if name == "softmax" else heatmap_mse
    return {"mse": coords_l2, "l1": coords_l1, "laplace": coords_laplace}[name]
