"""Checks that a .tflite file is sound, in plain Python: offsets, indices and sizes.

An interpreter is native code, and the generated flatbuffer readers follow any offset in a damaged file, so every
file is checked by `verify` first. The check needs neither a runtime nor its schema (tflite-runtime has none), and its
work is bounded by the file's size: sizes that the file claims are never allocated.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from poseport.tflite.format.table_walker import Damaged, Table, Walker

MARK = b"TFL3"
MAX_RANK = 16
# A 1024 x 1024 map of 64 float32 channels is a quarter of this; a damaged shape soon needs more.
MAX_TENSOR_BYTES = 2**30
# bytes per element by TensorType; for other types (strings, packed 4-bit, handles) the shape does not give the size
_WIDTH = {0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 6: 1, 7: 2, 8: 8, 9: 1, 10: 8, 11: 16, 12: 8, 15: 4, 16: 2, 18: 2}
_INT32 = 2


def verify(data: bytes, name: str) -> None:
    """Check that a file is a TFLite flatbuffer whose parts all lie inside it.

    Every table, vector and string is checked; the indices of tensors, buffers and operation codes; that constants have
    the bytes that their shape and type need; and that no tensor is larger than 1 GiB. The meaning of the numbers (such
    as a stride of 0) is left to the interpreter.

    Args:
        data: a .tflite file, with or without a tail.
        name: what error messages call it.

    Raises:
        ValueError: if the file is not sound.
    """
    graphs(data, name)


@dataclass(frozen=True)
class PlainGraph:
    """What one subgraph says of its shapes.

    Attributes:
        shapes: Shape of each tensor; -1 where a dimension is open.
        widths: Bytes per value of each tensor; 0 if unknown.
        constant: Whether the file holds a tensor's values.
        integers: The values of each constant int32 tensor of at most 64 values; None for other tensors.
        ops: Each operation's code in `BuiltinOperator`, inputs and outputs (indices of tensors; -1 for none).
        inputs, outputs: Indices of the tensors at the ends.
    """

    shapes: list[tuple[int, ...]]
    widths: list[int]
    constant: list[bool]
    integers: list[tuple[int, ...] | None]
    ops: list[tuple[int, tuple[int, ...], tuple[int, ...]]]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def graphs(data: bytes, name: str) -> list[PlainGraph]:
    """Verify a file as `verify` does, and read what its subgraphs say of their shapes.

    Args:
        data: a .tflite file, with or without a tail.
        name: what error messages call it.

    Raises:
        ValueError: if the file is not sound.
    """
    if data[4:8] != MARK:
        raise ValueError(f"{name}: not a TFLite file (no TFL3 mark)")
    try:
        return _check_graph(Walker(data))
    except Damaged as damage:
        raise ValueError(f"{name}: its flatbuffer is damaged ({damage}); convert it or copy it again") from None


def _plain(walk: Walker, graph: Table, codes: list[int], buffers: list[tuple[int, int]]) -> PlainGraph:
    """What a checked subgraph says of its shapes."""
    shapes, widths, constant, integers = [], [], [], []
    for tensor in graph.children.get(0, []):
        kind = walk.value(tensor, 1, 1, signed=True)
        start, size = buffers[walk.value(tensor, 2, 4)]
        shapes.append(walk.ints(tensor.fields.get(0)))
        widths.append(_WIDTH.get(kind, 0))
        constant.append(size > 0)
        short = kind == _INT32 and 0 < size <= 256
        integers.append(struct.unpack_from(f"<{size // 4}i", walk.data, start) if short else None)
    ops = [
        (codes[walk.value(op, 0, 4)], walk.ints(op.fields.get(1)), walk.ints(op.fields.get(2)))
        for op in graph.children.get(3, [])
    ]
    ends = walk.ints(graph.fields.get(1)), walk.ints(graph.fields.get(2))
    return PlainGraph(shapes, widths, constant, integers, ops, *ends)


def _check_graph(walk: Walker) -> list[PlainGraph]:
    """Check the structure first, then the indices."""
    model = walk.table(walk.follow(0), "Model")
    codes, graphs, buffers = (model.children.get(slot, []) for slot in (1, 2, 4))
    if not graphs:
        raise Damaged("it holds no graph")
    constants = [_place(walk, buffer) for buffer in buffers]
    sizes = [size for _, size in constants]
    for graph in graphs:
        tensors = graph.children.get(0, [])
        for tensor in tensors:
            _check_tensor(walk, tensor, sizes)
        for slot in (1, 2):
            _inside(walk.ints(graph.fields.get(slot)), len(tensors), 0)
        for op in graph.children.get(3, []):
            _inside((walk.value(op, 0, 4),), len(codes), 0)
            for slot in (1, 2, 8):
                _inside(walk.ints(op.fields.get(slot)), len(tensors), -1)  # -1: an optional one that is not given
    for entry in model.children.get(6, []):
        _inside((walk.value(entry, 1, 4),), len(buffers), 0)
    for signature in model.children.get(7, []):
        index = walk.value(signature, 4, 4)
        _inside((index,), len(graphs), 0)
        count = len(graphs[index].children.get(0, []))
        for slot in (0, 1):
            _inside((walk.value(entry, 1, 4) for entry in signature.children.get(slot, [])), count, 0)
    walk.budget += 4 * len(walk.data) + 2**16  # for reading shapes and indices a second time
    builtin = [max(walk.value(code, 0, 1), walk.value(code, 3, 4)) for code in codes]
    return [_plain(walk, graph, builtin, constants) for graph in graphs]


def _inside(indices: Iterable[int], count: int, least: int) -> None:
    if any(not least <= index < count for index in indices):
        raise Damaged("an index leads to nothing")


def _place(walk: Walker, buffer: Table) -> tuple[int, int]:
    """(first byte, bytes) of a buffer's constants, inside the flatbuffer or (in files of more than 2 GB) behind it."""
    offset, size = walk.value(buffer, 1, 8), walk.value(buffer, 2, 8)
    if offset > 1:
        if offset + size > len(walk.data):
            raise Damaged("a buffer leaves the file")
        return offset, size
    return walk.span(buffer.fields[0], 1) if 0 in buffer.fields else (0, 0)


def _check_tensor(walk: Walker, tensor: Table, sizes: list[int]) -> None:
    shape = walk.ints(tensor.fields.get(0))
    signature = walk.ints(tensor.fields.get(7))
    if max(len(shape), len(signature)) > MAX_RANK or min((*shape, *signature, 0)) < -1:
        raise Damaged(f"a tensor of shape {list(shape[:MAX_RANK])}")
    index = walk.value(tensor, 2, 4)
    _inside((index,), len(sizes), 0)
    width = _WIDTH.get(walk.value(tensor, 1, 1, signed=True), 0)
    needed = width * math.prod(1 if v < 0 else v for v in shape)
    if needed > MAX_TENSOR_BYTES:
        raise Damaged(f"a tensor of {needed} bytes")
    if sizes[index] and min((*shape, 0)) < 0:
        raise Damaged(f"a constant of open shape {list(shape)}")
    # sparse constants are stored packed
    if width and sizes[index] and sizes[index] != needed and 6 not in tensor.fields:
        raise Damaged(f"a constant of {sizes[index]} bytes whose shape {list(shape)} needs {needed}")
