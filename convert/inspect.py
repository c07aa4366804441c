"""What a .tflite file truly is: read from the flatbuffer, not from its name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_BORDER = ("QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True)
class TensorInfo:
    """One tensor. channels: how many scales it has (more than one: quantized per channel)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None
    channels: int
    dynamic: bool


@dataclass(frozen=True)
class OpInfo:
    """One operation. dtype: the type that it computes in, e.g. int8, float32, or int8 weights x float32."""

    kind: str
    name: str
    dtype: str
    macs: int
    weights: TensorInfo | None


@dataclass(frozen=True)
class Inspection:
    """A file's graph. min_runtime: oldest TFLite that loads it, as the converter noted ("" if it did not)."""

    bytes: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    ops: tuple[OpInfo, ...]
    signatures: tuple[str, ...]
    min_runtime: str

    @property
    def op_counts(self) -> dict[str, int]:
        """Operations by kind, most frequent first."""
        return dict(Counter(op.kind for op in self.ops).most_common())

    @property
    def macs(self) -> int:
        """Multiply-adds of one inference, convolutions and dense layers."""
        return sum(op.macs for op in self.ops)

    @property
    def macs_by_dtype(self) -> dict[str, int]:
        """Multiply-adds by the type that they are computed in."""
        shares: dict[str, int] = {}
        for op in self.ops:
            if op.macs:
                shares[op.dtype] = shares.get(op.dtype, 0) + op.macs
        return shares

    @property
    def float_islands(self) -> tuple[OpInfo, ...]:
        """Operations that compute in floating point, without the casts at the graph's ends."""
        return tuple(op for op in self.ops if "float" in op.dtype and op.kind not in _BORDER)


def inspect(path: Path) -> Inspection:
    """Read a file; ValueError when it is not a sound TFLite flatbuffer."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); expected a .tflite file") from None
    return inspect_bytes(data, str(path))


def inspect_bytes(data: bytes, name: str) -> Inspection:
    """`inspect` of bytes; name is what errors call them."""
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        raise ValueError("reading a flatbuffer needs ai-edge-litert; run `pip install ai-edge-litert`") from None
    if data[4:8] != b"TFL3":
        raise ValueError(f"{name}: not a TFLite file (no TFL3 mark)")
    try:
        return _read(schema, data)
    except Exception as error:  # the generated reader raises whatever a damaged offset leads it to
        raise ValueError(f"{name}: its flatbuffer is damaged ({type(error).__name__}); convert it again") from None


def macs_per_person(stages: Iterable[tuple[Inspection, int]]) -> dict[str, int]:
    """Multiply-adds for one person by the type that they are computed in; of each stage its file, and how often it
    runs (`PoseSpec.crops_per_person`).
    """
    total: Counter[str] = Counter()
    for found, runs in stages:
        total.update({dtype: runs * macs for dtype, macs in found.macs_by_dtype.items()})
    return dict(total)


def _read(schema: Any, data: bytes) -> Inspection:
    model = schema.Model.GetRootAs(data, 0)
    if model.SubgraphsLength() != 1:
        raise ValueError(f"{model.SubgraphsLength()} subgraphs")
    graph = model.Subgraphs(0)
    types = {v: k.lower() for k, v in vars(schema.TensorType).items() if not k.startswith("_")}
    kinds = {v: k for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}
    tensors = [_tensor(graph.Tensors(i), types) for i in range(graph.TensorsLength())]
    ops = []
    for i in range(graph.OperatorsLength()):
        op = graph.Operators(i)
        code = model.OperatorCodes(op.OpcodeIndex())
        kind = kinds.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "CUSTOM")
        sources = [tensors[j] for j in op.InputsAsNumpy() if j >= 0]
        results = [tensors[j] for j in op.OutputsAsNumpy()]
        ops.append(_operation(kind, sources, results))
    signatures = tuple(model.SignatureDefs(i).SignatureKey().decode() for i in range(model.SignatureDefsLength()))
    return Inspection(
        len(data),
        tuple(tensors[i] for i in graph.InputsAsNumpy()),
        tuple(tensors[i] for i in graph.OutputsAsNumpy()),
        tuple(ops),
        signatures,
        _min_runtime(model),
    )


def _tensor(tensor: Any, types: dict[int, str]) -> TensorInfo:
    shape = tuple(int(v) for v in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()
    signature = tensor.ShapeSignatureAsNumpy() if tensor.ShapeSignatureLength() else np.array([])
    quantization = tensor.Quantization()
    channels = quantization.ScaleLength() if quantization else 0
    return TensorInfo(
        name=tensor.Name().decode(),
        shape=shape,
        dtype=types.get(tensor.Type(), "unknown"),
        scale=float(quantization.Scale(0)) if channels else None,
        zero_point=int(quantization.ZeroPoint(0)) if channels and quantization.ZeroPointLength() else None,
        channels=channels,
        dynamic=bool((np.asarray(signature) < 0).any() or any(v < 0 for v in shape)),
    )


def _operation(kind: str, sources: list[TensorInfo], results: list[TensorInfo]) -> OpInfo:
    result = results[0]
    weights = sources[1] if kind in _CONVOLUTIONS and len(sources) > 1 else None
    dtype, macs = result.dtype, 0
    if kind in _BORDER:
        dtype = f"{sources[0].dtype} to {result.dtype}"
    if weights is not None:
        # dynamic range: int8 weights, activations that arrive and leave as floats
        if weights.dtype != result.dtype:
            dtype = f"{weights.dtype} weights x {result.dtype}"
        out = math.prod(result.shape)
        per_value = math.prod(weights.shape[1:])  # CONV_2D (out, kh, kw, in), FULLY_CONNECTED (out, in)
        if kind == "DEPTHWISE_CONV_2D":
            per_value = math.prod(weights.shape[1:3])
        macs = out * per_value
    return OpInfo(kind, result.name, dtype, macs, weights)


def _min_runtime(model: Any) -> str:
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        if entry.Name() == b"min_runtime_version":
            raw = model.Buffers(entry.Buffer()).DataAsNumpy()
            return bytes(raw).split(b"\0")[0].decode()
    return ""
