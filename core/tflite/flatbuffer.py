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

MARK = b"TFL3"
MAX_RANK = 16
# A 1024 x 1024 map of 64 float32 channels is a quarter of this; a damaged shape soon needs more.
MAX_TENSOR_BYTES = 2**30
# MoveNet has about 2,000. A file may refer to one table many times, and each reference costs memory here.
MAX_TABLES = 2**17

# schema.fbs of TFLite, as far as a reader or an interpreter follows offsets: table -> slot -> what is there.
# A number is the width of a scalar, ("vector", n) holds elements of n bytes, ("tables", T) tables, "options"
# the table of a union.
_SCHEMA: dict[str, dict[int, object]] = {
    "Model": {
        0: 4, 1: ("tables", "OperatorCode"), 2: ("tables", "SubGraph"), 3: "string", 4: ("tables", "Buffer"),
        5: ("vector", 4), 6: ("tables", "Metadata"), 7: ("tables", "SignatureDef"),
    },
    "OperatorCode": {0: 1, 1: "string", 2: 4, 3: 4},
    "SubGraph": {
        0: ("tables", "Tensor"), 1: ("vector", 4), 2: ("vector", 4), 3: ("tables", "Operator"), 4: "string", 5: 4,
    },
    "Tensor": {
        0: ("vector", 4), 1: 1, 2: 4, 3: "string", 4: ("table", "Quantization"), 5: 1, 6: "options",
        7: ("vector", 4), 8: 1, 9: ("tables", "Options"), 10: 4,
    },
    "Quantization": {
        0: ("vector", 4), 1: ("vector", 4), 2: ("vector", 4), 3: ("vector", 8), 4: 1, 5: "options", 6: 4,
    },
    "Operator": {
        0: 4, 1: ("vector", 4), 2: ("vector", 4), 3: 1, 4: "options", 5: ("vector", 1), 6: 1, 7: ("vector", 1),
        8: ("vector", 4), 9: 8, 10: 8, 11: 1, 12: "options", 13: 4,
    },
    "Buffer": {0: ("vector", 1), 1: 8, 2: 8},
    "Metadata": {0: "string", 1: 4},
    "SignatureDef": {0: ("tables", "TensorMap"), 1: ("tables", "TensorMap"), 2: "string", 4: 4},
    "TensorMap": {0: "string", 1: 4},
    "Options": {},  # an operation's own: its table must lie inside the file, its fields mean something else each time
}  # fmt: skip

# bytes per element by TensorType; for other types (strings, packed 4-bit, handles) the shape does not give the size
_WIDTH = {0: 4, 1: 2, 2: 4, 3: 1, 4: 8, 6: 1, 7: 2, 8: 8, 9: 1, 10: 8, 11: 16, 12: 8, 15: 4, 16: 2, 18: 2}
_INT32 = 2


class _Damaged(Exception):
    """The message says in a few words what is wrong with the file."""


@dataclass(frozen=True)
class _Table:
    """One table: where its present fields begin (slot -> position), and the tables below them (slot -> tables)."""

    fields: dict[int, int]
    children: dict[int, list[_Table]]


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
        shapes: Of each tensor; -1 where a dimension is open.
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
        return _check_graph(_Walker(data))
    except _Damaged as damage:
        raise ValueError(f"{name}: its flatbuffer is damaged ({damage}); convert it or copy it again") from None


class _Walker:
    """Reads numbers and tables from bytes; raises `_Damaged` where an offset leaves the file."""

    def __init__(self, data: bytes):
        self.data = data
        # parts may be shared, so their sum may exceed the file; a file that claims far more would take unbounded time
        self.budget = 8 * len(data) + 2**16
        self.tables = 0

    def number(self, position: int, width: int, signed: bool = False) -> int:
        """A little-endian integer."""
        if not 0 <= position <= len(self.data) - width:
            raise _Damaged("an offset leaves the file")
        return int.from_bytes(self.data[position : position + width], "little", signed=signed)

    def follow(self, position: int) -> int:
        """Where the offset stored at a position leads to."""
        return position + self.number(position, 4)

    def span(self, position: int, width: int) -> tuple[int, int]:
        """(first byte, number of elements) of the vector whose offset is stored at a position."""
        start = self.follow(position)
        count = self.number(start, 4)
        if start + 4 + count * width > len(self.data):
            raise _Damaged("a vector is longer than the file")
        self.spend(4 + count * width)
        return start + 4, count

    def spend(self, count: int) -> None:
        """Subtract some bytes of work from the budget."""
        self.budget -= count
        if self.budget < 0:
            raise _Damaged("its parts overlap")

    def ints(self, position: int | None) -> tuple[int, ...]:
        """A vector of int32; an absent one is empty."""
        if position is None:
            return ()
        start, count = self.span(position, 4)
        return struct.unpack_from(f"<{count}i", self.data, start)

    def table(self, position: int, kind: str) -> _Table:
        """A table and everything below it."""
        vtable = position - self.number(position, 4, signed=True)
        size, length = self.number(vtable, 2), self.number(vtable + 2, 2)
        if size < 4 or size % 2 or length < 4 or position + length > len(self.data):
            raise _Damaged(f"no {kind} where one should be")
        self.tables += 1
        if self.tables > MAX_TABLES:
            raise _Damaged(f"more than {MAX_TABLES} tables")
        self.spend(size + length)
        if vtable + size > len(self.data):
            raise _Damaged("an offset leaves the file")
        fields, children = {}, {}
        for slot, what in _SCHEMA[kind].items():
            offset = self.number(vtable + 4 + 2 * slot, 2) if 4 + 2 * slot < size else 0
            if not offset:
                continue
            width = what if isinstance(what, int) else 4
            if offset + width > length:
                raise _Damaged(f"a field of a {kind} leaves it")
            fields[slot] = position + offset
            below = self.below(position + offset, what)
            if below is not None:
                children[slot] = below
        return _Table(fields, children)

    def below(self, position: int, what: object) -> list[_Table] | None:
        """The tables that a field leads to; strings and vectors are measured only."""
        if isinstance(what, int):
            return None
        if what == "string":
            self.span(position, 1)
            return None
        if what == "options":
            return [self.table(self.follow(position), "Options")]
        assert isinstance(what, tuple)
        form, kind = what
        if form == "vector":
            self.span(position, kind)
            return None
        if form == "table":
            return [self.table(self.follow(position), kind)]
        start, count = self.span(position, 4)
        return [self.table(self.follow(start + 4 * i), kind) for i in range(count)]

    def value(self, table: _Table, slot: int, width: int, signed: bool = False) -> int:
        """A scalar field; 0 if it is absent, which is the default of every field that is read here."""
        position = table.fields.get(slot)
        return 0 if position is None else self.number(position, width, signed)


