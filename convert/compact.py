"""A flatbuffer written once more: equal vectors stand in it once, and constants lie where processors like them.

The converter writes a zero point of eight bytes and a scale a channel for every weight and every bias, nearly all of
them zeros that it has written before: a fifth of a small int8 file. A flatbuffer may lead to the same vector from any
number of places, and every reader follows.
"""

from __future__ import annotations

import re
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

# of Buffer.data in TFLite's schema: kernels read constants as vectors straight out of the file
_ALIGNMENT = 16
_WEIGHTS = re.compile(rb"/(convolution|depthwise|MatMul)")


class _Builder(flatbuffers.Builder):
    """Equal vectors of numbers are written once, vectors of bytes aligned."""

    def __init__(self, size: int):
        super().__init__(size)
        self.written: dict[tuple[str, bytes], int] = {}

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:
        return super().StartVector(elemSize, numElems, _ALIGNMENT if elemSize == 1 else alignment)

    def CreateNumpyVector(self, x: np.ndarray) -> int:
        key = x.dtype.str, x.tobytes()
        if key not in self.written:
            self.written[key] = super().CreateNumpyVector(x)
        return self.written[key]


def pack(model: Any, size: int) -> bytes:
    """A `schema.ModelT` as a .tflite. size: about how many bytes it will have."""
    builder = _Builder(size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def compact(flatbuffer: bytes) -> bytes:
    """The same graph and the same numbers in fewer bytes.

    A tensor that several operations were fused into is called after all of them, joined by semicolons. It keeps one of
    these names, the convolution's if it is that one's weights, else the first, as far as names stay different.
    """
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    for graph in model.subgraphs:
        taken: set[bytes] = set()
        for tensor in graph.tensors:
            short = _short(tensor.name, constant=model.buffers[tensor.buffer].data is not None)
            tensor.name = tensor.name if short in taken else short
            taken.add(tensor.name)
    return pack(model, len(flatbuffer))


def _short(name: bytes, constant: bool) -> bytes:
    parts = name.split(b";")
    return next((part for part in parts if constant and _WEIGHTS.search(part)), parts[0])
