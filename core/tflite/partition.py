"""How a delegate and the CPU's own kernels share a network: predicted from tables, read from an interpreter, or bounded
by the counts that a runtime logs.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from poseport.tflite.delegates import Delegate
from poseport.tflite.inspection import Inspection


@dataclass(frozen=True)
class Partition:
    """The part of a network that a delegate runs. The CPU's own kernels run the rest.

    Attributes:
        operations: Number of operations that depend on the input.
        taken: Number of those that the delegate runs.
        macs_low: Share of the multiply-adds that it runs at least, 0 to 1; of the operations, if the file has no
            multiply-adds.
        macs_high: Share that it runs at most; the same as `macs_low` where the operations are known and not only their
            number.
        pieces: Number of pieces that run one after the other, those of the CPU included; data is copied between them.
    """

    operations: int
    taken: int
    macs_low: float
    macs_high: float
    pieces: int


def stored(inspection: Inspection) -> list[bool]:
    """Find the tensors whose values are in the file, also if a DEQUANTIZE unpacks them.

    Args:
        inspection: The file.

    Returns:
        A flag for every tensor.
    """
    known = [tensor.constant for tensor in inspection.tensors]
    for op in inspection.ops:
        if op.kind == "DEQUANTIZE" and op.inputs and op.inputs[0] >= 0 and known[op.inputs[0]]:
            for i in op.outputs:
                known[i] = True
    return known


def active(inspection: Inspection) -> list[int]:
    """List the operations that depend on the input; the others only unpack constants, which delegates do once.

    Args:
        inspection: The file.

    Returns:
        Indices into `inspection.ops`.
    """
    constant = stored(inspection)
    return [i for i, op in enumerate(inspection.ops) if not op.outputs or not all(constant[t] for t in op.outputs)]


def pieces(inspection: Inspection, taken: Collection[int]) -> list[list[int]]:
    """Divide a graph as TFLite's partitioning does.

    An operation joins the piece of the operations that it depends on if both are taken or both are not. Otherwise it
    begins the next piece; pieces of the two kinds alternate.

    Args:
        inspection: The file.
        taken: Indices of the operations that the delegate takes.

    Returns:
        Indices of the operations of every piece, in the order in which they run.
    """
    running = active(inspection)
    ready: dict[int, int] = {}  # tensor -> step that makes it
    steps: dict[int, list[int]] = {}
    for index in running:
        op = inspection.ops[index]
        step = max((ready.get(i, 0) for i in op.inputs), default=0)
        if (step % 2 == 0) != ((index in taken) == (running[0] in taken)):
            step += 1
        steps.setdefault(step, []).append(index)
        ready.update(dict.fromkeys(op.outputs, step))
    return [members for _, members in sorted(steps.items())]


def of_operations(inspection: Inspection, taken: Collection[int]) -> Partition:
    """Describe which part of a network a delegate runs.

    Args:
        inspection: The file.
        taken: Indices of the operations that the delegate runs.

    Returns:
        The partition.
    """
    running = active(inspection)
    mine = [i for i in running if i in taken]
    share = _share(inspection, running, mine)
    return Partition(len(running), len(mine), share, share, len(pieces(inspection, taken)))


def predict(inspection: Inspection, delegate: Delegate) -> tuple[Partition, dict[int, str]]:
    """Predict what a delegate will run, from the table of its operations.

    Args:
        inspection: The file.
        delegate: The delegate.

    Returns:
        The partition, and for each operation that the delegate refuses the reason.
    """
    constant, running = stored(inspection), active(inspection)
    refused = {i: why for i in running if (why := delegate.refusal(inspection.ops[i], inspection, constant))}
    taken = {i for i in running if i not in refused}
    own = [piece for piece in pieces(inspection, taken) if piece[0] in taken]
    largest = sorted(own, key=len, reverse=True)[: delegate.parts]
    return of_operations(inspection, {i for piece in largest for i in piece}), refused


def read(interpreter: Any, inspection: Inspection) -> Partition:
    """Read from an interpreter what its delegate runs.

    Args:
        interpreter: A TFLite interpreter with allocated tensors.
        inspection: The file that it opened.

    Returns:
        The partition.
    """
    maker = {tensor: i for i, op in enumerate(inspection.ops) for tensor in op.outputs}
    taken: set[int] = set()
    for node in interpreter._get_ops_details():
        if node["op_name"] != "DELEGATE":
            continue
        before, wanted = set(map(int, node["inputs"])), list(map(int, node["outputs"]))
        while wanted:
            tensor = wanted.pop()
            if tensor not in before and (i := maker.get(tensor)) is not None and i not in taken:
                taken.add(i)
                wanted += inspection.ops[i].inputs
    return of_operations(inspection, taken)


def from_counts(inspection: Inspection, taken: int, count_pieces: int, expected: Partition | None) -> Partition:
    """Describe a partition of which a runtime tells the number of operations and pieces, but not which ones.

    Args:
        inspection: The file.
        taken: Number of operations that the delegate took, with or without those that only unpack constants.
        count_pieces: Number of pieces, those of the CPU included.
        expected: What the delegate was predicted to take; if the numbers are the same, so are the operations.

    Returns:
        The partition, with the lowest and highest share of the multiply-adds that so many operations can have.
    """
    running = active(inspection)
    unpacking = len(inspection.ops) - len(running)
    own = max(taken - unpacking, 0) if taken > len(running) else taken
    if own == len(running):
        return Partition(own, own, 1.0, 1.0, 1)
    if expected is not None and (expected.taken, expected.pieces) in ((taken, count_pieces), (own, count_pieces)):
        return expected
    by_macs = sorted(running, key=lambda i: inspection.ops[i].macs)
    low, high = (_share(inspection, running, some) for some in (by_macs[:own], by_macs[len(running) - own :]))
    return Partition(len(running), own, low, high, count_pieces)


def _share(inspection: Inspection, running: Sequence[int], some: Sequence[int]) -> float:
    """Share of some operations in the multiply-adds; in the number of operations, if the file has no multiply-adds."""
    if not inspection.macs:
        return len(some) / max(len(running), 1)
    return sum(inspection.ops[i].macs for i in some) / inspection.macs
