"""Memory that a network's activations take, estimated from the flatbuffer before an interpreter opens the file.

An interpreter computes the shapes anew and ignores those in the file, so that 0.6 MB can become gigabytes: two
constants make one RESIZE up and another down again. The estimate follows the shapes in the same way where constants or
operands give them. An operation whose rule is not known here passes the growth of its inputs on.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence

from poseport.tflite.format.flatbuffer import PlainGraph, graphs

MAX_MB = 512  # the largest shipped network takes 6
MB_OPTION = "POSEPORT_MAX_MODEL_MB"
_MOST_MB = 1_000_000
_BYTES_PER_RESIZED_PIXEL = 4 * 8 + 2 * 4
# No limit allows this many. Larger numbers count as this one: a chain of TILE makes some that no float can hold.
_MOST_VALUES = 2**40
# codes of `BuiltinOperator` in schema.fbs
_CONCATENATION, _CONV_2D, _DEPTHWISE_CONV_2D, _FULLY_CONNECTED = 2, 3, 4, 9
_RESIZE_BILINEAR, _PAD, _PADV2, _TRANSPOSE_CONV, _TILE, _PACK, _FILL = 23, 34, 60, 67, 69, 83, 94
_RESIZE_NEAREST_NEIGHBOR, _MIRROR_PAD, _BROADCAST_TO = 97, 100, 130
# ADD, MUL, SUB, DIV, MAXIMUM, MINIMUM, LESS, GREATER, GREATER_EQUAL, LESS_EQUAL, EQUAL, NOT_EQUAL, POW, LOGICAL_OR,
# LOGICAL_AND, FLOOR_DIV, SQUARED_DIFFERENCE, SELECT_V2
_BROADCASTING = (0, 18, 41, 42, 55, 57, 58, 61, 62, 63, 71, 72, 78, 84, 86, 90, 99, 123)
# DEQUANTIZE, LOGISTIC, RELU, RELU6, TANH, EXP, CAST, NEG, ABS, QUANTIZE, HARD_SWISH
_SAME_SHAPE = (6, 14, 19, 21, 28, 47, 53, 59, 101, 114, 117)

Shape = tuple[int, ...]


def peak_bytes(data: bytes, name: str) -> int:
    """Estimate the memory that the activations of a file take at once, in bytes; of its largest subgraph.

    A tensor counts from the operation that makes it to the last one that reads it. Constants, which lie in the file,
    and most of what a delegate allocates besides do not count.

    Args:
        data: a .tflite file, with or without a tail.
        name: what error messages call it.

    Raises:
        ValueError: if it is not a sound TFLite flatbuffer.
    """
    return max(_peak(graph) for graph in graphs(data, name))


def _peak(graph: PlainGraph) -> int:
    shapes = _shapes(graph)
    sizes = [
        0 if constant else _values(shape) * (width or 4)
        for shape, width, constant in zip(shapes, graph.widths, graph.constant, strict=True)
    ]
    last = {i: at for at, (_, inputs, outputs) in enumerate(graph.ops) for i in (*inputs, *outputs) if i >= 0}
    kept = {*graph.inputs, *graph.outputs}
    counted, live = set(kept), sum(sizes[i] for i in kept)
    peak = live
    for at, (code, inputs, outputs) in enumerate(graph.ops):
        born = {i for i in outputs if i >= 0} - counted
        live += sum(sizes[i] for i in born)
        peak = max(peak, live + _scratch(code, [shapes[i] for i in outputs if i >= 0]))
        counted |= born
        done = {i for i in (*inputs, *outputs) if i in counted and i not in kept and last[i] == at}
        live -= sum(sizes[i] for i in done)
        counted -= done
    return peak


def check(data: bytes, name: str) -> None:
    """Check that a file's activations take no more than `MAX_MB`, or what `POSEPORT_MAX_MODEL_MB` says.

    Raises:
        ValueError: if they take more, or as `peak_bytes`.
    """
    given = os.environ.get(MB_OPTION, "")
    if given and not (given.isascii() and given.isdigit() and len(given) < 8 and 0 < int(given) <= _MOST_MB):
        raise ValueError(f"{MB_OPTION}={given[:40]}: expected a number of megabytes from 1 to {_MOST_MB}")
    limit, needed = int(given or MAX_MB), peak_bytes(data, name)
    if needed > limit * 10**6:
        raise ValueError(
            f"{name}: its activations would take about {needed / 1e6:,.0f} MB; at most {limit:,} MB are allowed "
            f"(set {MB_OPTION} to raise the limit)"
        )


def _scratch(code: int, outputs: Sequence[Shape]) -> int:
    """What the operation itself takes: XNNPACK keeps four addresses and two weights per pixel of a bilinear RESIZE."""
    if code != _RESIZE_BILINEAR:
        return 0
    return min(sum(_values(shape[1:3]) * _BYTES_PER_RESIZED_PIXEL for shape in outputs), _MOST_VALUES)


def _shapes(graph: PlainGraph) -> list[Shape]:
    """The shape of every tensor as the interpreter will make it, as far as this file's constants tell."""
    stated = [tuple(1 if v < 0 else v for v in shape) for shape in graph.shapes]
    real = list(stated)
    for code, inputs, outputs in graph.ops:
        growth = max([1.0, *(_values(real[i]) / max(_values(stated[i]), 1) for i in inputs if i >= 0)])
        made = _made(code, inputs, outputs, real, graph.integers) if len(outputs) == 1 and outputs[0] >= 0 else None
        for i in outputs:
            if i < 0:
                continue
            if made is not None:
                real[i] = tuple(min(v, _MOST_VALUES) for v in made)
            elif growth > 1:
                real[i] = (min(math.ceil(_values(stated[i]) * growth), _MOST_VALUES),)
    return real


