"""What a .tflite file truly is: read from the flatbuffer, not from its name."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport.tflite.flatbuffer import verify

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")
_BORDER = ("QUANTIZE", "DEQUANTIZE")
_ELEMENTS = ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32")


@dataclass(frozen=True)
class TensorInfo:
    """One tensor.

    channels: how many scales it has (more than one: quantized per channel). constant: the file holds its values.
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

    kind: TFLite's name; CUSTOM:name for one that is not built in. dtype: the type that it computes in, e.g. int8,
    float32, or int8 weights x float32. inputs, outputs: indices into `Inspection.tensors`, -1 an optional input
    that is not given.
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
    """A file's graph, the first where control flow makes it several.

    min_runtime: oldest TFLite that loads it, as the converter noted ("" if it did not).
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
    return inspect_bytes(read_file(path), str(path))


def macs_per_person(stages: Iterable[tuple[Inspection, int]]) -> dict[str, int]:
    """Multiply-adds for one person by the type that they are computed in; of each stage its file, and how often it
    runs (`PoseSpec.crops_per_person`).
    """
    total: Counter[str] = Counter()
    for found, runs in stages:
        total.update({dtype: runs * macs for dtype, macs in found.macs_by_dtype.items()})
    return dict(total)


def inspect_bytes(data: bytes, name: str) -> Inspection:
    """`inspect` of bytes; name is what errors call them."""
    schema, model = _model(data, name)
    graph = model.Subgraphs(0)
    types = {v: k.lower() for k, v in vars(schema.TensorType).items() if not k.startswith("_")}
    kinds = {v: k for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}
    filled = [_buffer(model, i).size > 0 for i in range(model.BuffersLength())]
    tensors = tuple(_tensor(graph.Tensors(i), types, filled) for i in range(graph.TensorsLength()))
    ops = []
    for i in range(graph.OperatorsLength()):
        op = graph.Operators(i)
        code = model.OperatorCodes(op.OpcodeIndex())
        kind = kinds.get(max(code.BuiltinCode(), code.DeprecatedBuiltinCode()), "UNKNOWN")
        if kind == "CUSTOM":
            kind = f"CUSTOM:{_text(code.CustomCode())}"
        outputs = tuple(j for j in _indices(op, "Outputs") if j >= 0)
        ops.append(_operation(kind, code.Version(), _indices(op, "Inputs"), outputs, tensors))
    return Inspection(
        len(data),
        model.SubgraphsLength(),
        tuple(tensors[i] for i in _indices(graph, "Inputs")),
        tuple(tensors[i] for i in _indices(graph, "Outputs")),
        tensors,
        tuple(ops),
        tuple(_text(model.SignatureDefs(i).SignatureKey()) for i in range(model.SignatureDefsLength())),
        _min_runtime(model),
    )


def constants(data: bytes, name: str) -> tuple[np.ndarray | None, ...]:
    """The values of every tensor of `inspect_bytes(data, name).tensors`, views into the file.

    None where they are computed, sparse, or of a type that NumPy does not have (strings, packed 4-bit).
    """
    schema, model = _model(data, name)
    graph = model.Subgraphs(0)
    types = {v: k.lower() for k, v in vars(schema.TensorType).items() if not k.startswith("_")}
    found: list[np.ndarray | None] = []
    for i in range(graph.TensorsLength()):
        tensor = graph.Tensors(i)
        raw, dtype = _buffer(model, tensor.Buffer()), types.get(tensor.Type(), "")
        known = raw.size > 0 and dtype in _ELEMENTS and tensor.Sparsity() is None
        found.append(raw.view(dtype).reshape(_shape(tensor)) if known else None)
    return tuple(found)


def real_constants(data: bytes, name: str) -> tuple[np.ndarray | None, ...]:
    """`constants` as the real numbers that they stand for, float32; None also for integers without a scale.

    Integers are multiplied by their scales, one or one a channel, and a constant behind a DEQUANTIZE (float16
    weights) is what that gives.
    """
    raw, found = constants(data, name), inspect_bytes(data, name)
    graph = _model(data, name)[1].Subgraphs(0)
    real: list[np.ndarray | None] = []
    for i, values in enumerate(raw):
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
    for op in found.ops:
        if op.kind == "DEQUANTIZE":
            real[op.outputs[0]] = real[op.inputs[0]]
    return tuple(real)


def read_file(path: Path) -> bytes:
    """The bytes of a .tflite; ValueError when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror}); expected a .tflite file") from None


