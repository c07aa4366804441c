"""Quantization-aware training: the network is trained with the rounding of the later int8 file.

Weights are rounded to 8 bits per channel, symmetrically. Outputs of layers are rounded to 8 bits with one range per
tensor, but only where the converted graph has a tensor: a batch normalisation folds into the convolution before it
and a ReLU into the layer before it, so only the last of such a row is rounded. Layers that only move values (pooling,
nearest-neighbour enlargement, reshaping) keep the range of their input, as their kernels do.

tensorflow-model-optimization wraps the layers. Its default scheme would round depthwise and dense kernels with one
scale for all channels, and its ranges, which begin at +-6 and move by a thousandth per step, would not converge in a
short training. The two quantizers here replace both (Jacob et al. 2018; Krishnamoorthi 2018).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_model_optimization as tfmot
import tf_keras
from tf_keras import layers

from poseport import pose
from poseport.convert.engines import tf_keras_twin
from poseport.convert.graph import frozen_graph
from poseport.convert.graph.frozen_graph import FrozenNetwork
from poseport.convert.request import QatTraining
from poseport.data.people import People
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.tflite.card import FineTuning

# the weight of a range's history in each step, so that about the last hundred steps count
_RANGE_MEMORY = 0.99
# TFLite's int8 sigmoid has this range whatever its values are
_SIGMOID_RANGE = (0.0, 255 / 256)
_RESHAPES = (layers.Reshape, layers.Permute)
_MOVES = (layers.MaxPooling2D, layers.UpSampling2D, layers.Flatten, *_RESHAPES, layers.Dropout)
_KERNELS = {layers.Conv2D: "kernel", layers.DepthwiseConv2D: "depthwise_kernel", layers.Dense: "kernel"}


class Channels(tfmot.quantization.keras.quantizers.Quantizer):
    """Rounds weights to 8 bits, with the largest weight of each channel at 127, as TFLiteConverter does with constants.

    Args:
        depthwise: Whether the kernels are those of a depthwise convolution, (h, w, in, 1).
    """

    def __init__(self, depthwise: bool):
        self.depthwise = depthwise
        self.rounded = False

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """Make no variables, because the range is that of the weights."""
        return {}

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **more: Any) -> Any:
        """Round kernels (h, w, in, 1) of a depthwise convolution, (..., out) of other layers."""
        if self.rounded:
            return inputs
        kernel = inputs[..., 0] if self.depthwise else inputs
        top = tf.reduce_max(tf.abs(tf.stop_gradient(kernel)), axis=list(range(len(kernel.shape) - 1)))
        top = tf.maximum(top, 1e-8)  # a channel of zeros
        rounded = tf.quantization.fake_quant_with_min_max_vars_per_channel(kernel, -top, top, narrow_range=True)
        return rounded[..., None] if self.depthwise else rounded

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"depthwise": self.depthwise}


class Range(tfmot.quantization.keras.quantizers.Quantizer):
    """Rounds a tensor to 8 bits between a low and a high that follow the values in training, or are fixed.

    Args:
        fixed: Low and high; None to follow the values.
    """

    def __init__(self, fixed: tuple[float, float] | None = None):
        self.fixed = fixed
        self.watch: Callable[[Any], Any] | None = None  # gets the rounded values and returns those to continue with

    def build(self, tensor_shape: Any, name: str, layer: Any) -> dict[str, Any]:
        """Make the variables low and high, both 0 until the first batch."""
        start = self.fixed or (0.0, 0.0)
        return {
            end: layer.add_weight(f"{name}_{end}", initializer=tf_keras.initializers.Constant(value), trainable=False)
            for end, value in zip(("low", "high"), start, strict=True)
        }

    def __call__(self, inputs: Any, training: bool, weights: dict[str, Any], **more: Any) -> Any:
        """Round; 0 is always inside the range because padding is exactly 0."""
        low, high = weights["low"], weights["high"]
        if training and self.fixed is None:
            share = tf.where(high > low, 1 - _RANGE_MEMORY, 1.0)
            low.assign_add(share * (tf.minimum(tf.reduce_min(inputs), 0.0) - low))
            high.assign_add(share * (tf.maximum(tf.reduce_max(inputs), 0.0) - high))
        rounded = tf.quantization.fake_quant_with_min_max_vars(inputs, low, high)
        return rounded if self.watch is None else self.watch(rounded)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"fixed": self.fixed}


class Rounding(tfmot.quantization.keras.QuantizeConfig):
    """Says which tensors of a layer are rounded, and by which quantizers.

    Args:
        kernel: The attribute of the layer that holds its weights; None without weights.
        weights: The quantizer of the weights.
        output: The quantizer of the output; None where it is not a tensor of the converted graph.
    """

    def __init__(self, kernel: str | None, weights: Channels | None, output: Range | None):
        self.kernel, self.weights, self.output = kernel, weights, output

    def get_weights_and_quantizers(self, layer: Any) -> list[tuple[Any, Channels]]:
        """The kernel only; biases are int32 in a file, which is exact enough."""
        return [(getattr(layer, self.kernel), self.weights)] if self.kernel and self.weights else []

    def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
        """Let the layer compute with the rounded kernel."""
        for rounded in quantize_weights:
            setattr(layer, str(self.kernel), rounded)

    def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
        """None, because the activations inside a layer are ReLUs, which fold."""
        return []

    def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
        """Do nothing, because there are no activations to set."""

    def get_output_quantizers(self, layer: Any) -> list[Range]:
        """The output's quantizer, if any."""
        return [self.output] if self.output else []

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"kernel": self.kernel, "weights": self.weights, "output": self.output}


