"""Rewrite the graph of a float .tflite file: weights in float32, a signature, and nothing that is not used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from poseport.convert.graph.shrink_flatbuffer import pack
from poseport.tflite.format import constants
from poseport.tflite.inspection import CONVOLUTIONS, Inspection


def rewritten(data: bytes, name: str, inspection: Inspection, outputs: Mapping[str, int], float_input: bool) -> bytes:
    """The file with weights in float32, and nothing that some of its outputs do not need.

    Args:
        data: The file.
        name: What error messages call it.
        inspection: What is in it.
        outputs: Name in the signature -> index of the output tensor, of those that stay.
        float_input: Whether the input becomes float32.

    Raises:
        ValueError: If the input cannot become float32.
    """
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    _float_weights(model, inspection, constants.real_constants(data, name))
    if float_input:
        _float_input(model, name)
    graph = model.subgraphs[0]
    graph.outputs = list(outputs.values())
    _drop_branches(graph)
    model.signatureDefs = [_signature(graph, model.signatureDefs, list(outputs))]
    drop_unused(model)
    return pack(model, 4 * len(data))


def _float_weights(model: Any, inspection: Inspection, real: tuple[np.ndarray | None, ...]) -> None:
    """Store constants that layers read as float32, and drop the operations that did so at run time."""
    graph = model.subgraphs[0]
    kept = []
    for operator, op in zip(graph.operators, inspection.ops, strict=True):
        if op.kind == "DEQUANTIZE" and real[op.inputs[0]] is not None:
            _store(model, op.outputs[0], real[op.inputs[0]])
            continue
        kept.append(operator)
        for i in op.inputs if op.kind in CONVOLUTIONS else ():
            if i >= 0 and inspection.tensors[i].dtype == "int8" and inspection.tensors[i].constant:
                _store(model, i, real[i])
    graph.operators = kept


def _store(model: Any, tensor: int, values: np.ndarray | None) -> None:
    assert values is not None
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values, "<f4").tobytes(), np.uint8)
    model.buffers.append(buffer)
    entry = model.subgraphs[0].tensors[tensor]
    entry.buffer, entry.type, entry.quantization = len(model.buffers) - 1, schema.TensorType.FLOAT32, None


def _float_input(model: Any, name: str) -> None:
    """Let the graph begin behind the cast of its integer input."""
    graph = model.subgraphs[0]
    (source,) = graph.inputs
    readers = [op for op in graph.operators if source in list(op.inputs)]
    kinds = schema.BuiltinOperator
    code = model.operatorCodes[readers[0].opcodeIndex] if len(readers) == 1 else None
    if code is None or max(code.builtinCode, code.deprecatedBuiltinCode) not in (kinds.CAST, kinds.DEQUANTIZE):
        raise ValueError(f"{name}: does not only cast its input to float; leave its type as it is (--io same)")
    graph.operators = [op for op in graph.operators if op is not readers[0]]
    graph.inputs = [int(readers[0].outputs[0])]


def _drop_branches(graph: Any) -> None:
    """Remove the operations on which no output depends."""
    needed, kept = set(map(int, graph.outputs)), []
    for op in reversed(graph.operators):
        if needed & set(map(int, op.outputs)):
            needed.update(map(int, op.inputs))
            kept.append(op)
    graph.operators = kept[::-1]


def drop_unused(model: Any) -> None:
    """Remove the tensors and buffers that nothing refers to any more."""
    graph = model.subgraphs[0]
    used = {int(i) for op in graph.operators for i in (*op.inputs, *op.outputs)} | {*graph.inputs, *graph.outputs}
    kept = sorted(int(i) for i in used if i >= 0)
    moved = {-1: -1} | {old: new for new, old in enumerate(kept)}
    graph.tensors = [graph.tensors[i] for i in kept]
    for op in graph.operators:
        op.inputs, op.outputs = ([moved[int(i)] for i in ends] for ends in (op.inputs, op.outputs))
        op.intermediates = None
    graph.inputs, graph.outputs = ([moved[int(i)] for i in ends] for ends in (graph.inputs, graph.outputs))
    for signature in model.signatureDefs or []:
        for end in (*signature.inputs, *signature.outputs):
            end.tensorIndex = moved[end.tensorIndex]
    owners = [*graph.tensors, *(model.metadata or [])]
    buffers = [0, *sorted({owner.buffer for owner in owners} - {0})]
    places = {old: new for new, old in enumerate(buffers)}
    for owner in owners:
        owner.buffer = places[owner.buffer]
    model.buffers = [model.buffers[i] for i in buffers]
    model.metadataBuffer = None  # a list of the same buffers that readers of today do not use


def _signature(graph: Any, before: Any, outputs: Sequence[str]) -> Any:
    """The signature of an image and some outputs; the image keeps the name that it had before."""
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    image = before[0].inputs[0].name if before and before[0].inputs else b"image"
    signature.inputs, signature.outputs = [], []
    for entries, names, tensors in (
        (signature.inputs, [image], graph.inputs),
        (signature.outputs, [name.encode() for name in outputs], graph.outputs),
    ):
        for name, tensor in zip(names, tensors, strict=True):
            entries.append(schema.TensorMapT())
            entries[-1].name, entries[-1].tensorIndex = name, int(tensor)
    return signature
