"""Small .tflite files with any graph, written through TFLite's own schema."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

FLOAT32, INT32 = 0, 2


class Graph:
    """A graph of one input (1, 8, 8, 4), to which operations are added one behind the other."""

    def __init__(self, channels: int = 4) -> None:
        self.model: Any = schema.ModelT()
        self.model.version, self.model.buffers = 3, [schema.BufferT()]
        self.graph: Any = schema.SubGraphT()
        self.model.operatorCodes, self.graph.tensors, self.graph.operators = [], [], []
        self.channels = channels
        self.last = self.tensor((1, 8, 8, channels))
        self.graph.inputs = [self.last]

    def tensor(self, shape: tuple[int, ...], values: np.ndarray | None = None) -> int:
        """Add a tensor, computed or constant; its index."""
        tensor: Any = schema.TensorT()
        tensor.shape, tensor.name, tensor.buffer = list(shape), f"t{len(self.graph.tensors)}", 0
        tensor.type = INT32 if values is not None and values.dtype == np.int32 else FLOAT32
        if values is not None:
            buffer: Any = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def add(self, kind: str, *constants: list[int], stated: tuple[int, ...] = (1, 8, 8, 4), options: str = "") -> Graph:
        """Add an operation on the last tensor and integer constants, with an output of any stated shape."""
        code: Any = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode, code.version = min(code.builtinCode, 127), 1
        op: Any = schema.OperatorT()
        op.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)
        arrays = [np.array(values, np.int32) for values in constants]
        op.inputs = [self.last, *(self.tensor(array.shape, array) for array in arrays)]
        if options:
            op.builtinOptionsType = getattr(schema.BuiltinOptions, options)
            op.builtinOptions = getattr(schema, f"{options}T")()
        self.last = self.tensor(stated)
        op.outputs = [self.last]
        self.graph.operators.append(op)
        return self

    def data(self) -> bytes:
        """The file."""
        self.graph.outputs = [self.last]
        self.model.subgraphs = [self.graph]
        builder = flatbuffers.Builder(0)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())