def rounding(network: Any) -> Any:
    """Copy a tf_keras network with rounded weights and tensors.

    Args:
        network: The tf_keras network, whose layers the copy shares.

    Returns:
        The rounding network.
    """

    def wrap(layer: Any) -> Any:
        name = _KERNELS.get(type(layer))
        kernel = Channels(isinstance(layer, layers.DepthwiseConv2D)) if name else None
        output = Range(_SIGMOID_RANGE if _activation(layer) == "sigmoid" else None) if _is_tensor(layer) else None
        if kernel is None and output is None:
            return layer
        return tfmot.quantization.keras.QuantizeWrapperV2(layer, Rounding(name, kernel, output))

    return tf_keras.models.clone_model(network, clone_function=wrap)


def train(
    folder: Path,
    training: QatTraining,
    seed: int = 0,
    exclude: People | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[FrozenNetwork[PoseSpec], FineTuning]:
    """Train the network of a bundle under rounding.

    Args:
        folder: The bundle, which must hold the record of its training.
        training: People and hyperparameters.
        seed: Orders and augments the people.
        exclude: Evaluation people, whose photos are not used.
        progress: Called with the number of people of each step.

    Returns:
        The network, ready for TFLiteConverter, and how it was trained.

    Raises:
        ValueError: As `tf_keras_twin.settings` and `tf_keras_twin.choose_people` do.
    """
    settings = tf_keras_twin.settings(folder, training.epochs, training.learning_rate, seed)
    people = tf_keras_twin.choose_people(folder, settings, training.people, exclude)
    keras.utils.set_random_seed(seed)
    spec, model = frozen_graph.load(folder)
    network = rounding(tf_keras_twin.twin(spec, model))
    weight = training.teacher_weight
    tf_keras_twin.finetune(network, folder, settings, people, teacher_weight=weight, progress=progress)
    teacher = weight if isinstance(spec.output, HeatmapOutput) else 0.0
    rate = settings.learning_rate
    return freeze(spec, network), FineTuning(people.sha256, len(people), training.epochs, rate, teacher, seed)


def freeze(spec: PoseSpec, network: Any) -> FrozenNetwork[PoseSpec]:
    """Freeze a rounding network: its weights are replaced by rounded ones, and its input is rounded to bytes.

    The converter rounds constants by itself and to the same values. It fails on dense layers if an operation in the
    graph rounds their weights.

    Args:
        spec: The network's spec.
        network: A network of `rounding`, changed in place.

    Returns:
        The frozen network.
    """
    for layer in network.layers:
        for kernel, channels, _ in getattr(layer, "_weight_vars", ()):
            kernel.assign(channels(kernel, False, {}))
            channels.rounded = True
    low, high = pose.normalise(spec, np.array([[[[0] * 3, [255] * 3]]], np.uint8))[0, 0]

    def call(image: Any) -> Any:
        pixels = tf.quantization.fake_quant_with_min_max_args(image, float(low.min()), float(high.max()))
        return network(pixels, training=False)

    return frozen_graph.freeze(spec, network, call)


def _is_tensor(layer: Any) -> bool:
    """Whether a layer's output is a tensor of the converted graph with its own range."""
    if isinstance(layer, (layers.InputLayer, *_MOVES)) or type(layer).__name__ == "TFOpLambda":
        return False
    return not all(_is_inside(layer, after) for after in _readers(layer)) or not _readers(layer)


def _is_inside(layer: Any, after: Any) -> bool:
    """Whether `after` is fused with the layer before it; the inputs of a concatenation share its one range."""
    return isinstance(after, layers.BatchNormalization | layers.Concatenate) or _activation(after) == "relu"


def _readers(layer: Any) -> list[Any]:
    """The layers that read a layer's output; layers that reshape it are skipped."""
    following = [node.outbound_layer for node in layer.outbound_nodes]
    readers = [_readers(after) if isinstance(after, _RESHAPES) else [after] for after in following]
    return [after for some in readers for after in some]


def _activation(layer: Any) -> str:
    """Name of a layer's activation if the layer is an activation only, else ""."""
    if isinstance(layer, layers.ReLU):
        return "relu"
    return str(layer.activation.__name__) if isinstance(layer, layers.Activation) else ""
