"""Read the constants, mostly weights, in a .tflite file."""

from __future__ import annotations

import numpy as np

from poseport.tflite.format import schema
from poseport.tflite.inspection import inspect_bytes

_ELEMENTS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32")


def constants(data: bytes, name: str) -> tuple[np.ndarray | None, ...]:
    """Read the stored values of every tensor.

    Args:
        data: a .tflite file, with or without a tail.
        name: what error messages call it.

    Returns:
        One array per tensor of `inspect_bytes(data, name).tensors`, in its own type, a view into the file. None for
        a tensor that is computed, sparse, or of a type that NumPy does not have (strings, packed 4-bit integers).

    Raises:
        ValueError: if the file is not a sound TFLite flatbuffer.
    """
    module, model = schema.open_model(data, name)
    graph, types = model.Subgraphs(0), schema.tensor_types(module)
    stored: list[np.ndarray | None] = []
    for i in range(graph.TensorsLength()):
        tensor = graph.Tensors(i)
        raw, dtype = schema.buffer(model, tensor.Buffer()), types.get(tensor.Type(), "")
        known = raw.size > 0 and dtype in _ELEMENTS and tensor.Sparsity() is None
        stored.append(raw.view(dtype).reshape(schema.integers(tensor, "Shape")) if known else None)
    return tuple(stored)


def real_constants(data: bytes, name: str) -> tuple[np.ndarray | None, ...]:
    """Read `constants` as the real numbers that they stand for: (value - zero point) x scale.

    Scales are per tensor or per channel. The output of a DEQUANTIZE of a constant (float16 weights) counts as a
    constant, too.

    Args:
        data: a .tflite file, with or without a tail.
        name: what error messages call it.

    Returns:
        One float32 array per tensor; None as in `constants`, and for integers without a scale.

    Raises:
        ValueError: if the file is not a sound TFLite flatbuffer.
    """
    stored, inspection = constants(data, name), inspect_bytes(data, name)
    graph = schema.open_model(data, name)[1].Subgraphs(0)
    real: list[np.ndarray | None] = []
    for i, values in enumerate(stored):
        if values is None or values.dtype.kind == "f":
            real.append(None if values is None else values.astype(np.float32))
            continue
        quantization = graph.Tensors(i).Quantization()
        if quantization is None or not quantization.ScaleLength():
            real.append(None)
            continue
        shape = [1] * values.ndim
        if quantization.ScaleLength() > 1:
            shape[quantization.QuantizedDimension()] = -1
        scale, zero = (np.asarray(v) for v in (quantization.ScaleAsNumpy(), quantization.ZeroPointAsNumpy()))
        real.append(((values - zero.reshape(shape)) * scale.reshape(shape)).astype(np.float32))
    for op in inspection.ops:
        if op.kind == "DEQUANTIZE":
            real[op.outputs[0]] = real[op.inputs[0]]
    return tuple(real)
