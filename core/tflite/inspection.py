"""Read operations, types, sizes and multiply-adds of a .tflite file from its flatbuffer."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from poseport.tflite.format import schema

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_CASTS = ("QUANTIZE", "DEQUANTIZE")


@dataclass(frozen=True)
class TensorInfo:
    """One tensor.

    Attributes:
        name: as the file has it, printable.
        shape: its dimensions; -1 where one is open.
        dtype: TFLite's name of the type in lower case, such as int8.
        scale: scale of the first channel; None if the tensor is not quantized.
        zero_point: zero point of the first channel; None if the tensor is not quantized.
        channels: number of scales; more than one if it is quantized per channel.
        dynamic: whether a dimension is open.
        constant: whether the file holds its values.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float | None
    zero_point: int | None
    channels: int
    dynamic: bool
    constant: bool


@dataclass(frozen=True)
class OpInfo:
    """One operation.

    Attributes:
        kind: TFLite's name, or CUSTOM:name for an operation that is not built in.
        version: version of the operation.
        name: name of its first output.
        dtype: the type that it computes in, such as int8, float32, or "int8 weights x float32".
        macs: multiply-adds of one inference; 0 unless it is a convolution or a dense layer.
        weights: weights of a convolution or a dense layer; None for other operations.
        inputs: indices into `Inspection.tensors`; -1 for an optional input that is not given.
        outputs: indices into `Inspection.tensors`.
    """

    kind: str
    version: int
    name: str
    dtype: str
    macs: int
    weights: TensorInfo | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Inspection:
    """The graph in a file; if control flow splits it into several subgraphs, the first.

    Attributes:
        bytes: size of the file.
        subgraphs: number of subgraphs.
        inputs: the input tensors.
        outputs: the output tensors.
        tensors: all tensors, in the order of the file.
        ops: all operations, in the order of the file.
        signatures: names of the signatures.
        min_runtime: oldest TFLite that loads the file, as the converter noted it; "" if it did not.
    """

    bytes: int
    subgraphs: int
    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]
    tensors: tuple[TensorInfo, ...]
    ops: tuple[OpInfo, ...]
    signatures: tuple[str, ...]
    min_runtime: str

    @property
    def op_counts(self) -> dict[str, int]:
        """Operations by kind, most frequent first."""
        return dict(Counter(op.kind for op in self.ops).most_common())

    @property
    def macs(self) -> int:
        """Multiply-adds of one inference: convolutions and dense layers."""
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
        """Operations that compute in floating point, without casts from and to integers."""
        return tuple(op for op in self.ops if "float" in op.dtype and op.kind not in _CASTS)


def inspect_bytes(data: bytes, name: str) -> Inspection:
    """Inspect a .tflite file.

    Args:
        data: the file, with or without a tail.
        name: what error messages call it.

    Returns:
        The contents of the file.

    Raises:
        ValueError: if it is not a sound TFLite flatbuffer, or if ai-edge-litert is not installed.
    """
    module, model = schema.open_model(data, name)
    graph = model.Subgraphs(0)
    types, kinds = schema.tensor_types(module), schema.operator_kinds(module)
    stored = [schema.buffer(model, i).size > 0 for i in range(model.BuffersLength())]
    tensors = tuple(_tensor(graph.Tensors(i), types, stored) for i in range(graph.TensorsLength()))
    ops = []
    for i in range(graph.OperatorsLength()):
        op = graph.Operators(i)
        code = model.OperatorCodes(op.OpcodeIndex())
        kind = kinds.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "UNKNOWN")
        if kind == "CUSTOM":
            kind = f"CUSTOM:{schema.text(code.CustomCode())}"
        outputs = tuple(j for j in schema.integers(op, "Outputs") if j >= 0)
        ops.append(_operation(kind, code.Version(), schema.integers(op, "Inputs"), outputs, tensors))
    return Inspection(
        len(data),
        model.SubgraphsLength(),
        tuple(tensors[i] for i in schema.integers(graph, "Inputs")),
        tuple(tensors[i] for i in schema.integers(graph, "Outputs")),
        tensors,
        tuple(ops),
        tuple(schema.text(model.SignatureDefs(i).SignatureKey()) for i in range(model.SignatureDefsLength())),
        _min_runtime(model),
    )


