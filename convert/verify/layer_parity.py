"""Compare an int8 file with the rounding network that it was made from, layer by layer, in steps of the file's scales.

Compared end to end, the two differ by several steps, as the network does from itself when its input changes by 1e-7:
one value that is rounded the other way changes a few in the next layer, and after fifty layers nearly all. So each
layer of the network gets the file's own tensors as input. Then nothing accumulates, and the difference is the
rounding of one sum, at most one step, unless the file computes something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from poseport.tflite.interpreter import Runner

# relative tolerance: scales in a file are the network's, rounded to float32
_SAME_SCALE = 1e-4


@dataclass(frozen=True)
class LayerParity:
    """The comparison of one layer.

    Attributes:
        layer: The layer's name.
        largest: The largest difference in steps, 1/255 of the tensor's range each.
        equal: The share of values that are the same, in [0, 1].
    """

    layer: str
    largest: int
    equal: float


def compare_layers(network: Any, flatbuffer: bytes, images: np.ndarray) -> tuple[LayerParity, ...]:
    """Compare each tensor that a rounding network and its file both have, in the network's order.

    Args:
        network: A network of `qat.freeze`.
        flatbuffer: The file made from it.
        images: (N, H, W, 3) float32 normalised crops.

    Returns:
        One comparison per layer with a rounded output.

    Raises:
        ValueError: If the file lacks a tensor, or one is more than one step away.
    """
    runner = Runner(flatbuffer, "the converted network", keep=True)
    steps: dict[str, list[np.ndarray]] = {}
    watched = [layer for layer in network.layers if getattr(layer, "_output_quantizers", None)]
    for layer in watched:
        layer.quantize_config.output.watch = partial(_compare_tensor, runner, steps, layer)
    try:
        for image in images:
            runner.invoke(runner.quantize(image[None]))
            network(image[None], training=False)  # eagerly, so that every layer calls `_compare_tensor`
    finally:
        for layer in watched:
            layer.quantize_config.output.watch = None
    layers = tuple(_summary(layer.layer.name, steps[layer.name]) for layer in watched)
    wrong = [f"{one.layer} by {one.largest}" for one in layers if one.largest > 1]
    if wrong:
        raise ValueError(
            f"layers of the file differ from the trained ones: {', '.join(wrong[:3])} steps, expected at most 1; "
            "nothing was written, please report this"
        )
    return layers


def _compare_tensor(runner: Runner, steps: dict[str, list[np.ndarray]], layer: Any, values: Any) -> Any:
    """Compare a layer's rounded values with the file's tensor, and return the file's for the next layer."""
    low, high = (float(layer._output_quantizer_vars[end]) for end in ("low", "high"))
    tensor, scale = _tensor(runner, layer.layer.name, (high - low) / 255, values.numpy())
    steps.setdefault(layer.name, []).append(np.rint((values.numpy() - tensor) / scale).astype(int))
    return tf.constant(tensor)


def _tensor(runner: Runner, layer: str, scale: float, values: np.ndarray) -> tuple[np.ndarray, float]:
    """Find the file's tensor (float32) of a layer, and its scale, by scale and shape; names do not survive conversion.

    If several match, as a tensor and its copy do, the one with the nearest values is taken.
    """
    candidates = []
    for detail in runner.interpreter.get_tensor_details():
        scales, zeros = (detail["quantization_parameters"][key] for key in ("scales", "zero_points"))
        if len(scales) == 1 and np.prod(detail["shape"]) == values.size and abs(scales[0] / scale - 1) < _SAME_SCALE:
            raw = runner.interpreter.get_tensor(detail["index"]).astype(np.float32)
            candidates.append(((raw - zeros[0]) * scales[0], float(scales[0])))
    if not candidates:
        raise ValueError(
            f"the file has no tensor of layer {layer} (scale {scale:.6g}, {values.shape[1:]}): it does not "
            "compute what was trained; nothing was written, please report this"
        )
    return min(
        ((tensor.reshape(values.shape), step) for tensor, step in candidates),
        key=lambda pair: float(np.abs(pair[0] - values).mean()),
    )


def _summary(layer: str, steps: list[np.ndarray]) -> LayerParity:
    away = np.abs(np.stack(steps))
    return LayerParity(layer, int(away.max()), float((away == 0).mean()))
