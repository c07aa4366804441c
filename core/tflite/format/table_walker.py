"""Read the tables, vectors and numbers of a flatbuffer without leaving the file, in plain Python."""

from __future__ import annotations

import struct
from dataclasses import dataclass

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


class Damaged(Exception):
    """The message says in a few words what is wrong with the file."""


@dataclass(frozen=True)
class Table:
    """One table: where its present fields begin (slot -> position), and the tables below them (slot -> tables)."""

    fields: dict[int, int]
    children: dict[int, list[Table]]


class Walker:
    """Reads numbers and tables from bytes; raises `Damaged` where an offset leaves the file."""

    def __init__(self, data: bytes):
        self.data = data
        # parts may be shared, so their sum may exceed the file; a file that claims far more would take unbounded time
        self.budget = 8 * len(data) + 2**16
        self.tables = 0

    def number(self, position: int, width: int, signed: bool = False) -> int:
        """A little-endian integer."""
        if not 0 <= position <= len(self.data) - width:
            raise Damaged("an offset leaves the file")
        return int.from_bytes(self.data[position : position + width], "little", signed=signed)

    def follow(self, position: int) -> int:
        """Where the offset stored at a position leads to."""
        return position + self.number(position, 4)

    def span(self, position: int, width: int) -> tuple[int, int]:
        """(first byte, number of elements) of the vector whose offset is stored at a position."""
        start = self.follow(position)
        count = self.number(start, 4)
        if start + 4 + count * width > len(self.data):
            raise Damaged("a vector is longer than the file")
        self.spend(4 + count * width)
        return start + 4, count

    def spend(self, count: int) -> None:
        """Subtract some bytes of work from the budget."""
        self.budget -= count
        if self.budget < 0:
            raise Damaged("its parts overlap")

    def ints(self, position: int | None) -> tuple[int, ...]:
        """A vector of int32; an absent one is empty."""
        if position is None:
            return ()
        start, count = self.span(position, 4)
        return struct.unpack_from(f"<{count}i", self.data, start)

    def table(self, position: int, kind: str) -> Table:
        """A table and everything below it."""
        vtable = position - self.number(position, 4, signed=True)
        size, length = self.number(vtable, 2), self.number(vtable + 2, 2)
        if size < 4 or size % 2 or length < 4 or position + length > len(self.data):
            raise Damaged(f"no {kind} where one should be")
        self.tables += 1
        if self.tables > MAX_TABLES:
            raise Damaged(f"more than {MAX_TABLES} tables")
        self.spend(size + length)
        if vtable + size > len(self.data):
            raise Damaged("an offset leaves the file")
        fields, children = {}, {}
        for slot, what in _SCHEMA[kind].items():
            offset = self.number(vtable + 4 + 2 * slot, 2) if 4 + 2 * slot < size else 0
            if not offset:
                continue
            width = what if isinstance(what, int) else 4
            if offset + width > length:
                raise Damaged(f"a field of a {kind} leaves it")
            fields[slot] = position + offset
            below = self.below(position + offset, what)
            if below is not None:
                children[slot] = below
        return Table(fields, children)

    def below(self, position: int, what: object) -> list[Table] | None:
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

    def value(self, table: Table, slot: int, width: int, signed: bool = False) -> int:
        """A scalar field; 0 if it is absent, which is the default of every field that is read here."""
        position = table.fields.get(slot)
        return 0 if position is None else self.number(position, width, signed)