def output_names(data: bytes, name: str) -> tuple[str, ...]:
    """Names of a file's outputs: those of its signature, or of the tensors where it has none.

    Args and errors as in `inspect_bytes`.
    """
    _, model = schema.open_model(data, name)
    graph = model.Subgraphs(0)
    signed: dict[int, str] = {}
    for i in range(model.SignatureDefsLength()):
        signature = model.SignatureDefs(i)
        for j in range(signature.OutputsLength()):
            output = signature.Outputs(j)
            signed.setdefault(output.TensorIndex(), schema.text(output.Name()))
    return tuple(signed.get(i) or schema.text(graph.Tensors(i).Name()) for i in schema.integers(graph, "Outputs"))


def macs_per_person(networks: Iterable[tuple[Inspection, int]]) -> dict[str, int]:
    """Add up the multiply-adds that the networks of one file take for one person.

    Args:
        networks: each network with the number of times it runs per person (`PoseSpec.crops_per_person`).

    Returns:
        Multiply-adds by the type that they are computed in.
    """
    total: Counter[str] = Counter()
    for inspection, runs in networks:
        total.update({dtype: runs * macs for dtype, macs in inspection.macs_by_dtype.items()})
    return dict(total)


def elements(shape: tuple[int, ...]) -> int:
    """Number of values in a tensor of a shape.

    Args:
        shape: the dimensions; an open one (-1) counts as 1.
    """
    return math.prod(1 if v < 0 else v for v in shape)


def _tensor(tensor: Any, types: dict[int, str], stored: list[bool]) -> TensorInfo:
    shape = schema.integers(tensor, "Shape")
    quantization = tensor.Quantization()
    channels = quantization.ScaleLength() if quantization else 0
    return TensorInfo(
        name=schema.text(tensor.Name()),
        shape=shape,
        dtype=types.get(tensor.Type(), "unknown"),
        scale=float(quantization.Scale(0)) if channels else None,
        zero_point=int(quantization.ZeroPoint(0)) if channels and quantization.ZeroPointLength() else None,
        channels=channels,
        dynamic=any(v < 0 for v in (*shape, *schema.integers(tensor, "ShapeSignature"))),
        constant=stored[tensor.Buffer()],
    )


def _operation(
    kind: str, version: int, inputs: tuple[int, ...], outputs: tuple[int, ...], tensors: tuple[TensorInfo, ...]
) -> OpInfo:
    sources = [tensors[i] if i >= 0 else None for i in inputs]
    result = tensors[outputs[0]] if outputs else None
    if result is None:  # it writes a variable
        return OpInfo(kind, version, "", "", 0, None, inputs, outputs)
    weights = sources[1] if kind in CONVOLUTIONS and len(sources) > 1 else None
    dtype, macs = result.dtype, 0
    if kind in _CASTS and sources and sources[0]:
        dtype = f"{sources[0].dtype} to {result.dtype}"
    if weights is not None:
        # dynamic range: int8 weights, activations that arrive and leave as floats
        if weights.dtype != result.dtype:
            dtype = f"{weights.dtype} weights x {result.dtype}"
        macs = _macs(kind, weights.shape, sources, result)
    return OpInfo(kind, version, result.name, dtype, macs, weights, inputs, outputs)


def _macs(kind: str, weights: tuple[int, ...], sources: list[TensorInfo | None], result: TensorInfo) -> int:
    """Multiply-adds of one convolution or dense layer; an open dimension counts as 1."""
    out = elements(result.shape)
    if kind == "DEPTHWISE_CONV_2D":
        return out * elements(weights[1:3])  # (1, kh, kw, out)
    if kind == "TRANSPOSE_CONV" and len(sources) > 2 and sources[2]:
        return elements(sources[2].shape) * elements(weights[:3])  # (out, kh, kw, in) on every input value
    return out * elements(weights[1:])  # CONV_2D (out, kh, kw, in), FULLY_CONNECTED (out, in)


def _min_runtime(model: Any) -> str:
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        if entry.Name() == b"min_runtime_version":
            return schema.text(schema.buffer(model, entry.Buffer()).tobytes().split(b"\0")[0][:32])
    return ""
