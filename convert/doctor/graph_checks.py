"""Checks of a .tflite that do not run it."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from poseport.convert.doctor.dataflow import SAME_VALUES, Graph
from poseport.convert.doctor.finding import Finding, some, tally
from poseport.tflite.inspection import elements

# Limits of the levels, of 256, that a part of an output keeps; with 16, a sigmoid has steps of 6 %.
FEW_LEVELS, TOO_FEW_LEVELS = 32, 16
# Limit of the largest weight of a channel, of 127 steps; below it a filter keeps three bits.
SQUEEZED_STEPS = 8
_JOINS = ("CONCATENATION", "PACK")


def check_graph(graph: Graph) -> list[Finding]:
    """Check a file for faults that matter on every device.

    Args:
        graph: The file's graph.

    Returns:
        The findings.
    """
    return [finding for check in _CHECKS if (finding := check(graph)) is not None]


def _mixed_ranges(graph: Graph) -> Finding | None:
    """Find parts of different range that are joined under one scale at an output."""
    tensors = graph.inspection.tensors
    places = {id(tensor): i for i, tensor in enumerate(tensors)}
    waiting, seen = [places[id(out)] for out in graph.inspection.outputs], set()
    worst = (256.0, "", "")  # levels, part, output
    while waiting:
        tensor = waiting.pop()
        op = graph.maker.get(tensor)
        if tensor in seen or op is None:
            continue
        seen.add(tensor)
        if op.kind in (*SAME_VALUES, *_JOINS):
            waiting += graph.flowing(op)
        joined = tensors[tensor]
        scale = joined.scale or 0.0
        if op.kind in _JOINS and joined.dtype in ("int8", "uint8") and 0 < scale < math.inf:
            for origin in (tensors[graph.origin.get(part, part)] for part in graph.flowing(op)):
                own = origin.scale or 0.0
                if 0 < own < math.inf:
                    worst = min(worst, (256 * own / scale, origin.name, joined.name))
    levels, part, output = worst
    if levels >= FEW_LEVELS:
        return None
    return Finding(
        "mixed-ranges",
        "error" if levels < TOO_FEW_LEVELS else "warning",
        f"output {some([output])} joins parts of different range under one scale: {some([part])} keeps "
        f"{levels:.1f} of 256 levels",
        "make the parts separate outputs, or bring them to one range (coordinates divided by the input's size)",
        {"levels": round(levels, 2), "part": part, "output": output},
    )


def _dynamic(graph: Graph) -> Finding | None:
    open_ends = [t.name for t in (*graph.inspection.inputs, *graph.inspection.outputs) if t.dynamic]
    inner = [t.name for t in graph.inspection.tensors if t.dynamic]
    if not inner:
        return None
    return Finding(
        "dynamic-shape",
        "error" if open_ends else "warning",
        f"{len(inner)} tensors have an open dimension (-1): {some(open_ends or inner)}; delegates refuse them",
        "convert a function whose input signature has batch 1 and a fixed size",
        {"tensors": len(inner), "inputs_and_outputs": open_ends},
    )


def _float_islands(graph: Graph) -> Finding | None:
    inspection = graph.inspection
    if not any(dtype in inspection.macs_by_dtype for dtype in ("int8", "uint8")):
        return None
    ends = {id(t) for t in (*inspection.inputs, *inspection.outputs)}
    inner = [op for op in inspection.ops if op.kind in ("QUANTIZE", "DEQUANTIZE") and "float" in op.dtype]
    inner = [
        op for op in inner if not any(id(inspection.tensors[i]) in ends for i in (*op.inputs, *op.outputs) if i >= 0)
    ]
    inner = [op for op in inner if not any(graph.constant[i] for i in op.outputs)]
    islands = inspection.float_islands
    if not islands and not inner:
        return None
    macs = sum(op.macs for op in islands)
    share = macs / max(inspection.macs, 1)
    return Finding(
        "float-island",
        "warning" if share >= 0.01 else "note",
        f"{len(islands)} operations compute in float inside an int8 graph ({tally(op.kind for op in islands)}), "
        f"{100 * share:.1f} % of the multiply-adds, with {len(inner)} casts around them",
        "use layers that have int8 kernels, or remove these operations from the network and do them after it",
        {"operations": len(islands), "macs": macs, "macs_share": round(share, 4), "casts": len(inner)},
    )


def _unfolded(graph: Graph) -> Finding | None:
    """Find multiplications and additions of one constant per channel after a convolution."""
    left = []
    for op in graph.inspection.ops:
        sources = graph.flowing(op)
        if op.kind not in ("MUL", "ADD", "SUB") or len(sources) != 1 or len(op.inputs) != 2:
            continue
        other = op.inputs[1] if op.inputs[0] == sources[0] else op.inputs[0]
        size = elements(graph.inspection.tensors[other].shape) if other >= 0 else 0
        if size > 1 and graph.shape(op)[-1:] == (size,) and sources[0] in graph.convolved:
            left.append(op)
    if not left:
        return None
    values = sum(elements(graph.shape(op)) for op in left)
    return Finding(
        "unfolded-norm",
        "warning",
        f"{len(left)} operations are left of batch normalisations ({tally(op.kind for op in left)}): {values:,} values "
        f"are read and written once more; first {some([left[0].name])}",
        "put the normalisation between convolution and activation (conv, norm, ReLU), where it folds into the weights",
        {"operations": len(left), "values": values, "names": [op.name for op in left]},
    )


def _transposes(graph: Graph) -> Finding | None:
    ops = [op for op in graph.inspection.ops if op.kind == "TRANSPOSE" and graph.flowing(op)]
    if not ops:
        return None
    values = sum(elements(graph.shape(op)) for op in ops)
    return Finding(
        "transpose",
        "warning",
        f"{len(ops)} TRANSPOSE move {values:,} values and compute nothing; first {some([ops[0].name])}",
        "build and export the network channels last (NHWC); a converter from NCHW inserts these",
        {"operations": len(ops), "values": values},
    )


def _wide_integers(graph: Graph) -> Finding | None:
    tensors = graph.inspection.tensors
    wide = {i for i, t in enumerate(tensors) if t.dtype in ("int64", "uint64") and not graph.constant[i]}
    if not wide:
        return None
    kinds = [op.kind for op in graph.inspection.ops if not wide.isdisjoint(op.outputs)]
    return Finding(
        "int64",
        "warning",
        f"{len(wide)} tensors of 64-bit integers ({some(tensors[i].name for i in sorted(wide))}), computed by "
        f"{tally(kinds) or 'nothing'}; no delegate takes them",
        "ask for int32 (`output_type=tf.int32` of argmax), or take the maximum after the network",
        {"tensors": len(wide), "operations": len(kinds)},
    )


def _weights(graph: Graph) -> Finding | None:
    """Find filters that are all zero, and filters that keep few steps under one scale for the whole tensor."""
    zero, squeezed, filters, layers = 0, 0, 0, []
    seen: set[int] = set()  # constants that layers share count once
    for op in graph.inspection.ops:
        if op.weights is None:
            continue
        values, stored = graph.stored(op.inputs[1])
        if values is None or values.ndim < 2 or not values.size or values.ctypes.data in seen:
            continue
        seen.add(values.ctypes.data)
        axis = 3 if op.kind == "DEPTHWISE_CONV_2D" and values.ndim == 4 else 0
        whole = values.astype(np.float32) - (stored.zero_point or 0)
        peaks = np.abs(np.moveaxis(whole, axis, 0).reshape(values.shape[axis], -1)).max(axis=1)
        empty = int(np.count_nonzero(peaks == 0))
        bits = stored.dtype in ("int8", "uint8") and stored.channels == 1 and len(peaks) > 1
        few = int(np.count_nonzero((peaks > 0) & (peaks < SQUEEZED_STEPS))) if bits else 0
        zero, squeezed, filters = zero + empty, squeezed + few, filters + len(peaks)
        if empty or few:
            layers.append(op.name)
    if not zero and not squeezed:
        return None
    return Finding(
        "dead-weights",
        "warning" if zero + squeezed >= 0.01 * filters else "note",
        f"of {filters} filters {zero} are all zero and {squeezed} keep fewer than {SQUEEZED_STEPS} of 127 steps under "
        f"their tensor's one scale; in {some(layers)}",
        "train with less weight decay or a smaller width where filters are zero; quantize weights per channel where "
        "they are squeezed",
        {"filters": filters, "zero": zero, "squeezed": squeezed, "layers": layers},
    )


def _not_finite(graph: Graph) -> Finding | None:
    """Find stored values and scales that are NaN or infinite."""
    tensors = graph.inspection.tensors
    wrong = [t.name for t in tensors if t.scale is not None and not math.isfinite(t.scale)]
    for tensor, values in zip(tensors, graph.values, strict=True):
        if values is not None and values.dtype.kind == "f" and not np.isfinite(values).all():
            wrong.append(tensor.name)
    if not wrong:
        return None
    return Finding(
        "not-finite",
        "error",
        f"{len(wrong)} tensors hold values or scales that are NaN or infinite: {some(wrong)}",
        "look for the epoch in which the loss became NaN, train again from the one before, and convert again",
        {"tensors": len(wrong), "names": wrong},
    )


def _control_flow(graph: Graph) -> Finding | None:
    if graph.inspection.subgraphs == 1:
        return None
    return Finding(
        "control-flow",
        "warning",
        f"{graph.inspection.subgraphs} graphs in one file (control flow, or several signatures); only the first was "
        "read",
        "export one function without loops and branches",
        {"graphs": graph.inspection.subgraphs},
    )


_CHECKS: tuple[Callable[[Graph], Finding | None], ...] = (
    _mixed_ranges, _dynamic, _float_islands, _unfolded, _transposes, _wide_integers, _weights, _not_finite,
    _control_flow,
)  # fmt: skip