def _made(
    code: int,
    inputs: Shape,
    outputs: Shape,
    real: Sequence[Shape],
    values: Sequence[Shape | None],
) -> Shape | None:
    """The shape of an operation's output; None if it is not known here."""
    shapes = [real[i] if i >= 0 else () for i in inputs]
    stored = [values[i] if i >= 0 else None for i in inputs]
    if not shapes:
        return None
    first, stated = shapes[0], real[outputs[0]]
    if code in _SAME_SHAPE:
        return first
    if code in _BROADCASTING:
        longest = max(map(len, shapes))
        padded = [(1,) * (longest - len(shape)) + shape for shape in shapes]
        return tuple(map(max, zip(*padded, strict=True)))
    if code in (_CONCATENATION, _PACK):
        total = sum(map(_values, shapes))
        return stated if _values(stated) == total else (total,)
    if code in (_CONV_2D, _DEPTHWISE_CONV_2D, _FULLY_CONNECTED) and len(shapes) > 1 and shapes[1]:
        filters = shapes[1][-1 if code == _DEPTHWISE_CONV_2D else 0]
        return None if stated[-1:] == (filters,) else (*first[:-1], filters)
    if code in (_FILL, _TRANSPOSE_CONV) and stored[0] is not None:
        return _positive(stored[0])
    if len(shapes) < 2 or stored[1] is None:
        return None
    second = _positive(stored[1])
    if code in (_RESIZE_BILINEAR, _RESIZE_NEAREST_NEIGHBOR) and len(second) == 2:
        return (first[0], *second, first[3]) if len(first) == 4 else (_values(second) * _values(first),)
    if code == _BROADCAST_TO:
        return second
    if code == _TILE and len(second) == len(first):
        return tuple(a * b for a, b in zip(first, second, strict=True))
    if code in (_PAD, _PADV2, _MIRROR_PAD) and len(second) == 2 * len(first):
        return tuple(v + second[2 * i] + second[2 * i + 1] for i, v in enumerate(first))
    return None


def _values(shape: Shape) -> int:
    return min(math.prod(shape), _MOST_VALUES)


def _positive(values: Shape) -> Shape:
    return tuple(max(v, 0) for v in values)
