"""Small .tflite files with any graph, written through TFLite's own schema."""

from __future__ import annotations

import struct
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

    def data(self, places: dict[int, tuple[int, int]] | None = None) -> bytes:
        """The file. places: buffer -> (first byte, bytes), as in files of more than 2 GB."""
        for index, (offset, size) in (places or {}).items():
            self.model.buffers[index].offset, self.model.buffers[index].size = offset, size
        self.graph.outputs = [self.last]
        self.model.subgraphs = [self.graph]
        builder = flatbuffers.Builder(0)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())


def bombs() -> dict[str, Graph]:
    """Networks of less than 3 KB whose activations take gigabytes."""
    resize = "ResizeNearestNeighborOptions"
    bilinear = Graph(3).add("RESIZE_BILINEAR", [5500, 5500], stated=(1, 8, 8, 3), options="ResizeBilinearOptions")
    found = {
        "resize": Graph().add("RESIZE_NEAREST_NEIGHBOR", [6000, 6000], options=resize),
        "bilinear": bilinear,
        "pad": Graph().add("PAD", [[0, 0], [0, 6000], [0, 6000], [0, 0]]),
        "tile": Graph().add("TILE", [1, 800, 800, 1]),
        "broadcast": Graph(1).add("BROADCAST_TO", [40, 8, 8, 70000], stated=(1, 8, 8, 1)),
        "many": Graph().add("TILE", [1, 100, 100, 1]).add("RELU").add("TILE", [1, 2, 2, 20]),
        "overflow": Graph(),
    }
    for _ in range(9):
        found["overflow"].add("TILE", [2**31 - 1] * 4)
    for graph in found.values():
        graph.add("RESIZE_NEAREST_NEIGHBOR", [8, 8], options=resize)
    return found


def shared(tensors: int) -> bytes:
    """A file of 80 bytes and one offset a tensor, all of which lead to the same tensor, whose shape is `tensors` long:
    read naively, its size squared.
    """
    body = bytearray(struct.pack("<I4s", 24, b"TFL3"))
    body += struct.pack("<8H", 10, 8, 0, 0, 4, 0, 0, 0)  # at 8: vtable of Model, slot 2 at +4
    body += struct.pack("<iI", 16, 4)  # at 24: Model; its graphs follow
    body += struct.pack("<II", 1, 16)  # at 32: one graph, at 36 + 16 = 52
    body += struct.pack("<6H", 6, 8, 4, 0, 0, 0)  # at 40: vtable of SubGraph, slot 0 at +4
    body += struct.pack("<iI", 12, 4)  # at 52: SubGraph; its tensors follow
    body += struct.pack("<I", tensors)  # at 60
    tensor = 64 + 4 * tensors + 8
    body += b"".join(struct.pack("<I", tensor - (64 + 4 * i)) for i in range(tensors))
    body += struct.pack("<4H", 6, 8, 4, 0)  # vtable of Tensor, slot 0 at +4
    body += struct.pack("<iI", 8, 4) + struct.pack("<I", tensors) + bytes(4 * tensors)
    return bytes(body)
