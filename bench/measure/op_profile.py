"""Time every operation of a network.

The interpreters in Python packages cannot profile operations. Therefore each operation is cut out of the flatbuffer
into a separate file and timed alone, on the values that it gets in the whole network. This ignores the cache and the
operations that a delegate fuses; the output shows the sum beside the time of the whole network.
"""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from poseport import pose
from poseport.bench.formatting import plural
from poseport.data.drawn import synth
from poseport.tflite import model_file
from poseport.tflite.inspection import Inspection, inspect_bytes
from poseport.tflite.interpreter import Runner, open_interpreter
from poseport.tflite.runner import Pose, load

RUNS, WARMUP = 50, 5


@dataclass(frozen=True)
class OpTiming:
    """The time of one operation.

    Attributes:
        kind: Kind of operation, as TFLite names it.
        dtype: Type that it computes in.
        layer: Layer of the network that it belongs to.
        name: Name of its output.
        macs: Multiply-adds per person.
        delegate: `XNNPACK` if the delegate ran it, else `none`.
        us: Median microseconds when it runs alone.
    """

    kind: str
    dtype: str
    layer: str
    name: str
    macs: int
    delegate: str
    us: float


@dataclass(frozen=True)
class Profile:
    """All operations of a file in order.

    Attributes:
        file: The file.
        threads: Number of threads of the interpreter.
        whole_us: Median microseconds of the whole network.
        ops: The operations.
    """

    file: str
    threads: int
    whole_us: float
    ops: tuple[OpTiming, ...]

    @property
    def sum_us(self) -> float:
        """Sum of the operations' own times in microseconds."""
        return sum(op.us for op in self.ops)

    def by(self, field: str) -> dict[str, tuple[float, int, int]]:
        """Sum up the operations in groups.

        Args:
            field: What to group by: `layer`, `kind`, `dtype` or `delegate`.

        Returns:
            Group -> microseconds, multiply-adds and number of operations, the slowest group first.
        """
        groups: dict[str, list[OpTiming]] = defaultdict(list)
        for op in self.ops:
            groups[getattr(op, field)].append(op)
        rows = {name: (sum(o.us for o in ops), sum(o.macs for o in ops), len(ops)) for name, ops in groups.items()}
        return dict(sorted(rows.items(), key=lambda row: -row[1][0]))


def profile(path: Path, threads: int = 1, *, xnnpack: bool = True, runs: int = RUNS) -> Profile:
    """Time every operation of a file's first network alone.

    Args:
        path: A converted file.
        threads: Number of threads of the interpreter.
        xnnpack: Whether to use the XNNPACK delegate.
        runs: Number of timed runs per operation.

    Returns:
        The times.

    Raises:
        ValueError: if the file cannot be run.
    """
    model = load(path, threads, xnnpack=xnnpack)
    data = model_file.read_bytes(path)
    inspection = inspect_bytes(data, str(path))
    tensor = _input(model)
    values = _values(data, str(path), tensor, [output.name for output in model.spec.output_tensors])
    for _ in range(WARMUP):
        model.runner.invoke(tensor)
    whole = _median_us(lambda: model.runner.invoke(tensor), runs)
    ops = tuple(_time(data, inspection, i, values, threads, xnnpack, runs) for i in range(len(inspection.ops)))
    return Profile(str(path), threads, whole, ops)


def layer(name: str) -> str:
    """Find the layer of the network that an operation belongs to.

    The converter joins the names of everything that it fused: `net/stack0_in_a_bn_1/add;net/...`. The convolution,
    normalisation and activation of one block count as one layer.

    Args:
        name: Name of the operation's output.

    Returns:
        Name of the layer.
    """
    scopes = name.split(";")[0].split("/")
    name_in_net = re.sub(r"_\d+$", "", scopes[1] if len(scopes) > 1 else scopes[0])
    return re.sub(r"_?(dw)?(conv|bn|relu|add|pool)$", "", name_in_net) or name_in_net


def _input(model: Pose) -> np.ndarray:
    """Input tensor (1, H, W, 3) of a drawn person; random numbers would cause other denormal numbers."""
    image, people = synth.scene(np.random.default_rng(0), (288, 384))
    crops, _ = pose.crops(model.spec, image, np.array([people[0].box_xywh]))
    return model.prepare(crops)[:1]


