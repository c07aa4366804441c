"""The operations of an imported network, as values inside a spec.

`inputs` of a node are positions in the graph: 0 is the image, n the result of the n-th node. Sizes are (height, width).
Each record holds only what its operation needs, because the list is part of every converted file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NodeActivation = Literal["linear", "relu", "relu6", "sigmoid", "tanh", "hard_swish", "hard_sigmoid", "relu1"]
NodePadding = Literal["same", "valid"]
Centers = Literal["half_pixel", "corners", "top_left"]


@dataclass(frozen=True)
class ConvNode:
    """A convolution with a bias; kernel, stride and dilation are (height, width)."""

    inputs: tuple[int, ...]
    filters: int
    kernel: tuple[int, int]
    kind: Literal["conv"] = "conv"
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: NodePadding = "same"
    activation: NodeActivation = "linear"


@dataclass(frozen=True)
class DepthwiseNode:
    """A depthwise convolution with a bias; the multiplier is the number of output channels per input channel."""

    inputs: tuple[int, ...]
    kernel: tuple[int, int]
    kind: Literal["depthwise"] = "depthwise"
    multiplier: int = 1
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: NodePadding = "same"
    activation: NodeActivation = "linear"


@dataclass(frozen=True)
class TransposedNode:
    """A transposed convolution with a bias; the stride is the factor by which it enlarges the map."""

    inputs: tuple[int, ...]
    filters: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    kind: Literal["transposed"] = "transposed"
    padding: NodePadding = "same"
    activation: NodeActivation = "linear"


@dataclass(frozen=True)
class DenseNode:
    """A dense layer with a bias, on the flattened input."""

    inputs: tuple[int, ...]
    units: int
    kind: Literal["dense"] = "dense"
    activation: NodeActivation = "linear"


@dataclass(frozen=True)
class JoinNode:
    """Joins several tensors: `concat` along the channels, `add` and `multiply` with NumPy's broadcasting."""

    inputs: tuple[int, ...]
    how: Literal["add", "multiply", "concat"]
    kind: Literal["join"] = "join"
    activation: NodeActivation = "linear"


@dataclass(frozen=True)
class PoolNode:
    """Pooling; size (0, 0) is the mean over the whole map, with a result of 1 x 1 cells."""

    inputs: tuple[int, ...]
    how: Literal["max", "mean"]
    size: tuple[int, int]
    kind: Literal["pool"] = "pool"
    stride: tuple[int, int] = (1, 1)
    padding: NodePadding = "valid"


@dataclass(frozen=True)
class ResizeNode:
    """Enlargement by whole factors; `centers` says which points of the two maps coincide, as TFLite's options do."""

    inputs: tuple[int, ...]
    how: Literal["nearest", "bilinear"]
    factor: tuple[int, int]
    kind: Literal["resize"] = "resize"
    centers: Centers = "half_pixel"


@dataclass(frozen=True)
class PadNode:
    """Zeros around a map: rows above and below, columns left and right."""

    inputs: tuple[int, ...]
    rows: tuple[int, int]
    columns: tuple[int, int]
    kind: Literal["pad"] = "pad"


@dataclass(frozen=True)
class ReshapeNode:
    """A change of shape, given without the batch's dimension."""

    inputs: tuple[int, ...]
    shape: tuple[int, ...]
    kind: Literal["reshape"] = "reshape"


@dataclass(frozen=True)
class TransposeNode:
    """Another order of the dimensions behind the batch, which count from 1."""

    inputs: tuple[int, ...]
    order: tuple[int, ...]
    kind: Literal["transpose"] = "transpose"


@dataclass(frozen=True)
class SliceNode:
    """A part of each dimension behind the batch: from begin up to end in steps of stride."""

    inputs: tuple[int, ...]
    begin: tuple[int, ...]
    end: tuple[int, ...]
    stride: tuple[int, ...]
    kind: Literal["slice"] = "slice"


@dataclass(frozen=True)
class ActivationNode:
    """An activation that is a separate operation in the file."""

    inputs: tuple[int, ...]
    activation: NodeActivation
    kind: Literal["activation"] = "activation"


@dataclass(frozen=True)
class PreluNode:
    """A ReLU whose slope below 0 is learned, one per channel."""

    inputs: tuple[int, ...]
    kind: Literal["prelu"] = "prelu"


Node = (
    ConvNode
    | DepthwiseNode
    | TransposedNode
    | DenseNode
    | JoinNode
    | PoolNode
    | ResizeNode
    | PadNode
    | ReshapeNode
    | TransposeNode
    | SliceNode
    | ActivationNode
    | PreluNode
)