def _plain(walk: _Walker, graph: _Table, codes: list[int], buffers: list[_Table], sizes: list[int]) -> PlainGraph:
    """What a checked subgraph says of its shapes."""
    shapes, widths, constant, integers = [], [], [], []
    for tensor in graph.children.get(0, []):
        kind, index = walk.value(tensor, 1, 1, signed=True), walk.value(tensor, 2, 4)
        short = kind == _INT32 and 0 < sizes[index] <= 256 and 0 in buffers[index].fields
        shapes.append(walk.ints(tensor.fields.get(0)))
        widths.append(_WIDTH.get(kind, 0))
        constant.append(sizes[index] > 0)
        start = walk.span(buffers[index].fields[0], 1)[0] if short else 0
        integers.append(struct.unpack_from(f"<{sizes[index] // 4}i", walk.data, start) if short else None)
    ops = [
        (codes[walk.value(op, 0, 4)], walk.ints(op.fields.get(1)), walk.ints(op.fields.get(2)))
        for op in graph.children.get(3, [])
    ]
    ends = walk.ints(graph.fields.get(1)), walk.ints(graph.fields.get(2))
    return PlainGraph(shapes, widths, constant, integers, ops, *ends)


def _check_graph(walk: _Walker) -> list[PlainGraph]:
    """Check the structure first, then the indices."""
    model = walk.table(walk.follow(0), "Model")
    codes, graphs, buffers = (model.children.get(slot, []) for slot in (1, 2, 4))
    if not graphs:
        raise _Damaged("it holds no graph")
    sizes = [_buffer_bytes(walk, buffer) for buffer in buffers]
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
    return [_plain(walk, graph, builtin, buffers, sizes) for graph in graphs]


def _inside(indices: Iterable[int], count: int, least: int) -> None:
    if any(not least <= index < count for index in indices):
        raise _Damaged("an index leads to nothing")


def _buffer_bytes(walk: _Walker, buffer: _Table) -> int:
    """Bytes of constants in a buffer, inside the flatbuffer or (in files of more than 2 GB) behind it."""
    offset, size = walk.value(buffer, 1, 8), walk.value(buffer, 2, 8)
    if offset > 1:
        if offset + size > len(walk.data):
            raise _Damaged("a buffer leaves the file")
        return size
    return walk.span(buffer.fields[0], 1)[1] if 0 in buffer.fields else 0


def _check_tensor(walk: _Walker, tensor: _Table, sizes: list[int]) -> None:
    shape = walk.ints(tensor.fields.get(0))
    signature = walk.ints(tensor.fields.get(7))
    if max(len(shape), len(signature)) > MAX_RANK or min((*shape, *signature, 0)) < -1:
        raise _Damaged(f"a tensor of shape {list(shape[:MAX_RANK])}")
    index = walk.value(tensor, 2, 4)
    _inside((index,), len(sizes), 0)
    width = _WIDTH.get(walk.value(tensor, 1, 1, signed=True), 0)
    needed = width * math.prod(1 if v < 0 else v for v in shape)
    if needed > MAX_TENSOR_BYTES:
        raise _Damaged(f"a tensor of {needed} bytes")
    if sizes[index] and min((*shape, 0)) < 0:
        raise _Damaged(f"a constant of open shape {list(shape)}")
    # sparse constants are stored packed
    if width and sizes[index] and sizes[index] != needed and 6 not in tensor.fields:
        raise _Damaged(f"a constant of {sizes[index]} bytes whose shape {list(shape)} needs {needed}")
