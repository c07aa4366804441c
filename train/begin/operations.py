"""Turn operations of a .tflite file into nodes of a spec, one function per kind.

All handlers take the graph that they add to, the operation and its options (`tflite.format.options`), and raise
`CannotRebuild` for a form of the operation that a node cannot express.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from poseport.nodes import (
    ActivationNode,
    ConvNode,
    DenseNode,
    DepthwiseNode,
    JoinNode,
    Node,
    NodeActivation,
    NodePadding,
    PoolNode,
    PreluNode,
    ReshapeNode,
    ResizeNode,
    TransposedNode,
)
from poseport.tflite import inspection
from poseport.train.begin import shape_operations
from poseport.train.begin.file_graph import CannotRebuild, Graph, fused_activation

# how TFLite counts an operation's padding
_PADDING: tuple[NodePadding, NodePadding] = ("same", "valid")
_ALONE: dict[str, NodeActivation] = {
    "RELU": "relu", "RELU6": "relu6", "LOGISTIC": "sigmoid", "TANH": "tanh", "HARD_SWISH": "hard_swish",
    "RELU_0_TO_1": "relu1",
}  # fmt: skip
# operations that do not change values
SAME = ("QUANTIZE", "DEQUANTIZE", "CAST")
SHAPES = ("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "UNPACK")
MATHS = ("ADD", "SUB", "MUL", "DIV")


def shifted(
    graph: Graph, op: inspection.OpInfo, scale: np.ndarray, offset: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Apply arithmetic with a constant, a number or one per channel, to the image's normalisation.

    Args:
        graph: The graph.
        op: An ADD, SUB, MUL or DIV of the image and a constant.
        scale: (3,) factor of each channel before it.
        offset: (3,) offset of each channel before it.

    Returns:
        Scale and offset after it.

    Raises:
        CannotRebuild: If the other input is not a constant of one or three numbers, or it divides by the image or by 0.
    """
    constant_first = op.inputs[0] not in graph.image
    values = graph.values[op.inputs[0 if constant_first else 1]]
    if values is None or values.size not in (1, 3):
        raise CannotRebuild("its other input is not a number per channel")
    by = np.broadcast_to(values.astype(np.float64).ravel(), (3,))
    if op.kind == "ADD":
        return scale, offset + by
    if op.kind == "SUB":
        return (-scale, by - offset) if constant_first else (scale, offset - by)
    if op.kind == "DIV" and (constant_first or not by.all()):
        raise CannotRebuild("it divides by the image or by 0")
    by = 1 / by if op.kind == "DIV" else by
    return scale * by, offset * by