def _model(data: bytes, name: str) -> tuple[Any, Any]:
    """The generated schema, and a verified file's root: from here on nothing that is read can leave the file."""
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        raise ValueError("reading a flatbuffer needs ai-edge-litert; run `pip install ai-edge-litert`") from None
    verify(data, name)
    return schema, schema.Model.GetRootAs(data, 0)


def _indices(table: Any, field: str) -> tuple[int, ...]:
    length = getattr(table, f"{field}Length")()
    return tuple(int(i) for i in getattr(table, f"{field}AsNumpy")()) if length else ()


def _shape(tensor: Any) -> tuple[int, ...]:
    return _indices(tensor, "Shape")


def _text(raw: bytes | None) -> str:
    """A name as one may print it: a file can call its tensors anything."""
    return "".join(c if c.isprintable() else "?" for c in (raw or b"").decode(errors="replace"))


def _buffer(model: Any, index: int) -> np.ndarray:
    """Bytes of a constant, uint8; none for what is computed. Beyond 2 GB they lie behind the flatbuffer."""
    buffer = model.Buffers(index)
    if buffer.Offset() > 1:
        return np.frombuffer(model._tab.Bytes, np.uint8, buffer.Size(), buffer.Offset())
    return buffer.DataAsNumpy() if buffer.DataLength() else np.zeros(0, np.uint8)


def _tensor(tensor: Any, types: dict[int, str], filled: list[bool]) -> TensorInfo:
    shape = _shape(tensor)
    quantization = tensor.Quantization()
    channels = quantization.ScaleLength() if quantization else 0
    return TensorInfo(
        name=_text(tensor.Name()),
        shape=shape,
        dtype=types.get(tensor.Type(), "unknown"),
        scale=float(quantization.Scale(0)) if channels else None,
        zero_point=int(quantization.ZeroPoint(0)) if channels and quantization.ZeroPointLength() else None,
        channels=channels,
        dynamic=any(v < 0 for v in (*shape, *_indices(tensor, "ShapeSignature"))),
        constant=filled[tensor.Buffer()],
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
    if kind in _BORDER and sources and sources[0]:
        dtype = f"{sources[0].dtype} to {result.dtype}"
    if weights is not None:
        # dynamic range: int8 weights, activations that arrive and leave as floats
        if weights.dtype != result.dtype:
            dtype = f"{weights.dtype} weights x {result.dtype}"
        macs = _macs(kind, weights.shape, sources, result)
    return OpInfo(kind, version, result.name, dtype, macs, weights, inputs, outputs)


def _macs(kind: str, weights: tuple[int, ...], sources: list[TensorInfo | None], result: TensorInfo) -> int:
    """Multiply-adds of one convolution or dense layer; a dimension that is open counts as 1."""
    out = elements(result.shape)
    if kind == "DEPTHWISE_CONV_2D":
        return out * elements(weights[1:3])  # (1, kh, kw, out)
    if kind == "TRANSPOSE_CONV" and len(sources) > 2 and sources[2]:
        return elements(sources[2].shape) * elements(weights[:3])  # (out, kh, kw, in) on every input value
    return out * elements(weights[1:])  # CONV_2D (out, kh, kw, in), FULLY_CONNECTED (out, in)


def elements(shape: tuple[int, ...]) -> int:
    """How many values a tensor holds; a dimension that is open counts as 1."""
    return math.prod(1 if v < 0 else v for v in shape)


def _min_runtime(model: Any) -> str:
    for i in range(model.MetadataLength()):
        entry = model.Metadata(i)
        if entry.Name() == b"min_runtime_version":
            return _text(_buffer(model, entry.Buffer()).tobytes().split(b"\0")[0][:32])
    return ""
