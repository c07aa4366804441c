"""The loss of a person detector: focal loss of the centres, and overlap of the boxes."""

from __future__ import annotations

from typing import Any

from keras import ops

from poseport.train.detector import targets

BOX_WEIGHT = 2.0
_TINY = 1e-6
_SMALLEST_LOG, _LARGEST_LOG = -2.0, 5.0


def detector_loss(target: Any, output: Any) -> Any:
    """Compute the loss of a batch.

    The centres have the penalty-reduced focal loss of Zhou, Wang and Krähenbühl 2019 (equation 1), where a cell that
    does not count is left out. The boxes have the generalised overlap of Rezatofighi et al. 2019 and the distance of
    the middles of Zheng et al. 2020 ("Distance-IoU"), weighted by cell.

    Args:
        target: (N, h, w, 7) of `targets.encode`.
        output: (N, h, w, 5) of the network.

    Returns:
        A scalar.
    """
    return _centre_loss(target, output[..., 0]) + BOX_WEIGHT * _box_loss(target, output)


def _centre_loss(target: Any, logit: Any) -> Any:
    centre, counts = target[..., targets.CENTRE], target[..., targets.COUNTS]
    chance = ops.clip(ops.sigmoid(logit), 1e-4, 1 - 1e-4)
    here = ops.cast(centre >= 1, chance.dtype)
    hit = here * (1 - chance) ** 2 * ops.log(chance)
    miss = (1 - here) * counts * (1 - centre) ** 4 * chance**2 * ops.log(1 - chance)
    return -ops.sum(hit + miss) / ops.maximum(ops.sum(here), 1.0)


def _box_loss(target: Any, output: Any) -> Any:
    weight = target[..., targets.WEIGHT]
    x, y, w, h = (target[..., i] for i in range(targets.BOX.start, targets.BOX.stop))
    w, h = ops.maximum(w, 0.1), ops.maximum(h, 0.1)  # cells without a box have weight 0
    columns = ops.arange(output.shape[2], dtype=output.dtype)[None, None, :]
    rows = ops.arange(output.shape[1], dtype=output.dtype)[None, :, None]
    found_x, found_y = columns + output[..., 1], rows + output[..., 2]
    found_w, found_h = (ops.exp(ops.clip(output[..., i], _SMALLEST_LOG, _LARGEST_LOG)) for i in (3, 4))

    shared_w, outer_w = _span(x, w, found_x, found_w)
    shared_h, outer_h = _span(y, h, found_y, found_h)
    shared = ops.maximum(shared_w, 0.0) * ops.maximum(shared_h, 0.0)
    union = w * h + found_w * found_h - shared
    outer = outer_w * outer_h
    generalised = shared / union - (outer - union) / (outer + _TINY)
    away = ((found_x - x) ** 2 + (found_y - y) ** 2) / (outer_w**2 + outer_h**2 + _TINY)
    return ops.sum(weight * (1 - generalised + away)) / ops.maximum(ops.sum(weight), 1.0)


def _span(middle: Any, side: Any, found_middle: Any, found_side: Any) -> tuple[Any, Any]:
    """Along one axis: the length that two boxes share (negative if they are apart), and that which holds both."""
    low, high = middle - side / 2, middle + side / 2
    found_low, found_high = found_middle - found_side / 2, found_middle + found_side / 2
    shared = ops.minimum(high, found_high) - ops.maximum(low, found_low)
    return shared, ops.maximum(high, found_high) - ops.minimum(low, found_low)
