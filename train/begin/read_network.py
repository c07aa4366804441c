"""Read the network in a .tflite file, from its image to its output, as nodes for a spec and their weights.

Normalisation at the head of the graph does not become a node: its scale and offset are returned for the spec's mean and
std. Quantized files are read as the real numbers that their integers stand for.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np

from poseport.nodes import Node
from poseport.tflite import inspection
from poseport.tflite.format import constants
from poseport.tflite.format.options import options
from poseport.train.begin import operations
from poseport.train.begin.file_graph import CannotRebuild, Graph


@dataclass(frozen=True, eq=False)
class Network:
    """The network in a file.

    Attributes:
        nodes: Its operations.
        weights: Position of a node (from 1) -> its arrays in Keras's layout.
        input_hw: Height and width of the file's input.
        scale: (3,) factor that the head of the graph applies to each channel.
        offset: (3,) offset that it adds after that.
        output: Name of the tensor that the last node computes.
        output_shape: Its shape without the batch.
    """

    nodes: tuple[Node, ...]
    weights: dict[int, tuple[np.ndarray, ...]]
    input_hw: tuple[int, int]
    scale: np.ndarray
    offset: np.ndarray
    output: str
    output_shape: tuple[int, ...]


def read(data: bytes, name: str, until: str | None = None, output: str = "") -> Network:
    """Follow the graph of a .tflite file from its input to its output, or to the tensor that `until` names.

    Args:
        data: The file.
        name: What error messages call it.
        until: A tensor's name, or a part of it that no other result of an operation has; None for an output.
        output: Name of that output, as the file or its signature calls it; "" for the only one.

    Returns:
        The network.

    Raises:
        ValueError: If the file cannot be read, has several inputs or open shapes, or several outputs without a
            name; if the name is unknown (with the nearest ones); or if an operation cannot be rebuilt (with the tensors
            before it).
    """
    found, settings = inspection.inspect_bytes(data, name), options(data, name)
    graph = Graph(name, found, constants.real_constants(data, name), constants.constants(data, name))
    source, target = _input(graph), _output(graph, data, output) if until is None else _target(graph, until)
    graph.image[source] = (np.ones(3), np.zeros(3))
    for i in _needed(graph, target, source):
        op = found.ops[i]
        try:
            _follow(graph, op, settings[i])
        except (CannotRebuild, LookupError, ArithmeticError, ValueError) as error:
            why = error if isinstance(error, CannotRebuild) else "its inputs or options are not those of its kind"
            raise ValueError(
                f"{name}: {op.kind} (tensor {op.name!r}) cannot be rebuilt: {why}; {_cuts(graph, op)}"
            ) from None
    end = found.tensors[target]
    if target not in graph.position or graph.first is None:
        raise ValueError(f"{name}: tensor {end.name!r} is the image itself; name a later one")
    if graph.position[target] != len(graph.nodes):
        raise ValueError(f"{name}: tensor {end.name!r} is not the last of its graph; name a later one")
    h, w = found.tensors[source].shape[1:3]
    return Network(tuple(graph.nodes), graph.weights, (h, w), *graph.first, end.name, end.shape[1:])


def _input(graph: Graph) -> int:
    """Index of the only input, an image of known size."""
    if len(graph.found.inputs) != 1:
        names = ", ".join(tensor.name for tensor in graph.found.inputs)
        raise ValueError(f"{graph.file}: has {len(graph.found.inputs)} inputs ({names}); expected one, an image")
    tensor = graph.found.inputs[0]
    if tensor.dynamic or len(tensor.shape) != 4 or tensor.shape[0] != 1 or tensor.shape[3] != 3:
        raise ValueError(
            f"{graph.file}: input {tensor.name!r} has shape {list(tensor.shape)}{' or larger' * tensor.dynamic}; "
            "expected (1, height, width, 3), fixed: convert it again with that shape"
        )
    return next(i for i, one in enumerate(graph.found.tensors) if one is tensor)


def _output(graph: Graph, data: bytes, wanted: str) -> int:
    """Index of the output that a spec names, or of the only one for ""."""
    signed = inspection.output_names(data, graph.file)
    fitting = [
        tensor for tensor, name in zip(graph.found.outputs, signed, strict=True) if wanted in ("", name, tensor.name)
    ]
    if len(fitting) != 1:
        names = ", ".join(map(repr, signed))
        many = f"has {len(signed)} outputs ({names}); choose one by --until, or name it in the spec"
        none = f"no output is called {wanted!r}; it has {names}; correct the spec's tensor, or end with --until"
        raise ValueError(f"{graph.file}: {none if wanted else many}")
    return next(i for i, one in enumerate(graph.found.tensors) if one is fitting[0])


def _target(graph: Graph, until: str) -> int:
    """Index of the tensor that the network ends with."""
    tensors = graph.found.tensors
    computed = [j for op in graph.found.ops for j in op.outputs if graph.values[j] is None]
    fitting = [j for j in computed if tensors[j].name == until] or [j for j in computed if until in tensors[j].name]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(repr(tensors[j].name) for j in fitting[:4])
        raise ValueError(f"{graph.file}: {len(fitting)} tensors are called {until!r}, such as {names}; give all of it")
    known = [tensors[j].name for j in computed]
    near = get_close_matches(until, known, 3, 0.3) or known[-3:]
    raise ValueError(f"{graph.file}: no operation gives a tensor {until!r}; near: {', '.join(map(repr, near))}")


def _needed(graph: Graph, target: int, source: int) -> list[int]:
    """Indices of the operations that the target depends on, in the file's order."""
    maker = {j: i for i, op in enumerate(graph.found.ops) for j in op.outputs}
    waiting, needed, seen = [target], set(), {source}
    while waiting:
        tensor = waiting.pop()
        if tensor < 0 or tensor in seen or graph.values[tensor] is not None or graph.whole[tensor] is not None:
            continue
        seen.add(tensor)
        if tensor not in maker:
            raise ValueError(f"{graph.file}: no operation computes tensor {graph.found.tensors[tensor].name!r}")
        needed.add(maker[tensor])
        waiting.extend(graph.found.ops[maker[tensor]].inputs)
    return sorted(needed)


