"""Files whose weights are all one value, for tests of what is refused."""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from poseport.convert.graph.shrink_flatbuffer import pack


def filled(data: bytes, value: float) -> bytes:
    """The flatbuffer with every float32 constant set to `value`."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            buffer = model.buffers[tensor.buffer]
            if tensor.type == schema.TensorType.FLOAT32 and buffer.data is not None and len(buffer.data):
                buffer.data = np.full(len(buffer.data) // 4, value, np.float32).view(np.uint8)
    return pack(model, len(data))
