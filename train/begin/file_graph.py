"""The graph of a .tflite file on its way to nodes: what the operations so far have given."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from poseport.nodes import ActivationNode, Node, NodeActivation
from poseport.tflite import inspection


class CannotRebuild(Exception):
    """Why an operation cannot be rebuilt, in a few words."""


@dataclass(eq=False)
class Graph:
    """A file's graph on its way to nodes.

    Attributes:
        file: its name, for messages.
        found: the file's tensors and operations.
        values: constants as real numbers (`constants.real_constants`).
        whole: constants as they are stored (`constants.constants`).
        nodes: those of the operations so far.
        weights: position of a node (from 1) -> its arrays as Keras lays them out.
        position: tensor -> the node that gives it.
        image: tensors that are still the image -> scale and offset of each channel.
        first: scale and offset of the image that the first node takes.
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
        """Position of the node whose result a tensor is; 0 for the image as the head of the graph leaves it."""
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
        """Append a node and the arrays of its layer."""
        self.nodes.append(node)
        if arrays:
            self.weights[len(self.nodes)] = tuple(np.ascontiguousarray(a, np.float32) for a in arrays)

    def constant(self, op: inspection.OpInfo, place: int, dimensions: int) -> np.ndarray:
        """A constant input of known rank, as real numbers."""
        values = self.values[op.inputs[place]] if place < len(op.inputs) and op.inputs[place] >= 0 else None
        if values is None or values.ndim != dimensions:
            raise CannotRebuild(f"its input {place + 1} is no constant of {dimensions} dimensions")
        return values

    def whole_numbers(self, op: inspection.OpInfo, place: int) -> tuple[int, ...]:
        """A constant input of whole numbers, flattened."""
        values = self.whole[op.inputs[place]] if place < len(op.inputs) and op.inputs[place] >= 0 else None
        if values is None or values.dtype.kind not in "iu":
            raise CannotRebuild(f"its input {place + 1} is no constant of whole numbers")
        return tuple(int(v) for v in values.ravel())

    def bias(self, op: inspection.OpInfo, place: int, channels: int) -> np.ndarray:
        """The bias, zeros where there is none."""
        if place >= len(op.inputs) or op.inputs[place] < 0:
            return np.zeros(channels, np.float32)
        bias = self.constant(op, place, 1)
        if bias.size != channels:
            raise CannotRebuild(f"its bias has {bias.size} values for {channels} channels")
        return bias

    def activate(self, activation: NodeActivation) -> None:
        """A fused activation of a node that has no field for it."""
        if activation != "linear":
            self.add(ActivationNode((len(self.nodes),), activation))