def _cuts(graph: Graph, op: inspection.OpInfo) -> str:
    """Say where the graph can be cut instead: what the operation reads, and the last convolutions of each branch."""
    tensors = graph.found.tensors
    reads = [tensors[j].name for j in op.inputs if j in graph.position]
    ends = [
        f"{one.name!r} {list(tensors[one.outputs[0]].shape)}"
        for one in graph.found.ops
        if one.kind in ("CONV_2D", "FULLY_CONNECTED") and _is_end(graph, one.outputs[0])
    ]
    first = f"cut the graph before it with --until {reads[0]!r}" if reads else "nothing of the network comes before it"
    return f"{first}; the last convolutions are {', '.join(ends[:6])}" if ends else first


def _is_end(graph: Graph, tensor: int) -> bool:
    """Whether no further convolution reads a tensor."""
    waiting, seen = [tensor], set()
    while waiting:
        one = waiting.pop()
        for op in graph.found.ops:
            if one in op.inputs and op.outputs and op.outputs[0] not in seen:
                if op.kind in inspection.CONVOLUTIONS:
                    return False
                seen.add(op.outputs[0])
                waiting.append(op.outputs[0])
    return True


def _follow(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Add one operation: to the image's normalisation, or as a node."""
    one_result = len(op.outputs) == 1 and not (op.kind == "UNPACK" and op.inputs[0] not in graph.image)
    if op.inputs[:1] == () or not (one_result or (op.kind in ("SPLIT", "SPLIT_V") and op.outputs)):
        raise CannotRebuild("it has several results")
    out, computed = op.outputs[0], [j for j in op.inputs if j in graph.position or j in graph.image]
    if len(computed) == 1 and _stays_image(graph, op, computed[0], out):
        return
    if op.kind in operations.SAME:
        graph.position[out] = graph.node_input(computed[0])
        return
    handler = operations.HANDLERS.get(op.kind)
    if handler is None:
        what = "it is none of TFLite's own" if op.kind.startswith("CUSTOM:") else "poseport does not support it"
        raise CannotRebuild(what)
    shape = graph.found.tensors[out].shape
    if not shape or shape[0] != 1 or min(shape) < 1:
        raise CannotRebuild(f"its result has shape {list(shape)}; expected a batch of one and fixed sizes")
    handler(graph, op, options)
    if len(op.outputs) == 1:
        graph.position[out] = len(graph.nodes)


def _stays_image(graph: Graph, op: inspection.OpInfo, source: int, out: int) -> bool:
    """Whether an operation at the head of the graph only scales, shifts or reshapes the image."""
    if source not in graph.image:
        return False
    scale, offset = graph.image[source]
    if op.kind in operations.MATHS:
        scale, offset = operations.shifted(graph, op, scale, offset)
    elif op.kind not in (*operations.SAME, *operations.SHAPES):
        return False
    graph.image[out] = (scale, offset)
    return True
