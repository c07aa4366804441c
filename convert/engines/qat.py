"""Quantization-aware training: the network learns with the rounding that the int8 file will do.

Weights are rounded to 8 bits a channel, symmetric; outputs of layers to 8 bits with one range a tensor, where
the converted graph has a tensor and nowhere else. A batch normalisation folds into the convolution before it
and a ReLU into what it follows, so only the last of such a row is rounded; what only moves values (pooling,
nearest-neighbour enlargement, reshaping) keeps the range of its input, as its kernels do.

tensorflow-model-optimization wraps the layers. Its default scheme would round depthwise and dense kernels with one
scale for all channels, and its ranges, which begin at +-6 and move by a thousandth a step, would not arrive in a short
training: hence the two quantizers here (Jacob et al. 2018; Krishnamoorthi 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tf_keras import layers

from poseport import pose
from poseport.convert import graph
from poseport.convert.engines import tf_keras_twin
from poseport.convert.graph import Deployment
from poseport.data.people import People
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.tflite.card import FineTuning

# what is left of a range's past after a step: it is that of the last hundred steps or so
_RANGE_MEMORY = 0.99
# TFLite's int8 sigmoid has this range whatever its values are
_SIGMOID_RANGE = (0.0, 255 / 256)
_MOVES = (layers.MaxPooling2D, layers.UpSampling2D, layers.Flatten, layers.Reshape, layers.Dropout)
_KERNELS = {layers.Conv2D: "kernel", layers.DepthwiseConv2D: "depthwise_kernel", layers.Dense: "kernel"}


class Channels(tfmot.quantization.keras.quantizers.Quantizer):
    """Weights to 8 bits, the largest of each channel being 127 (what TFLiteConverter does with constants)."""

    def __init__(self, depthwise: bool):
        self.depthwise = depthwise
        self.rounded = False

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """It keeps nothing: the range is that of the weights."""
        return {}

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **more: Any) -> Any:
        """(h, w, in, 1) of a depthwise convolution, (..., out) of others."""
        if self.rounded:
            return inputs
        kernel = inputs[..., 0] if self.depthwise else inputs
        top = tf.reduce_max(tf.abs(tf.stop_gradient(kernel)), axis=list(range(len(kernel.shape) - 1)))
        top = tf.maximum(top, 1e-8)  # a channel of zeros
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(kernel, -top, top, narrow_range=True)
        return rounded[..., None] if self.depthwise else rounded

    def get_config(self) -> dict[str, Any]:
        """What makes another of it."""
        return {"depthwise": self.depthwise}


class Range(tfmot.quantization.keras.quantizers.Quantizer):
    """A tensor to 8 bits between a low and a high that follow what training shows, or are fixed."""

    def __init__(self, fixed: tuple[float, float] | None = None):
        self.fixed = fixed
        self.watch: Callable[[Any], Any] | None = None  # sees the rounded values and says what to go on with

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """low and high, both 0 until the first batch."""
        start = self.fixed or (0.0, 0.0)
        return {
            end: layer.add_weight(f"{name}_{end}", initializer=tf_keras.initializers.Constant(value), trainable=False)
            for end, value in zip(("low", "high"), start, strict=True)
        }

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **more: Any) -> Any:
        """0 is always inside: padding is exactly 0."""
        low, high = weights["low"], weights["high"]
        if training and self.fixed is None:
            share = tf.where(high > low, 1 - _RANGE_MEMORY, 1.0)
            low.assign_add(share * (tf.minimum(tf.reduce_min(inputs), 0.0) - low))
            high.assign_add(share * (tf.maximum(tf.reduce_max(inputs), 0.0) - high))
        rounded = tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)
        return rounded if self.watch is None else self.watch(rounded)

    def get_config(self) -> dict[str, Any]:
        """What makes another of it."""
        return {"fixed": self.fixed}


class Rounding(tfmot.quantization.keras.QuantizeConfig):
    """What of a layer is rounded. kernel: name of its weights (None: it has none), by what; output: by what."""

    def __init__(self, kernel: str | None, weights: Channels | None, output: Range | None):
        self.kernel, self.weights, self.output = kernel, weights, output

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Channels]]:
        """The kernel; biases are int32 in a file, and exact enough."""
        return [(getattr(layer, self.kernel), self.weights)] if self.kernel and self.weights else []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Let the layer compute with the rounded kernel."""
        for rounded in quantize_weights:
            setattr(layer, str(self.kernel), rounded)

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        """Activations inside a layer are ReLUs, which fold."""
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        """There are none."""

    def get_output_quantizers(self, layer: Any) -> list[Range]:
        """At most one."""
        return [self.output] if self.output else []

    def get_config(self) -> dict[str, Any]:
        """What makes another of it."""
        return {"kernel": self.kernel, "weights": self.weights, "output": self.output}


