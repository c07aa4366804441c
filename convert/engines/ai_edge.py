"""Quantization layer by layer, through the AI Edge Quantizer: a float32 flatbuffer -> one of several types.

TFLiteConverter settles ranges by the widest value that any person caused, and quantizes every layer or none. Here
ranges are settled by us, in one pass over the float file, and each operation gets the type it is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poseport.command.quiet import quiet
from poseport.convert import calibration
from poseport.convert.doctor.runtimes import oldest_runtime
from poseport.data.people import Person
from poseport.spec import PoseSpec
from poseport.tflite.inspection import Inspection, OpInfo, inspect_bytes
from poseport.tflite.runner import Runner

Ranges = dict[str, tuple[float, float]]

# Which version of an operation takes integers (schema.fbs, op_version.cc): the quantizer leaves the float one's
# number, by which an old runtime would take a file that it cannot compute.
_INTEGER_VERSION = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "DEQUANTIZE": 2,
    "FULLY_CONNECTED": 4, "LOGISTIC": 2, "MAX_POOL_2D": 2, "MEAN": 2, "MUL": 2, "PAD": 2, "QUANTIZE": 2,
    "RESIZE_BILINEAR": 2, "RESIZE_NEAREST_NEIGHBOR": 2, "SUB": 2, "TRANSPOSE": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Layer:
    """A convolution or dense layer, and what follows it up to the next ones: its addition, pooling or resizing.

    ops: names of the output tensors of its operations. macs: multiply-adds of one inference.
    """

    name: str
    ops: tuple[str, ...]
    macs: int


def layers(found: Inspection) -> tuple[Layer, ...]:
    """The layers of a float file in the order in which they run; every operation is in exactly one."""
    owner: dict[int, int] = {}
    groups: list[list[OpInfo]] = []
    for op in found.ops:
        # an addition belongs to the later of the two that it adds: their sum is quantized when that one is
        before = [owner[i] for i in op.inputs if i in owner]
        if op.weights is not None or not before:
            groups.append([])
            before = [len(groups) - 1]
        groups[max(before)].append(op)
        owner.update(dict.fromkeys(op.outputs, max(before)))
    return tuple(
        Layer(_layer_name(group[0]), tuple(op.name for op in group), sum(op.macs for op in group)) for group in groups
    )


def named(every: Sequence[Layer], names: Sequence[str]) -> tuple[Layer, ...]:
    """Layers by name; ValueError lists those that exist."""
    by_name = {layer.name: layer for layer in every}
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise ValueError(f"there is no layer {unknown[0]!r} to keep; there are {', '.join(by_name)}")
    return tuple(by_name[name] for name in dict.fromkeys(names))


def types(every: Sequence[Layer], kept: Sequence[Layer], dtype: str | None) -> dict[str, str]:
    """What `quantize` takes: int8 everywhere, the kept layers in `dtype`."""
    chosen = {op: "int8" for layer in every for op in layer.ops}
    return chosen | {op: str(dtype) for layer in kept for op in layer.ops}


def _layer_name(op: OpInfo) -> str:
    """What the layer is called in Keras, by the name of its weights."""
    name = op.weights.name if op.weights else op.name
    parts = re.findall(r"/([^/;]+?)(?:_\d+)?/(?:convolution|depthwise|MatMul)", name)
    return str(parts[0]) if parts else name


def settle(
    flatbuffer: bytes,
    spec: PoseSpec,
    persons: Sequence[Person],
    percentile: float,
    boxes_xywh: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
) -> Ranges:
    """The range of every activation of a float file: tensor name -> (lowest, highest).

    Each person has a lowest and a highest value; of these the percentile over people is taken, so that one odd
    photo does not cost everybody a bit of resolution. Input and output keep the widest: a peak is what is looked for.
    """
    runner = Runner(flatbuffer, "float32", threads=2, keep=True)
    found = inspect_bytes(flatbuffer, "float32")
    computed = [i for i, tensor in enumerate(found.tensors) if tensor.dtype == "float32" and not tensor.constant]
    lows, highs = [], []
    for image in calibration.inputs(spec, persons, boxes_xywh):
        low_each, high_each = calibration.extremes(runner, image, computed)
        lows.append(low_each)
        highs.append(high_each)
        if progress is not None:
            progress(1)
    low, high = np.percentile(lows, 100 - percentile, axis=0), np.percentile(highs, percentile, axis=0)
    widest = [found.tensors[i] in (*found.inputs, *found.outputs) for i in computed]
    low, high = np.where(widest, np.min(lows, axis=0), low), np.where(widest, np.max(highs, axis=0), high)
    return {found.tensors[i].name: (float(a), float(b)) for i, a, b in zip(computed, low, high, strict=True)}


def quantize(flatbuffer: bytes, ranges: Ranges, types: Mapping[str, str], io: str) -> bytes:
    """A float file with each operation in its type.

    types: name of an operation's output tensor -> int8, int16 (activations; its weights are int8) or float32;
    an operation that is not named stays float32. io: type of input and output, int8 or float32.
    Raises ValueError when the quantizer is not installed.
    """
    try:
        from litert_quantizer import qtyping, quantizer
    except ImportError:
        raise ValueError(
            "this recipe is made by the AI Edge Quantizer; run `pip install litert-quantizer` or take recipe int8"
        ) from None
    names = qtyping.TFLOperationName
    engine = quantizer.Quantizer(flatbuffer)
    for name, dtype in types.items():
        if dtype != "float32":
            # it matches the names of output tensors, each followed by a semicolon, and says nothing when none does
            bits = {"int8": 8, "int16": 16}[dtype]
            engine.add_static_config(f"^{re.escape(name)};$", names.ALL_SUPPORTED, bits, 8)
    for end in (names.INPUT, names.OUTPUT):  # they bear the names of the tensors, so that the lines above match them
        if io == "float32":
            engine.update_quantization_recipe(".*", end, algorithm_key=quantizer.AlgorithmName.NO_QUANTIZE)
        else:
            engine.add_static_config(".*", end, 8, 8)
    shape = (1, 1, 1, 1)
    settled = {
        name: {"min": np.full(shape, a, np.float32), "max": np.full(shape, b, np.float32)}
        for name, (a, b) in ranges.items()
    }
    with quiet():
        done = engine.quantize(settled, enable_progress_bar=False, enable_progress_report=False)
    return _with_versions(bytes(done.quantized_model))


def _with_versions(flatbuffer: bytes) -> bytes:
    """The same file with the operations' true versions, and the runtime that these need."""
    from ai_edge_litert.tools import flatbuffer_utils

    found = inspect_bytes(flatbuffer, "quantized file")
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    needed: list[tuple[int, ...]] = []
    for op, raw in zip(found.ops, model.subgraphs[0].operators, strict=True):
        code = model.operatorCodes[raw.opcodeIndex]
        if "int" in op.dtype and op.dtype.split()[0] != "float32":
            code.version = max(code.version, _INTEGER_VERSION.get(op.kind, code.version))
        needed.append(oldest_runtime(op.kind, code.version) or ())
    for entry in model.metadata or []:
        if entry.name == b"min_runtime_version":
            text = ".".join(map(str, [*max(needed), 0, 0][:3]))
            model.buffers[entry.buffer].data = np.frombuffer(text.encode().ljust(16, b"\0"), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
