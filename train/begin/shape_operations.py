"""Operations of a .tflite file that move values and do not compute, as nodes of a spec."""

from __future__ import annotations

from itertools import accumulate

from poseport.nodes import JoinNode, PadNode, ReshapeNode, ResizeNode, SliceNode, TransposeNode
from poseport.tflite import inspection
from poseport.train.begin.file_graph import CannotRebuild, Graph, fused_activation


def concatenation(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Channels side by side."""
    rank = len(graph.found.tensors[op.outputs[0]].shape)
    if options.get("Axis", 0) not in (rank - 1, -1):
        raise CannotRebuild("it joins along another axis than the channels")
    inputs = tuple(graph.node_input(j) for j in op.inputs)
    graph.add(JoinNode(inputs, "concat", activation=fused_activation(options)))


def pad(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Zeros around a map."""
    sides = graph.whole_numbers(op, 1)
    if len(sides) != 8 or any(sides[:2] + sides[6:]) or min(sides) < 0:
        raise CannotRebuild("it pads other axes than height and width")
    graph.add(PadNode((graph.node_input(op.inputs[0]),), (sides[2], sides[3]), (sides[4], sides[5])))


def reshape(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Another shape of the same values."""
    graph.add(ReshapeNode((graph.node_input(op.inputs[0]),), graph.found.tensors[op.outputs[0]].shape[1:]))


def transpose(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Another order of the dimensions, the batch first."""
    order = graph.whole_numbers(op, 1)
    if sorted(order) != list(range(len(order))) or order[:1] != (0,):
        raise CannotRebuild("it moves the batch")
    graph.add(TransposeNode((graph.node_input(op.inputs[0]),), order[1:]))


def tile(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Rows or columns repeated along an axis of their own, which is how Keras 3 enlarges to the nearest cell."""
    repeats = graph.whole_numbers(op, 1)
    position = graph.node_input(op.inputs[0])
    before = graph.nodes[position - 1] if position else None
    shape = graph.found.tensors[op.outputs[0]].shape
    for axis, factor in ((2, (max(repeats), 1)), (3, (1, max(repeats)))):
        ones = [1] * 5
        ones[axis] = max(repeats)
        if list(repeats) == ones and isinstance(before, ReshapeNode) and before.shape[axis - 1] == 1:
            graph.add(ReshapeNode(before.inputs, tuple(n for i, n in enumerate(before.shape, 1) if i != axis)))
            graph.add(ResizeNode((len(graph.nodes),), "nearest", factor))
            return graph.add(ReshapeNode((len(graph.nodes),), shape[1:]))
    raise CannotRebuild("it repeats something else than rows or columns")


def strided_slice(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """A part of a tensor, in steps; a dimension that is indexed by one number goes."""
    shape = graph.found.tensors[op.inputs[0]].shape
    begin, end, stride = (list(graph.whole_numbers(op, place)) for place in (1, 2, 3))
    if options.get("EllipsisMask") or options.get("NewAxisMask") or not len(begin) == len(end) == len(stride):
        raise CannotRebuild("it has an ellipsis or a new axis")
    for i, step in enumerate(stride):
        if step < 1:
            raise CannotRebuild("it runs backwards")
        alone = options.get("ShrinkAxisMask", 0) >> i & 1
        begin[i] = 0 if options.get("BeginMask", 0) >> i & 1 else begin[i] % shape[i] if begin[i] < 0 else begin[i]
        to_the_end = options.get("EndMask", 0) >> i & 1 and not alone
        end[i] = shape[i] if to_the_end else begin[i] + 1 if alone else end[i] % shape[i] if end[i] < 0 else end[i]
    rest = shape[len(begin) :]
    _part(graph, op, op.outputs[0], (*begin, *(0 for _ in rest)), (*end, *rest), (*stride, *(1 for _ in rest)))


def part(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """SLICE: a part of a tensor; a size of -1 reaches to the end."""
    shape = graph.found.tensors[op.inputs[0]].shape
    begin, size = graph.whole_numbers(op, 1), graph.whole_numbers(op, 2)
    end = tuple(n if s == -1 else b + s for b, s, n in zip(begin, size, shape, strict=True))
    _part(graph, op, op.outputs[0], begin, end, (1,) * len(shape))


def split(graph: Graph, op: inspection.OpInfo, options: dict[str, int]) -> None:
    """Several parts along one axis, each of which is a node."""
    axis_at, source = (0, op.inputs[1]) if op.kind == "SPLIT" else (2, op.inputs[0])
    shape = graph.found.tensors[source].shape
    (axis,) = graph.whole_numbers(op, axis_at)
    sizes = [graph.found.tensors[out].shape[axis] for out in op.outputs]
    for out, until, size in zip(op.outputs, accumulate(sizes), sizes, strict=True):
        begin, end = [0] * len(shape), list(shape)
        begin[axis], end[axis] = until - size, until
        _part(graph, op, out, tuple(begin), tuple(end), (1,) * len(shape), source)


def _part(
    graph: Graph,
    op: inspection.OpInfo,
    out: int,
    begin: tuple[int, ...],
    end: tuple[int, ...],
    stride: tuple[int, ...],
    source: int | None = None,
) -> None:
    """Add a slice of a tensor, which gives the tensor `out`. begin, end, stride: with the batch."""
    if (begin[0], stride[0]) != (0, 1) or end[0] < 1:
        raise CannotRebuild("it takes a part of the batch")
    given = op.inputs[0] if source is None else source
    graph.add(SliceNode((graph.node_input(given),), begin[1:], end[1:], stride[1:]))
    wanted = graph.found.tensors[out].shape[1:]
    left = tuple(len(range(*ends)) for ends in zip(begin[1:], end[1:], stride[1:], strict=True))
    if left != wanted:
        graph.add(ReshapeNode((len(graph.nodes),), wanted))
    graph.position[out] = len(graph.nodes)
