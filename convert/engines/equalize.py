"""Equalises the channels of activations in a float file, so that one int8 scale fits all channels of a tensor.

A channel that a convolution gives and others read may be divided by any number above 0 if the readers multiply it
again: with a ReLU or nothing between, the network computes the same (Nagel et al. 2019, "Data-free quantization
through weight equalization and bias correction", section 4.1; here the ranges are measured on people). Kernels have a
scale per output channel, so that the division costs them nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from poseport.convert.graph.float_graph import drop_unused
from poseport.convert.graph.shrink_flatbuffer import pack
from poseport.tflite.format import constants
from poseport.tflite.format.options import options
from poseport.tflite.inspection import Inspection, OpInfo, inspect_bytes
from poseport.tflite.interpreter import Runner

# operations whose result has the channels of their input, each multiplied by what the input's is
_THROUGH = (
    "ADD", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "MAX_POOL_2D", "AVERAGE_POOL_2D", "MEAN", "PAD", "RELU",
)  # fmt: skip
_NONE, _RELU = 0, 1  # fused activations that commute with a factor above 0
# The smallest factor: of channels that hardly say anything, noise would be multiplied.
_LEAST = 2.0**-8


def equalize(flatbuffer: bytes, images: Sequence[np.ndarray], outside: frozenset[str] = frozenset()) -> bytes:
    """Divide the channels of every tensor that allows it, so that their largest values are alike.

    Args:
        flatbuffer: A float32 file.
        images: Input tensors of some people, on whom the channels are measured.
        outside: Names of operations that are not quantized; their tensors stay as they are.

    Returns:
        A float32 file that computes the same.
    """
    flatbuffer = _unshared(flatbuffer)
    inspection = inspect_bytes(flatbuffer, "float32")
    settings = options(flatbuffer, "float32")
    groups = _groups(inspection, [entry.get("FusedActivationFunction", 0) for entry in settings], outside)
    if not groups:
        return flatbuffer
    peaks = _peaks(flatbuffer, images, sorted(tensor for group in groups for tensor in group))
    kernels = {
        i: values.copy() for i, values in enumerate(constants.constants(flatbuffer, "float32")) if values is not None
    }
    for group in groups:
        _scale(inspection, group, np.max([peaks[tensor] for tensor in group], axis=0), kernels)
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    changed = {
        i for op in inspection.ops if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D") for i in op.inputs[1:] if i >= 0
    }
    for tensor in changed:
        model.buffers.append(schema.BufferT())
        model.buffers[-1].data = np.frombuffer(kernels[tensor].astype("<f4").tobytes(), np.uint8)
        model.subgraphs[0].tensors[tensor].buffer = len(model.buffers) - 1
    drop_unused(model)
    return pack(model, 2 * len(flatbuffer))


def _groups(inspection: Inspection, fused: Sequence[int], outside: frozenset[str]) -> list[list[int]]:
    """Sets of tensors whose channels can be divided together."""
    tensors = inspection.tensors
    parent = list(range(len(tensors)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    fixed = {i for i, tensor in enumerate(tensors) if tensor in (*inspection.inputs, *inspection.outputs)}
    for op, activation in zip(inspection.ops, fused, strict=True):
        computed = [i for i in op.inputs if i >= 0 and not tensors[i].constant]
        ends = [*computed, *op.outputs]
        channels = {tensors[i].shape[-1] for i in ends}
        if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D") and op.name not in outside and _is_plain(op, inspection):
            if activation not in (_NONE, _RELU):
                fixed.update(op.outputs)
        elif op.kind in _THROUGH and op.name not in outside and activation in (_NONE, _RELU) and len(channels) == 1:
            if op.kind == "ADD" and len(computed) != 2:
                fixed.update(ends)
            for i in ends[1:]:
                parent[root(i)] = root(ends[0])
        else:
            fixed.update(ends)
    stuck = {root(i) for i in fixed}
    groups: dict[int, list[int]] = {}
    for op in inspection.ops:
        for i in op.outputs:
            if root(i) not in stuck:
                groups.setdefault(root(i), []).append(i)
    return list(groups.values())


def _is_plain(op: OpInfo, inspection: Inspection) -> bool:
    """Whether a convolution has constant weights, and a depthwise one as many channels as its input."""
    own = all(inspection.tensors[i].constant for i in op.inputs[1:] if i >= 0)
    same = inspection.tensors[op.inputs[0]].shape[-1] == inspection.tensors[op.outputs[0]].shape[-1]
    return own and (op.kind == "CONV_2D" or same)


def _unshared(flatbuffer: bytes) -> bytes:
    """The file with a kernel and a bias of its own for each convolution: converters store equal ones once."""
    inspection = inspect_bytes(flatbuffer, "float32")
    model = schema.ModelT.InitFromPackedBuf(flatbuffer, 0)
    graph, taken = model.subgraphs[0], set()
    for operator, op in zip(graph.operators, inspection.ops, strict=True):
        operator.inputs = list(op.inputs)
        for place, tensor in enumerate(op.inputs[1:], 1) if op.kind in ("CONV_2D", "DEPTHWISE_CONV_2D") else ():
            if tensor in taken:
                graph.tensors.append(copy(graph.tensors[tensor]))
                graph.tensors[-1].name += f"_{len(graph.tensors)}".encode()
                operator.inputs[place] = len(graph.tensors) - 1
            taken.add(tensor)
    return pack(model, 2 * len(flatbuffer))


def _peaks(flatbuffer: bytes, images: Sequence[np.ndarray], tensors: Sequence[int]) -> dict[int, np.ndarray]:
    """Largest absolute value of each channel of some tensors."""
    runner = Runner(flatbuffer, "float32", 2, keep=True)
    peaks: dict[int, np.ndarray] = {}
    for image in images:
        runner.invoke(runner.quantize(image))
        for tensor in tensors:
            values = runner.interpreter.get_tensor(tensor)
            largest = np.abs(values).reshape(-1, values.shape[-1]).max(axis=0)
            peaks[tensor] = np.maximum(peaks.get(tensor, 0), largest)
    return peaks


def _scale(inspection: Inspection, group: Sequence[int], peak: np.ndarray, kernels: dict[int, np.ndarray]) -> None:
    """Divide the channels of a group by factors, in the kernels of its writers and readers."""
    writers = [op for op in inspection.ops if op.outputs[0] in group and op.kind.endswith("CONV_2D")]
    readers = [op for op in inspection.ops if op.inputs[0] in group and op.kind.endswith("CONV_2D")]
    if not writers or not readers:
        return
    weight = np.zeros(len(peak))
    for op in readers:
        kernel = np.abs(kernels[op.inputs[1]])
        if op.kind == "CONV_2D":  # (O, h, w, I): relative to its row, which has one scale
            rows = kernel.max(axis=(1, 2, 3), keepdims=True)
            weight = np.maximum(weight, (kernel / np.maximum(rows, 1e-30)).max(axis=(0, 1, 2)))
    # a depthwise reader has a scale per channel, so that the activation decides alone; a full one shares the burden
    factor = peak if not weight.any() else np.sqrt(peak / np.maximum(weight, 1e-3))
    factor = np.maximum(factor / max(factor.max(), 1e-30), _LEAST).astype(np.float32)
    for op in writers:
        for place, tensor in enumerate(op.inputs[1:3]):
            if tensor >= 0:
                first = place == 0 and op.kind == "CONV_2D"
                kernels[tensor] = kernels[tensor] / (factor[:, None, None, None] if first else factor)
    for op in readers:
        kernels[op.inputs[1]] = kernels[op.inputs[1]] * factor
