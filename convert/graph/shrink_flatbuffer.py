"""Rewrite a flatbuffer so that equal vectors are stored once and constants are aligned.

The converter writes a zero point of eight bytes and a scale per channel for every weight and every bias. Nearly all of
these zero points are equal vectors of zeros, a fifth of a small int8 file. A flatbuffer may refer to the same vector
from any number of places, which every reader supports.
"""

from __future__ import annotations

import re
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

# alignment of Buffer.data in TFLite's schema: kernels read constants with vector instructions from the file itself
_ALIGNMENT = 16
_WEIGHTS = re.compile(rb"/(convolution|depthwise|MatMul)")


class _Builder(flatbuffers.Builder):
    """A flatbuffer builder that writes equal vectors of numbers once and aligns vectors of bytes."""

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
    """Serialise a `schema.ModelT`.

    Args:
        model: The model.
        size: Estimate of its size in bytes.

    Returns:
        The flatbuffer.
    """
    builder = _Builder(size)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def shrink(flatbuffer: bytes) -> bytes:
    """Write the same graph and the same numbers in fewer bytes.

    The converter names a tensor after all operations that were fused into it, joined by semicolons. One of these names
    is kept, for weights that of the convolution and otherwise the first, unless another tensor already has it.

    Args:
        flatbuffer: The flatbuffer.

    Returns:
        The smaller flatbuffer.
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
