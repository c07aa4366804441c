"""A network that was read from a file, rebuilt in Keras from the nodes in its spec."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from poseport.architecture import ImportedArchitecture
from poseport.nodes import (
    ActivationNode,
    ConvNode,
    DenseNode,
    DepthwiseNode,
    JoinNode,
    Node,
    NodeActivation,
    PadNode,
    PoolNode,
    PreluNode,
    ReshapeNode,
    ResizeNode,
    SliceNode,
    TransposedNode,
    TransposeNode,
)
from poseport.spec import PoseSpec
from poseport.train.networks.blocks import Tensor


def build(spec: PoseSpec, keras: Any) -> Any:
    """Build the network as a Keras model.

    The channels of the head follow the spec: for another skeleton they differ from those of the file.

    Args:
        spec: The spec, with an `ImportedArchitecture`.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        A Keras model: (N, H, W, 3) float32 -> (N, *spec.output_shape) float32.

    Raises:
        ValueError: If a node cannot be built, or the nodes give another shape than the spec's output.
    """
    a = spec.architecture
    assert isinstance(a, ImportedArchitecture)
    head = {}
    if a.head:
        dense = isinstance(a.nodes[a.head - 1], DenseNode)
        head[a.head] = spec.output_name, math.prod(spec.output_shape) if dense else spec.output_shape[-1]
    image, output = apply(keras, spec.name, spec.input_hw, a.nodes, head)
    if tuple(output.shape[1:]) != spec.output_shape:
        end = (len(spec.skeleton), spec.output_shape[-1])
        if math.prod(output.shape[1:]) == math.prod(spec.output_shape) and len(spec.output_shape) == 2:
            output = keras.layers.Reshape(end, name="points")(output)
        else:
            raise ValueError(
                f"{spec.name}: the network's output has shape {list(output.shape[1:])} and the spec's "
                f"{spec.output.kind} {list(spec.output_shape)}; correct input_hw, stride or skeleton, or cut elsewhere"
            )
    return keras.Model(image, output, name="".join(c if c.isalnum() else "_" for c in spec.name))


def apply(
    keras: Any, name: str, input_hw: tuple[int, int], nodes: Sequence[Node], heads: Mapping[int, tuple[str, int]]
) -> tuple[Tensor, Tensor]:
    """Apply nodes one after the other.

    Args:
        keras: `keras` (3) or `tf_keras`.
        name: Name of the network, for messages.
        input_hw: Height and width of the input in pixels.
        nodes: The nodes.
        heads: Position of a node, from 1 -> the name of its layer and its output channels, where they are not the
            node's own. Losses need these layers in float32.

    Returns:
        The input and the result of the last node, symbolic tensors of Keras.

    Raises:
        ValueError: If a node cannot be built.
    """
    image = keras.Input((*input_hw, 3), name="image")
    results = [image]
    for i, node in enumerate(nodes, start=1):
        inputs = [results[j] for j in node.inputs]
        layer, channels = heads.get(i, (f"{node.kind}{i}", 0))
        try:
            results.append(_layer(keras, node, layer, inputs, channels))
        except (ValueError, TypeError) as error:
            first = str(error).strip().splitlines()[0]
            raise ValueError(f"{name}: node {i} ({node.kind}) cannot be built: {first[:160]}") from None
    return image, results[-1]


def layer_name(spec: PoseSpec, position: int) -> str:
    """Name the layer that holds the weights of a node.

    Args:
        spec: The spec, with an `ImportedArchitecture`.
        position: Position of the node, from 1.

    Returns:
        The name; the head's layer is called like the output.
    """
    a = spec.architecture
    assert isinstance(a, ImportedArchitecture)
    return spec.output_name if position == a.head else f"{a.nodes[position - 1].kind}{position}"


def fold_normalisation(model: Any, old: PoseSpec, new: PoseSpec) -> None:
    """Change the first convolution so that a network of `old` computes the same from pixels normalised as `new` says.

    With pixels p, the network of `old` gets (p - m) / s = a x + b from x = (p - m') / s' of `new`: kernel k and
    bias c become a k and c + sum of b k. The results differ only where padding meets the image's border.

    Args:
        model: The Keras model of `old`; its weights are changed in place.
        old: The spec that the weights belong to, with an `ImportedArchitecture`.
        new: The spec with the mean, std and channel order to change to.

    Raises:
        ValueError: If the image is the input of anything else than one convolution.
    """
    if (old.mean, old.std, old.channel_order) == (new.mean, new.std, new.channel_order):
        return
    a = old.architecture
    assert isinstance(a, ImportedArchitecture)
    readers = [i for i, node in enumerate(a.nodes, start=1) if 0 in node.inputs]
    if len(readers) != 1 or not isinstance(a.nodes[readers[0] - 1], ConvNode):
        raise ValueError(f"{old.name}: its image does not go into one convolution; keep its mean and std")
    s, m = np.array(old.std), np.array(old.mean)
    factor, shift = np.array(new.std) / s, (np.array(new.mean) - m) / s
    layer = model.get_layer(layer_name(old, readers[0]))
    kernel, bias = layer.get_weights()
    if old.channel_order == "bgr":
        factor, shift = factor[::-1], shift[::-1]
    bias = bias + (kernel * shift[None, None, :, None]).sum(axis=(0, 1, 2))
    kernel = kernel * factor[None, None, :, None]
    layer.set_weights([kernel if old.channel_order == new.channel_order else kernel[:, :, ::-1], bias])


def _layer(keras: Any, node: Node, name: str, inputs: list[Tensor], channels: int) -> Tensor:
    """Apply one node; `channels` is the number of output channels of the head, 0 for that of the file."""
    layers, x = keras.layers, inputs[0]
    more = {"name": name, "dtype": "float32"} if channels else {"name": name}  # losses need the head in float32
    if isinstance(node, ConvNode):
        x = layers.Conv2D(
            channels or node.filters, node.kernel, node.stride, node.padding, dilation_rate=node.dilation, **more
        )(x)
    elif isinstance(node, DepthwiseNode):
        x = layers.DepthwiseConv2D(
            node.kernel, node.stride, node.padding, node.multiplier, dilation_rate=node.dilation, **more
        )(x)
    elif isinstance(node, TransposedNode):
        x = layers.Conv2DTranspose(channels or node.filters, node.kernel, node.stride, node.padding, **more)(x)
    elif isinstance(node, DenseNode):
        x = x if len(x.shape) == 2 else layers.Flatten(name=f"{name}_flat")(x)
        x = layers.Dense(channels or node.units, **more)(x)
    elif isinstance(node, JoinNode):
        kind = {"add": layers.Add, "multiply": layers.Multiply, "concat": layers.Concatenate}[node.how]
        x = kind(name=name)(inputs)
    elif isinstance(node, PoolNode):
        x = _pool(keras, node, name)(x)
    elif isinstance(node, ResizeNode):
        x = _enlarge(keras, node, name, x)
    elif isinstance(node, PadNode):
        x = layers.ZeroPadding2D((node.rows, node.columns), name=name)(x)
    elif isinstance(node, ReshapeNode):
        x = layers.Reshape(node.shape, name=name)(x)
    elif isinstance(node, TransposeNode):
        x = layers.Permute(node.order, name=name)(x)
    elif isinstance(node, SliceNode):
        x = x[(slice(None), *map(slice, node.begin, node.end, node.stride))]
    elif isinstance(node, PreluNode):
        x = layers.PReLU(shared_axes=[1, 2], name=name)(x)
    if isinstance(node, PoolNode | ResizeNode | PadNode | ReshapeNode | TransposeNode | SliceNode | PreluNode):
        return x
    alone = isinstance(node, ActivationNode)
    end = name if alone else f"{name}_{node.activation}"
    return _activate(keras, x, node.activation, end, "float32" if channels else None)


def _activate(keras: Any, x: Tensor, activation: NodeActivation, name: str, dtype: str | None) -> Tensor:
    layers, more = keras.layers, {"dtype": dtype} if dtype else {}
    if activation == "linear":
        return x
    if activation in ("relu", "relu6"):
        return layers.ReLU(6.0 if activation == "relu6" else None, name=name, **more)(x)
    if activation in ("sigmoid", "tanh"):
        return layers.Activation(activation, name=name, **more)(x)
    if activation == "relu1":  # quantizers know RELU6, few know RELU_0_TO_1
        x = layers.Rescaling(6.0, name=f"{name}_times6", **more)(x)
        x = layers.ReLU(6.0, name=f"{name}_relu6", **more)(x)
        return layers.Rescaling(1 / 6, name=name, **more)(x)
    # x * relu6(x + 3) / 6, a form that converters recognise; the two Keras versions define "hard" differently
    gate = layers.Rescaling(1.0, 3.0, name=f"{name}_shift", **more)(x)
    gate = layers.ReLU(6.0, name=f"{name}_relu6", **more)(gate)
    gate = layers.Rescaling(1 / 6, name=f"{name}_gate", **more)(gate)
    return gate if activation == "hard_sigmoid" else layers.Multiply(name=name, **more)([x, gate])


def _pool(keras: Any, node: PoolNode, name: str) -> Any:
    layers = keras.layers
    if node.size == (0, 0):
        return layers.GlobalAveragePooling2D(keepdims=True, name=name)
    kind = layers.MaxPooling2D if node.how == "max" else layers.AveragePooling2D
    return kind(node.size, node.stride, node.padding, name=name)


def _enlarge(keras: Any, node: ResizeNode, name: str, x: Tensor) -> Tensor:
    """Enlarge in the form that converts to one operation (see `blocks.double_size`)."""
    if node.centers != "half_pixel":
        return _legacy_bilinear(keras, node, name)(x)
    if hasattr(keras, "ops"):
        size = (x.shape[1] * node.factor[0], x.shape[2] * node.factor[1])
        return keras.ops.image.resize(x, size, interpolation=node.how)
    return keras.layers.UpSampling2D(node.factor, interpolation=node.how, name=name)(x)


def _legacy_bilinear(keras: Any, node: ResizeNode, name: str) -> Any:
    """Bilinear enlargement as in TensorFlow 1, which neither version of Keras has."""
    import tensorflow as tf

    if hasattr(keras, "ops") and keras.backend.backend() != "tensorflow":
        raise ValueError("an enlargement of TensorFlow 1's kind needs KERAS_BACKEND=tensorflow")

    class Bilinear(keras.layers.Layer):
        def __init__(self, factor: tuple[int, int] = node.factor, centers: str = node.centers, **more: Any):
            super().__init__(**more)
            self.factor, self.centers = factor, centers

        def call(self, inputs: Tensor) -> Tensor:
            size = [inputs.shape[1] * self.factor[0], inputs.shape[2] * self.factor[1]]
            return tf.raw_ops.ResizeBilinear(images=inputs, size=size, align_corners=self.centers == "corners")

        def compute_output_shape(self, shape: Any) -> tuple[Any, ...]:
            return (shape[0], shape[1] * self.factor[0], shape[2] * self.factor[1], shape[3])

        def get_config(self) -> dict[str, Any]:
            return {**super().get_config(), "factor": self.factor, "centers": self.centers}

    return Bilinear(name=name)