def _values(data: bytes, name: str, tensor: np.ndarray, outputs: Sequence[str]) -> dict[int, np.ndarray]:
    """The values of every tensor after one inference, by tensor index."""
    runner = Runner(data, name, keep=True, outputs=outputs)
    runner.invoke(tensor)
    values = {}
    for detail in runner.interpreter.get_tensor_details():
        try:
            values[int(detail["index"])] = runner.interpreter.get_tensor(detail["index"])
        except ValueError:  # a temporary without memory
            continue
    return values


def _time(
    data: bytes,
    inspection: Inspection,
    index: int,
    values: dict[int, np.ndarray],
    threads: int,
    xnnpack: bool,
    runs: int,
) -> OpTiming:
    """Time one operation alone."""
    op = inspection.ops[index]
    interpreter, _ = open_interpreter(_alone(data, index), f"{op.kind} {op.name}", threads, xnnpack=xnnpack)
    fed_tensors = [i for i in dict.fromkeys(op.inputs) if i >= 0 and not inspection.tensors[i].constant]
    for detail, i in zip(interpreter.get_input_details(), fed_tensors, strict=True):
        interpreter.set_tensor(detail["index"], values[i])
    for _ in range(WARMUP):
        interpreter.invoke()
    delegated = any(o["op_name"] == "DELEGATE" for o in interpreter._get_ops_details())
    us = _median_us(interpreter.invoke, runs)
    return OpTiming(
        op.kind,
        op.dtype,
        layer(op.name),
        op.name,
        op.macs,
        "XNNPACK" if delegated else "none",
        us,
    )


def _alone(data: bytes, index: int) -> bytes:
    """Make a flatbuffer of one operation of the first graph; its inputs, except constants, become the graph's."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model: Any = schema.ModelT.InitFromPackedBuf(data, 0)
    graph = model.subgraphs[0]
    op = graph.operators[index]
    used_tensors = [int(i) for i in dict.fromkeys([*op.inputs, *op.outputs]) if i >= 0]
    new_index = {old: new for new, old in enumerate(used_tensors)}
    constant = {i for i in used_tensors if model.buffers[graph.tensors[i].buffer].data is not None}
    tensors = [graph.tensors[i] for i in used_tensors]
    model.buffers = [schema.BufferT(), *(model.buffers[t.buffer] for t in tensors)]
    for number, tensor in enumerate(tensors, 1):
        tensor.buffer = number
    model.operatorCodes = [model.operatorCodes[op.opcodeIndex]]
    op.opcodeIndex = 0
    graph.inputs = [new_index[int(i)] for i in dict.fromkeys(op.inputs) if i >= 0 and int(i) not in constant]
    graph.outputs = [new_index[int(i)] for i in op.outputs]
    op.inputs, op.outputs = [new_index.get(int(i), -1) for i in op.inputs], graph.outputs
    graph.tensors, graph.operators = tensors, [op]
    model.subgraphs, model.signatureDefs, model.metadata, model.metadataBuffer = [graph], None, None, None
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def _median_us(work: Any, runs: int) -> float:
    samples = []
    for _ in range(runs):
        start = time.perf_counter_ns()
        work()
        samples.append((time.perf_counter_ns() - start) / 1e3)
    return float(np.median(samples))


def text(found: Profile, every: bool) -> str:
    """Format a profile as the command prints it.

    Args:
        found: The profile.
        every: List every operation; otherwise sum up by layer, kind, type and delegate.

    Returns:
        Lines of text.
    """
    lines = [
        f"{found.file}: {found.whole_us / 1e3:.3f} ms whole, {found.sum_us / 1e3:.3f} ms as the sum of "
        f"{len(found.ops)} operations alone, {plural(found.threads, 'thread')}"
    ]
    if every:
        for op in found.ops:
            lines.append(f"  {op.us:9.1f} us {op.macs:>12,}  {op.kind:<24}{op.dtype:<12}{op.delegate:<9}{op.layer}")
        return "\n".join(lines)
    for field in ("layer", "kind", "dtype", "delegate"):
        lines.append(f"by {field}")
        lines += _rows(found.by(field), found.sum_us)
    return "\n".join(lines)


def _rows(groups: dict[str, tuple[float, int, int]], total: float) -> Sequence[str]:
    return [
        f"  {us:9.1f} us {100 * us / max(total, 1e-9):5.1f} % {macs:>12,} multiply-adds {count:>4} ops  {name}"
        for name, (us, macs, count) in groups.items()
    ]