def rounding(network: Any) -> Any:
    """The tf_keras network with rounded weights and tensors; it shares the layers of `network`."""

    def wrap(layer: Any) -> Any:
        name = _KERNELS.get(type(layer))
        kernel = Channels(isinstance(layer, layers.DepthwiseConv2D)) if name else None
        output = Range(_SIGMOID_RANGE if _activation(layer) == "sigmoid" else None) if _is_tensor(layer) else None
        if kernel is None and output is None:
            return layer
        return tfmot.quantization.keras.QuantizeWrapperV2(layer, Rounding(name, kernel, output))

    return tf_keras.models.clone_model(network, clone_function=wrap)


@dataclass(frozen=True, eq=False)
class FineTuner:
    """Fine-tunes the network of a bundle under rounding; made once, called with a bundle's folder.

    people: to learn from. epochs, rate, seed: see `mirror.settings`. believe: share of a target that is the float
    network's heatmap. exclude: evaluation people, whose images are not used. progress: called with the number of people
    just seen.
    """

    people: People
    epochs: int
    rate: float | None = None
    believe: float = 0.5
    seed: int = 0
    exclude: People | None = None
    progress: Callable[[int], None] | None = None

    def __call__(self, folder: Path) -> tuple[Deployment, FineTuning]:
        """A network ready for TFLiteConverter, and how it was trained. ValueError as `mirror.finetune`."""
        settings = tf_keras_twin.settings(folder, self.epochs, self.rate, self.seed)
        people = tf_keras_twin.chosen(folder, settings, self.people, self.exclude)
        keras.utils.set_random_seed(self.seed)
        spec, model = graph.load(folder)
        network = rounding(tf_keras_twin.mirror(spec, model))
        tf_keras_twin.finetune(network, folder, settings, people, believe=self.believe, progress=self.progress)
        believed = self.believe if isinstance(spec.output, HeatmapOutput) else 0.0
        rate = settings.learning_rate
        return freeze(spec, network), FineTuning(people.sha256, len(people), self.epochs, rate, believed, self.seed)


def freeze(spec: PoseSpec, network: Any) -> Deployment:
    """The graph of a rounding network, whose weights become rounded ones; the input is bytes.

    The converter rounds constants by itself and to the same values; told how to by an operation in the graph it
    fails on dense layers.
    """
    for layer in network.layers:
        for kernel, channels, _ in getattr(layer, "_weight_vars", ()):
            kernel.assign(channels(kernel, False, {}))
            channels.rounded = True
    low, high = pose.normalise(spec, np.array([[[[0] * 3, [255] * 3]]], np.uint8))[0, 0]

    def call(image: Any) -> Any:
        pixels = tf.quantization.fake_quant_with_min_max_args(image, float(low.min()), float(high.max()))
        return network(pixels, training=False)

    return graph.freeze(spec, network, call)


def _is_tensor(layer: Any) -> bool:
    """Whether a layer's output is a tensor of the converted graph with a range of its own."""
    if isinstance(layer, (layers.InputLayer, *_MOVES)) or type(layer).__name__ == "TFOpLambda":
        return False
    return not all(_is_inside(layer, after) for after in _readers(layer)) or not _readers(layer)


def _is_inside(layer: Any, after: Any) -> bool:
    """Whether what reads a layer makes one operation with it; all that a concatenation joins has its one range."""
    return isinstance(after, layers.BatchNormalization | layers.Concatenate) or _activation(after) == "relu"


def _readers(layer: Any) -> list[Any]:
    """The layers that read a layer's output, seen through those that reshape it."""
    found = [node.outbound_layer for node in layer.outbound_nodes]
    shown = [_readers(after) if isinstance(after, layers.Reshape) else [after] for after in found]
    return [after for some in shown for after in some]


def _activation(layer: Any) -> str:
    """relu, sigmoid or "" of a layer that is nothing but that."""
    if isinstance(layer, layers.ReLU):
        return "relu"
    return str(layer.activation.__name__) if isinstance(layer, layers.Activation) else ""
