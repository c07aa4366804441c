"""A .tflite as a graph: which operation computes which tensor, and the values in the file."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from poseport.tflite import partition
from poseport.tflite.format.constants import constants
from poseport.tflite.inspection import CONVOLUTIONS, Inspection, OpInfo, TensorInfo, inspect_bytes

# operations that return the values of their input in another shape, order or scale
SAME_VALUES = ("RESHAPE", "QUANTIZE", "DEQUANTIZE", "SQUEEZE", "EXPAND_DIMS", "TRANSPOSE")
# operations that may lie between a convolution and a batch normalisation that did not fold into it
_BETWEEN = ("RELU", "RELU6", "LEAKY_RELU", "PRELU", "HARD_SWISH", "ADD", "MUL", "SUB", "MAX_POOL_2D", "AVERAGE_POOL_2D",
            "CONCATENATION", "QUANTIZE", "PAD")  # fmt: skip


@dataclass(frozen=True)
class Graph:
    """A file's operations and how they are connected.

    Attributes:
        inspection: What is in the file.
        values: The stored values of each tensor; None for one that is computed.
    """

    inspection: Inspection
    values: tuple[np.ndarray | None, ...]

    @cached_property
    def maker(self) -> dict[int, OpInfo]:
        """Tensor -> the operation that computes it."""
        return {i: op for op in self.inspection.ops for i in op.outputs}

    @cached_property
    def constant(self) -> list[bool]:
        """For every tensor, whether its values are in the file, also if a DEQUANTIZE unpacks them."""
        return partition.stored(self.inspection)

    @cached_property
    def origin(self) -> dict[int, int]:
        """Tensor -> the quantized tensor from which its values come unchanged, whose scale is their range."""
        first: dict[int, int] = {}
        for op in self.inspection.ops:
            source = self._source(op)
            if op.kind in SAME_VALUES and source is not None and self.inspection.tensors[source].scale is not None:
                first.update(dict.fromkeys(op.outputs, first.get(source, source)))
        return first

    @cached_property
    def convolved(self) -> set[int]:
        """Tensors computed from a convolution through layers that may lie between it and a batch normalisation."""
        known: set[int] = set()
        for op in self.inspection.ops:
            if op.kind in CONVOLUTIONS or (op.kind in _BETWEEN and not known.isdisjoint(op.inputs)):
                known.update(op.outputs)
        return known

    def _source(self, op: OpInfo) -> int | None:
        return op.inputs[0] if op.inputs and op.inputs[0] >= 0 else None

    def stored(self, tensor: int) -> tuple[np.ndarray | None, TensorInfo]:
        """Look up the values stored for a tensor, before any DEQUANTIZE.

        Args:
            tensor: Index of the tensor.

        Returns:
            The values, None if they are computed, and the tensor that holds them.
        """
        op = self.maker.get(tensor)
        if op is not None and op.kind == "DEQUANTIZE":
            tensor = tensor if (source := self._source(op)) is None else source
        return self.values[tensor], self.inspection.tensors[tensor]

    def shape(self, op: OpInfo) -> tuple[int, ...]:
        """Shape of the first output of an operation; () without one.

        Args:
            op: The operation.
        """
        return self.inspection.tensors[op.outputs[0]].shape if op.outputs else ()

    def flowing(self, op: OpInfo) -> list[int]:
        """List the inputs of an operation that are computed.

        Args:
            op: The operation.

        Returns:
            Indices of the tensors.
        """
        return [i for i in op.inputs if i >= 0 and not self.constant[i]]


def read_graph(data: bytes, name: str) -> Graph:
    """Read the graph of a file.

    Args:
        data: The file's bytes.
        name: Name of the file in messages.

    Returns:
        The graph.

    Raises:
        ValueError: If the file is damaged.
    """
    return Graph(inspect_bytes(data, name), constants(data, name))