def conv(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add a convolution, full or depthwise."""
    kernel = graph.constant(op, 1, 4)
    inputs, common = (graph.node_input(op.inputs[0]),), _common(options)
    stride, dilation = _pair(options, "Stride"), _pair(options, "Dilation")
    bias = graph.bias(op, 2, kernel.shape[0 if op.kind == "CONV_2D" else 3])
    channels, size = graph.found.tensors[op.inputs[0]].shape[-1], (kernel.shape[1], kernel.shape[2])
    if op.kind == "CONV_2D":
        if kernel.shape[3] != channels:
            raise CannotRebuild("it is a convolution in groups")
        node: Node = ConvNode(inputs, kernel.shape[0], size, stride=stride, dilation=dilation, **common)
        return graph.add(node, kernel.transpose(1, 2, 3, 0), bias)
    if kernel.shape[3] % channels:
        raise CannotRebuild(f"its kernel has {kernel.shape[3]} channels for an input of {channels}")
    multiplier = kernel.shape[3] // channels
    node = DepthwiseNode(inputs, size, multiplier=multiplier, stride=stride, dilation=dilation, **common)
    graph.add(node, kernel.reshape(*size, channels, multiplier), bias)


def transposed(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add a transposed convolution."""
    kernel, common = graph.constant(op, 1, 4), _common(options)
    node = TransposedNode(
        (graph.node_input(op.inputs[2]),), kernel.shape[0], (kernel.shape[1], kernel.shape[2]),
        _pair(options, "Stride"), **common,
    )  # fmt: skip
    graph.add(node, kernel.transpose(1, 2, 0, 3), graph.bias(op, 3, kernel.shape[0]))


def dense(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add a dense layer."""
    kernel = graph.constant(op, 1, 2)
    shape = graph.found.tensors[op.inputs[0]].shape
    if int(np.prod(shape[1:])) != kernel.shape[1]:
        raise CannotRebuild(f"it runs over a part of {list(shape)}")
    node = DenseNode((graph.node_input(op.inputs[0]),), kernel.shape[0], activation=fused_activation(options))
    graph.add(node, kernel.T, graph.bias(op, 2, kernel.shape[0]))


def arithmetic(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add arithmetic of two tensors, or with a constant per channel, which becomes a 1x1 depthwise convolution."""
    constants = [i for i, j in enumerate(op.inputs) if graph.values[j] is not None]
    if not constants:
        if op.kind not in ("ADD", "MUL"):
            raise CannotRebuild("poseport supports it with a constant only")
        how: Any = "add" if op.kind == "ADD" else "multiply"
        inputs = tuple(graph.node_input(j) for j in op.inputs)
        return graph.add(JoinNode(inputs, how, activation=fused_activation(options)))
    values = graph.values[op.inputs[constants[0]]]
    shape = graph.found.tensors[op.outputs[0]].shape
    assert values is not None
    if values.size not in (1, shape[-1]) or len(shape) != 4 or (constants[0] == 0 and op.kind in ("SUB", "DIV")):
        raise CannotRebuild(f"its constant has shape {list(values.shape)}; expected a number or one per channel")
    by = np.broadcast_to(values.ravel(), (shape[-1],))
    scale = by if op.kind == "MUL" else 1 / by if op.kind == "DIV" else np.ones_like(by)
    shift = by if op.kind == "ADD" else -by if op.kind == "SUB" else np.zeros_like(by)
    inputs = (graph.node_input(op.inputs[1 - constants[0]]),)
    node = DepthwiseNode(inputs, (1, 1), activation=fused_activation(options))
    return graph.add(node, scale.reshape(1, 1, -1, 1), shift)


def bound(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """The smaller or the larger of a map and a number c: min(x, c) is c - relu(c - x), max(x, c) is c + relu(x - c)."""
    constants = [i for i, j in enumerate(op.inputs) if graph.values[j] is not None]
    shape = graph.found.tensors[op.outputs[0]].shape
    values = graph.values[op.inputs[constants[0]]] if constants else None
    if values is None or values.size != 1 or len(shape) != 4:
        raise CannotRebuild("it is known for a map and one number only")
    sign, c = (-1 if op.kind == "MINIMUM" else 1), float(values.ravel()[0])
    ones = np.ones(shape[3], np.float32)
    source, kernel = (graph.node_input(op.inputs[1 - constants[0]]),), sign * ones.reshape(1, 1, -1, 1)
    graph.add(DepthwiseNode(source, (1, 1), activation="relu"), kernel, -sign * c * ones)
    graph.add(DepthwiseNode((len(graph.nodes),), (1, 1)), kernel, c * ones)


def pool(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add a maximum or mean over a window."""
    how: Any = "max" if op.kind == "MAX_POOL_2D" else "mean"
    size = (options["FilterHeight"], options["FilterWidth"])
    node = PoolNode(
        (graph.node_input(op.inputs[0]),), how, size, stride=_pair(options, "Stride"),
        padding=_common(options)["padding"],
    )  # fmt: skip
    graph.add(node)
    graph.activate(fused_activation(options))


def mean(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add the mean over the whole map."""
    shape = graph.found.tensors[op.inputs[0]].shape
    if sorted(axis % len(shape) for axis in graph.whole_numbers(op, 1)) != [1, 2] or len(shape) != 4:
        raise CannotRebuild("it averages over other axes than height and width")
    graph.add(PoolNode((graph.node_input(op.inputs[0]),), "mean", (0, 0)))
    if not options.get("KeepDims", 0):
        graph.add(ReshapeNode((len(graph.nodes),), (shape[3],)))


def resize(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add an enlargement by whole factors."""
    (h, w), (oh, ow) = graph.found.tensors[op.inputs[0]].shape[1:3], graph.found.tensors[op.outputs[0]].shape[1:3]
    if oh % h or ow % w:
        raise CannotRebuild(f"it makes {h}x{w} cells {oh}x{ow}; expected whole factors")
    centers: Any = "half_pixel" if options.get("HalfPixelCenters") else "top_left"
    centers = "corners" if options.get("AlignCorners") else centers
    how: Any = "bilinear" if op.kind == "RESIZE_BILINEAR" else "nearest"
    if how == "nearest":
        if centers == "corners":
            raise CannotRebuild("it aligns corners of a nearest-neighbour enlargement")
        centers = "half_pixel"  # by a whole factor both give the same
    graph.add(ResizeNode((graph.node_input(op.inputs[0]),), how, (oh // h, ow // w), centers=centers))


def prelu(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add a ReLU with learned slopes."""
    channels = graph.found.tensors[op.inputs[0]].shape[-1]
    slope = graph.values[op.inputs[1]]
    if slope is None or slope.size != channels or len(graph.found.tensors[op.inputs[0]].shape) != 4:
        raise CannotRebuild("its slopes are not one per channel")
    graph.add(PreluNode((graph.node_input(op.inputs[0]),)), slope.reshape(1, 1, channels))


def activation(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add an activation that is a separate operation."""
    graph.add(ActivationNode((graph.node_input(op.inputs[0]),), _ALONE[op.kind]))


def _common(options: dict[str, int]) -> dict[str, Any]:
    padding = options.get("Padding", 0)
    if padding not in (0, 1):
        raise CannotRebuild(f"its padding {padding} is unknown")
    return {"padding": _PADDING[padding], "activation": fused_activation(options)}


def _pair(options: dict[str, int], word: str) -> tuple[int, int]:
    """(height, width) of a stride or a dilation."""
    end = "Factor" if word == "Dilation" else ""
    pair = options.get(f"{word}H{end}", 1), options.get(f"{word}W{end}", 1)
    if min(pair) < 1 or max(pair) > 64:
        raise CannotRebuild(f"its {word.lower()} is {pair}")
    return pair


HANDLERS: dict[str, Callable[[Graph, inspection.OpInfo, dict[str, int]], None]] = {
    "CONV_2D": conv, "DEPTHWISE_CONV_2D": conv, "TRANSPOSE_CONV": transposed,
    "FULLY_CONNECTED": dense, "CONCATENATION": shape_operations.concatenation, "MEAN": mean,
    "MAX_POOL_2D": pool, "AVERAGE_POOL_2D": pool, "PAD": shape_operations.pad,
    "TRANSPOSE": shape_operations.transpose, "SLICE": shape_operations.part,
    "STRIDED_SLICE": shape_operations.strided_slice, "SPLIT": shape_operations.split,
    "SPLIT_V": shape_operations.split, "TILE": shape_operations.tile, "MINIMUM": bound, "MAXIMUM": bound,
    "RESIZE_BILINEAR": resize, "RESIZE_NEAREST_NEIGHBOR": resize, "PRELU": prelu,
    **dict.fromkeys(MATHS, arithmetic), **dict.fromkeys(SHAPES, shape_operations.reshape),
    **dict.fromkeys(_ALONE, activation),
}  # fmt: skip
