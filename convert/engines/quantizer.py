"""The AI Edge Quantizer itself: a float32 flatbuffer becomes one of integers, operation by operation."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from poseport.convert.doctor.runtimes import oldest_runtime
from poseport.convert.engines.ranges import Ranges
from poseport.convert.recipes import Kind
from poseport.tflite.inspection import inspect_bytes
from poseport.tflite.quiet import quiet

# Which version of an operation takes integers (schema.fbs, op_version.cc): the quantizer leaves the float one's
# number, by which an old runtime would take a file that it cannot compute.
_INTEGER_VERSION = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "DEQUANTIZE": 2,
    "FULLY_CONNECTED": 4, "LOGISTIC": 2, "MAX_POOL_2D": 2, "MEAN": 2, "MUL": 2, "PAD": 2, "QUANTIZE": 2,
    "RESIZE_BILINEAR": 2, "RESIZE_NEAREST_NEIGHBOR": 2, "SUB": 2, "TRANSPOSE": 2,
}  # fmt: skip


def version() -> str:
    """The version of the quantizer's package."""
    return importlib.metadata.version("litert-quantizer")


def quantize(
    flatbuffer: bytes, ranges: Ranges, types: Mapping[str, str], ends: tuple[str, str], *, per_channel: bool = True
) -> bytes:
    """Quantize each operation of a float file to its own type.

    Args:
        flatbuffer: The float32 file.
        ranges: Tensor name -> (lowest, highest), of every activation.
        types: Name of an operation's output tensor -> int8, int16 (activations; its weights are int8) or float32; an
            operation that is not named stays float32.
        ends: Types of the input and of the output tensor: int8, int16, or another one to leave them as they are.
        per_channel: Whether weights have one scale per channel, not one per tensor.

    Raises:
        ValueError: If the quantizer is not installed, or refuses the file.
    """
    quantizer, qtyping = _package()
    names, bits = qtyping.TFLOperationName, {"int8": 8, "int16": 16}
    granularity = qtyping.QuantGranularity.CHANNELWISE if per_channel else qtyping.QuantGranularity.TENSORWISE
    engine = quantizer.Quantizer(flatbuffer)
    scopes = _scopes(flatbuffer)
    for name, dtype in types.items():
        if dtype != "float32":
            engine.add_static_config(scopes[name], names.ALL_SUPPORTED, bits[dtype], 8, granularity)
    # the ends have the names of the tensors, so that the lines above match them
    for end, dtype in zip((names.INPUT, names.OUTPUT), ends, strict=True):
        if dtype in bits:
            engine.add_static_config(".*", end, bits[dtype], 8)
        else:
            engine.update_quantization_recipe(".*", end, algorithm_key=quantizer.AlgorithmName.NO_QUANTIZE)
    shape = (1, 1, 1, 1)
    statistics = {
        name: {"min": np.full(shape, a, np.float32), "max": np.full(shape, b, np.float32)}
        for name, (a, b) in ranges.items()
    }
    return _run(engine, statistics)


def store_weights(flatbuffer: bytes, ops: Iterable[str], weights: Kind) -> bytes:
    """Store the weights of a float file in a smaller type; activations stay float32.

    Args:
        flatbuffer: The float32 file.
        ops: Names of the output tensors of the operations whose weights are stored so.
        weights: float32 changes nothing; float16 is computed in float32; with int8 activations are quantized while
            the file runs (recipe dynamic).

    Raises:
        ValueError: As `quantize`.
    """
    if weights == "float32":
        return flatbuffer
    quantizer, qtyping = _package()
    every, scopes = qtyping.TFLOperationName.ALL_SUPPORTED, _scopes(flatbuffer)
    engine = quantizer.Quantizer(flatbuffer)
    half = qtyping.OpQuantizationConfig(
        weight_tensor_config=qtyping.TensorQuantizationConfig(num_bits=16, dtype=qtyping.TensorDataType.FLOAT),
        compute_precision=qtyping.ComputePrecision.FLOAT,
        explicit_dequantize=True,
    )
    for name in ops:
        if weights == "float16":
            casting = quantizer.AlgorithmName.FLOAT_CASTING
            engine.update_quantization_recipe(scopes[name], every, half, algorithm_key=casting)
        else:
            engine.add_dynamic_config(scopes[name], every, 8)
    return _run(engine, None)


def _package() -> tuple[Any, Any]:
    """The modules of the quantizer's package: `quantizer` and `qtyping`."""
    try:
        from litert_quantizer import qtyping, quantizer
    except ImportError:
        raise ValueError(
            "this recipe is made by the AI Edge Quantizer; run `pip install litert-quantizer` or use recipe int8"
        ) from None
    return quantizer, qtyping


def _scopes(flatbuffer: bytes) -> dict[str, str]:
    """Name of an operation's first output -> the pattern that matches this operation only.

    The quantizer matches the names of all outputs, each followed by a semicolon, and says nothing when none does.
    """
    inspection = inspect_bytes(flatbuffer, "float32")
    names = {op.name: "".join(f"{inspection.tensors[i].name};" for i in op.outputs) for op in inspection.ops}
    return {name: f"^{re.escape(outputs)}$" for name, outputs in names.items()}


def _run(engine: Any, statistics: dict[str, dict[str, np.ndarray]] | None) -> bytes:
    """The quantizer's file; ValueError in one line where it refuses."""
    try:
        with quiet():
            done = engine.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"the AI Edge Quantizer refuses the float32 file: {reason}") from None
    return _with_versions(bytes(done.quantized_model))


def _with_versions(flatbuffer: bytes) -> bytes:
    """Correct the operations' versions, and the oldest runtime that the file names."""
    from ai_edge_litert.tools import flatbuffer_utils

    inspection = inspect_bytes(flatbuffer, "quantized file")
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    needed: list[tuple[int, ...]] = []
    for op, raw in zip(inspection.ops, model.subgraphs[0].operators, strict=True):
        code = model.operatorCodes[raw.opcodeIndex]
        if "int" in op.dtype and op.dtype.split()[0] != "float32":
            code.version = max(code.version, _INTEGER_VERSION.get(op.kind, code.version))
        needed.append(oldest_runtime(op.kind, code.version) or ())
    for entry in model.metadata or []:
        if entry.name == b"min_runtime_version":
            text = ".".join(map(str, [*max(needed), 0, 0][:3]))
            model.buffers[entry.buffer].data = np.frombuffer(text.encode().ljust(16, b"\0"), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
