"""Join two flatbuffers into one, in which the second takes the output of the first as its input."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from poseport.convert.graph.shrink_flatbuffer import pack


def join(network: bytes, head: bytes, name: str, outputs: Sequence[str] = ("",)) -> bytes:
    """Make one .tflite that runs `network` and then `head`. The network's operations and constants are not changed.

    Args:
        network: A flatbuffer with one graph and one input.
        head: A flatbuffer with one graph, a float32 input for each of `outputs`, in that order, and one output. A
            DEQUANTIZE is put before it for every output of an integer type.
        name: The output's name in the signature.
        outputs: Names of the network's output tensors that the head reads, as the graph or its signature calls them;
            "" for the only one. Other outputs are left out.

    Returns:
        The joined flatbuffer.

    Raises:
        ValueError: If an output tensor has none of these names.
    """
    model, tail = (schema.ModelT.InitFromPackedBuf(data, 0) for data in (network, head))
    graph, more = model.subgraphs[0], tail.subgraphs[0]
    codes, buffers, tensors = len(model.operatorCodes), len(model.buffers), len(graph.tensors)
    model.operatorCodes += tail.operatorCodes
    model.buffers += tail.buffers
    graph.tensors += more.tensors
    for tensor in more.tensors:
        tensor.buffer += buffers
    for operator in more.operators:
        operator.opcodeIndex += codes
        operator.inputs = [tensors + i if i >= 0 else i for i in operator.inputs]
        operator.outputs = [tensors + i for i in operator.outputs]
    for wanted, reader in zip(outputs, more.inputs, strict=True):
        raw, read = _output(model, wanted), tensors + reader
        if graph.tensors[raw].type == schema.TensorType.FLOAT32:
            for operator in more.operators:
                operator.inputs = [raw if i == read else i for i in operator.inputs]
        else:
            graph.operators.append(_dequantize(model, raw, read))
    graph.operators += more.operators
    graph.outputs = [tensors + i for i in more.outputs]
    for signature in model.signatureDefs or []:
        signature.outputs = signature.outputs[:1]
        signature.outputs[0].name, signature.outputs[0].tensorIndex = name, graph.outputs[0]
    _note_runtime(model, tail)
    return pack(model, len(network) + len(head))


def _output(model: Any, wanted: str) -> int:
    """Number of the output tensor that the graph or a signature calls `wanted`; of the only one for ""."""
    graph = model.subgraphs[0]
    if not wanted and len(graph.outputs) == 1:
        return int(graph.outputs[0])
    named = {graph.tensors[i].name.decode(errors="replace"): int(i) for i in graph.outputs}
    for signature in model.signatureDefs or []:
        for output in signature.outputs:
            named.setdefault(output.name.decode(errors="replace"), int(output.tensorIndex))
    if wanted not in named:
        raise ValueError(f"no output tensor is called {wanted!r}; the network has {', '.join(sorted(named))}")
    return named[wanted]


def _dequantize(model: Any, source: int, result: int) -> Any:
    """Make the operation that converts an integer tensor to float32."""
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.DEQUANTIZE
    # version 3 is the oldest that takes int16, version 2 the oldest that takes int8
    code.version = 3 if model.subgraphs[0].tensors[source].type == schema.TensorType.INT16 else 2
    model.operatorCodes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes) - 1
    operator.inputs, operator.outputs = [source], [result]
    operator.builtinOptionsType = schema.BuiltinOptions.DequantizeOptions
    operator.builtinOptions = schema.DequantizeOptionsT()
    return operator


def _note_runtime(model: Any, tail: Any) -> None:
    """Note the oldest runtime that loads both parts, where the converter noted one for each."""
    noted = [
        one.buffers[entry.buffer]
        for one in (model, tail)
        for entry in one.metadata or []
        if entry.name == b"min_runtime_version"
    ]
    if len(noted) == 2:
        versions = [bytes(buffer.data).rstrip(b"\0") for buffer in noted]
        newest = max(versions, key=lambda version: [int(part) for part in version.split(b".")])
        noted[0].data = list(newest.ljust(16, b"\0"))
