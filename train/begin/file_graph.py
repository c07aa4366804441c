"""The state of reading a .tflite file's graph: the nodes and weights of the operations read so far."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poseport.nodes import ActivationNode, Node, NodeActivation
from poseport.tflite import inspection


class CannotRebuild(Exception):
    """An operation cannot be rebuilt; the message says why in a few words."""


# how TFLite counts an operation's fused activation
_FUSED: dict[int, NodeActivation] = {0: "linear", 1: "relu", 3: "relu6", 4: "tanh"}


def fused_activation(options: dict[str, int]) -> NodeActivation:
    """The activation that an operation applies to its result."""
    fused = options.get("FusedActivationFunction", 0)
    if fused not in _FUSED:
        raise CannotRebuild(f"its fused activation {fused} is unknown")
    return _FUSED[fused]


@dataclass(eq=False)
class Graph:
    """A file's graph while it is read.

    Attributes:
        file: Its name, for messages.
        found: The file's tensors and operations.
        values: Constants as real numbers (`constants.real_constants`).
        whole: Constants as they are stored (`constants.constants`).
        nodes: Nodes of the operations read so far.
        weights: Position of a node (from 1) -> its arrays in Keras's layout.
        position: Tensor -> position of the node that computes it.
        image: Tensors that are still the image -> scale and offset of each channel.
        first: Scale and offset of the image that the first node takes.
    """

    file: str
    found: inspection.Inspection
    values: tuple[np.ndarray | None, ...]
    whole: tuple[np.ndarray | None, ...]
    nodes: list[Node] = field(default_factory=list)
    weights: dict[int, tuple[np.ndarray, ...]] = field(default_factory=dict)
    position: dict[int, int] = field(default_factory=dict)
    image: dict[int, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    first: tuple[np.ndarray, np.ndarray] | None = None

    def node_input(self, tensor: int) -> int:
        """Find the position of the node that computes a tensor.

        Args:
            tensor: Index of the tensor.

        Returns:
            The position, from 1; 0 for the image after the normalisation at the head of the graph.

        Raises:
            CannotRebuild: If the tensor is a constant, or the image with a second normalisation.
        """
        if tensor in self.position:
            return self.position[tensor]
        if tensor not in self.image:
            raise CannotRebuild(f"its input {self.found.tensors[tensor].name!r} is a constant")
        scale, offset = self.image[tensor]
        if self.first is None:
            self.first = scale, offset
        elif not (np.allclose(self.first[0], scale) and np.allclose(self.first[1], offset)):
            raise CannotRebuild("the image is used with two normalisations")
        return 0

    def add(self, node: Node, *arrays: np.ndarray) -> None:
        """Append a node and the arrays of its layer.

        Args:
            node: The node.
            arrays: Its arrays in Keras's layout.
        """
        self.nodes.append(node)
        if arrays:
            self.weights[len(self.nodes)] = tuple(np.ascontiguousarray(a, np.float32) for a in arrays)

    def constant(self, op: inspection.OpInfo, place: int, dimensions: int) -> np.ndarray:
        """Look up a constant input of known rank, as real numbers.

        Args:
            op: The operation.
            place: Index of the input.
            dimensions: The rank.

        Returns:
            The values.

        Raises:
            CannotRebuild: If the input is missing, is computed, or has another rank.
        """
        values = self.values[op.inputs[place]] if place < len(op.inputs) and op.inputs[place] >= 0 else None
        if values is None or values.ndim != dimensions:
            raise CannotRebuild(f"its input {place + 1} is not a constant of {dimensions} dimensions")
        return values

    def whole_numbers(self, op: inspection.OpInfo, place: int) -> tuple[int, ...]:
        """Look up a constant input of whole numbers.

        Args:
            op: The operation.
            place: Index of the input.

        Returns:
            The numbers, flattened.

        Raises:
            CannotRebuild: If the input is missing, is computed, or has another type.
        """
        values = self.whole[op.inputs[place]] if place < len(op.inputs) and op.inputs[place] >= 0 else None
        if values is None or values.dtype.kind not in "iu":
            raise CannotRebuild(f"its input {place + 1} is not a constant of whole numbers")
        return tuple(int(v) for v in values.ravel())

    def bias(self, op: inspection.OpInfo, place: int, channels: int) -> np.ndarray:
        """Look up the bias of an operation.

        Args:
            op: The operation.
            place: Index of the input.
            channels: Number of output channels.

        Returns:
            (channels,) values; zeros without a bias.

        Raises:
            CannotRebuild: If it is computed, or its size differs.
        """
        if place >= len(op.inputs) or op.inputs[place] < 0:
            return np.zeros(channels, np.float32)
        bias = self.values[op.inputs[place]]
        # litert-torch writes it as (1, 1, 1, channels) behind a transposed convolution
        if bias is None or bias.shape[-1:] != (channels,) or bias.size != channels:
            raise CannotRebuild(f"its bias is not a constant of {channels} values")
        return bias.reshape(channels)

    def activate(self, activation: NodeActivation) -> None:
        """Append the fused activation of a node that has no field for it.

        Args:
            activation: The activation; nothing is appended for `linear`.
        """
        if activation != "linear":
            self.add(ActivationNode((len(self.nodes),), activation))
