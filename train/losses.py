"""Losses that ignore unlabelled keypoints, whose targets are NaN, on any Keras backend.

Each takes the targets and predictions of one output and returns the mean over the labelled keypoints of
the batch, so that a batch with few labels does not count for less.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from keras import ops

from poseport.spec import HeatmapOutput, PoseSpec, SimccOutput
from poseport.train.workers.team import total

Loss = Callable[[Any, Any], Any]


def heatmap_mse(target: Any, predicted: Any) -> Any:
    """Mean squared error of Gaussian heatmaps, as in Newell et al. (2016).

    If there is one map more than keypoints, it is the background, 1 minus the Gaussians (Wei et al. 2016, section
    3.2.1). An unlabelled keypoint counts as background there, because people with every keypoint labelled are few.

    Args:
        target: (N, H, W, K) float32, 0 to 1; NaN where a keypoint has no label.
        predicted: (N, H, W, K) or (N, H, W, K + 1) float32.

    Returns:
        A float32 scalar.
    """
    if predicted.shape[-1] == target.shape[-1] + 1:
        present = ops.where(ops.isfinite(target), target, 0.0)
        target = ops.concatenate([target, 1 - ops.max(present, axis=-1, keepdims=True)], axis=-1)
    labelled = ops.isfinite(target)
    error = ops.square(predicted - ops.where(labelled, target, 0.0))
    weight = ops.cast(labelled, predicted.dtype)
    return _mean(error, weight)


def heatmap_softmax(target: Any, predicted: Any) -> Any:
    """Cross-entropy between the target Gaussian, scaled to sum to one, and a softmax over the map's cells.

    Squared error is low on maps that are empty almost everywhere; this is not, because each map sums to one.

    Args:
        target: (N, H, W, K) float32, 0 to 1; NaN where a keypoint has no label.
        predicted: (N, H, W, K) float32 logits.

    Returns:
        A float32 scalar in nats.
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


def bins_softmax(columns: int, target: Any, predicted: Any) -> Any:
    """Cross-entropy of SimCC's two vectors: over the columns, plus over the rows (Li et al. 2022, section 3.2).

    Args:
        columns: Number of bins X along the input's width.
        target: (N, K, X + Y) float32 Gaussians that peak at 1; NaN where a keypoint has no label.
        predicted: (N, K, X + Y) float32 logits.

    Returns:
        A float32 scalar in nats.
    """
    labelled = ops.isfinite(target[..., 0])
    target = ops.where(labelled[..., None], target, 0.0)
    cross = 0.0
    for wanted, logits in (
        (target[..., :columns], predicted[..., :columns]),
        (target[..., columns:], predicted[..., columns:]),
    ):
        wanted = wanted / ops.maximum(ops.sum(wanted, axis=-1, keepdims=True), 1e-6)
        cross = cross + ops.logsumexp(logits, axis=-1) - ops.sum(wanted * logits, axis=-1)
    return _mean(cross, ops.cast(labelled, predicted.dtype))


def coords_l2(target: Any, predicted: Any) -> Any:
    """Squared distance per keypoint (Gupta and Gritton, eq. 3), with its visibility as an optional third number.

    The visibility is trained even where x and y have no label (eq. 4 and 5).

    Args:
        target: (N, K, 2) or (N, K, 3) float32, x and y as in `poseport.coords`; NaN where there is no label.
        predicted: The same shape, float32.

    Returns:
        A float32 scalar in squared sides of the input.
    """
    return _coords(target, predicted, ops.square)


def coords_l1(target: Any, predicted: Any) -> Any:
    """Absolute error |dx| + |dy| per keypoint, plus |dv| where there is a visibility.

    Args:
        target: (N, K, 2) or (N, K, 3) float32, x and y as in `poseport.coords`; NaN where there is no label.
        predicted: The same shape, float32.

    Returns:
        A float32 scalar in sides of the input.
    """
    return _coords(target, predicted, ops.abs)


def coords_laplace(target: Any, predicted: Any) -> Any:
    """Negative log-likelihood of x and y under Laplace distributions whose scale sigma is predicted.

    This is the residual log-likelihood of Li et al. (2021) without the flow that bends the distribution:
    log(2 sigma) + |d| / sigma is lowest where sigma is the mean |d|. The floor of sigma, a fifth of a pixel in 192,
    keeps one exact keypoint from dominating a batch.

    Args:
        target: (N, K, 2) or (N, K, 3) float32, x and y as in `poseport.coords`; NaN where there is no label.
        predicted: (N, K, 3) float32: x, y, and 0.5 - sigma with sigma in sides of the input.

    Returns:
        A float32 scalar in nats.
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
    """Choose the loss function of a network; `config.check` has refused names that do not fit before.

    Args:
        spec: The network's spec.
        name: Name of the loss (`config.Loss`).

    Returns:
        The function of (target, predicted).
    """
    if isinstance(spec.output, HeatmapOutput):
        return heatmap_softmax if name == "softmax" else heatmap_mse
    if isinstance(spec.output, SimccOutput):
        return partial(bins_softmax, spec.output.bins(spec.input_hw[1]))
    return {"mse": coords_l2, "l1": coords_l1, "laplace": coords_laplace}[name]
