"""The operations that each delegate of a phone supports.

Source: google-ai-edge/LiteRT (Apache-2.0), commit f6745779 of 2026-08-21, read by hand:

    GPU      tflite/tools/versioning/gpu_compatibility.cc (2026-06-22), tflite/delegates/gpu/common/model_builder.cc
    XNNPACK  tflite/delegates/xnnpack/xnnpack_delegate.cc (2026-08-19)

These are the rules on operation, version and type. Rules on shapes and arguments (a fused TANH, a pooling of 1x1) are
not included, so a device may still refuse a part of a file that passes here; what fails here is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from poseport.tflite.inspection import Inspection, OpInfo

_FLOAT = frozenset({"float32", "float16"})
_BYTE = frozenset({"int8", "uint8"})


def _table(text: str) -> dict[str, int | None]:
    """Parse `ADD:2 PACK` into operation -> the highest supported version, None for any."""
    pairs = (word.partition(":") for word in text.split())
    return {name: int(version) if version else None for name, _, version in pairs}


@dataclass(frozen=True)
class Delegate:
    """One delegate.

    Attributes:
        key: Id of its finding.
        name: What messages call it.
        source: The files from which its table was read.
        ops: Operation -> highest supported version; None for any.
        types: The types of tensors, other than constants, that it takes.
        parts: Number of pieces of a graph that it takes by default, the largest ones; None for all.
        rest: What runs the other operations.
        other_types: Operation -> types that it takes instead.
    """

    key: str
    name: str
    source: str
    ops: dict[str, int | None]
    types: frozenset[str]
    parts: int | None
    rest: str
    other_types: dict[str, frozenset[str]] = field(default_factory=dict)

    def refusal(self, op: OpInfo, inspection: Inspection, constant: Sequence[bool]) -> str | None:
        """Find out why the delegate does not take an operation.

        Args:
            op: The operation.
            inspection: The file.
            constant: For every tensor, whether its values are in the file.

        Returns:
            The reason in a few words; None if it takes the operation.
        """
        if op.kind not in self.ops:
            return "operation"
        highest = self.ops[op.kind]
        if highest is not None and op.version > highest:
            return f"version {op.version} of at most {highest}"
        allowed = self.other_types.get(op.kind, self.types)
        flowing = [inspection.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0 and not constant[i]]
        foreign = [t.dtype for t in flowing if t.dtype not in allowed]
        if foreign:
            return f"type {foreign[0]}"
        return "open shape" if any(t.dynamic for t in flowing) else None


GPU = Delegate(
    key="gpu",
    name="the GPU delegate",
    source="tflite/tools/versioning/gpu_compatibility.cc (2026-06-22) and the operation parsers and "
    "GetOpsToReplace of tflite/delegates/gpu/common/model_builder.cc",
    ops=_table("""
        ABS:2 ADD:2 ADD_N:2 AVERAGE_POOL_2D:2 BATCH_MATMUL CAST CONCATENATION:2 CONV_2D:6 COS:2 CUMSUM:1 DENSIFY:1
        DEPTHWISE_CONV_2D:6 DEPTH_TO_SPACE DEQUANTIZE:3 DIV:2 ELU:2 EQUAL:2 EXP:2 FLOOR:2 FLOOR_DIV:2 FLOOR_MOD:2
        FULLY_CONNECTED:9 GATHER:1 GELU:2 GREATER:2 GREATER_EQUAL:2 HARD_SWISH LEAKY_RELU:2 LESS:2 LESS_EQUAL:2 LOG:2
        LOGICAL_AND:2 LOGISTIC:2 LSTM:4 MAXIMUM:2 MAX_POOL_2D:2 MEAN MINIMUM:2 MIRROR_PAD:2 MUL:3 NEG:2 NOT_EQUAL:2
        ONE_HOT:1 PACK PAD:2 PADV2:2 POW:2 PRELU:1 QUANTIZE:2 REDUCE_MAX REDUCE_MIN REDUCE_PROD RELU:2 RELU6:2
        RELU_N1_TO_1:2 RESHAPE:1 RESIZE_BILINEAR:3 RESIZE_NEAREST_NEIGHBOR:3 RSQRT:2 SELECT:1 SELECT_V2:1 SIGN:2 SIN:2
        SLICE:2 SOFTMAX:2 SPACE_TO_DEPTH:2 SPLIT SPLIT_V SQRT:2 SQUARE:2 SQUARED_DIFFERENCE:2 STRIDED_SLICE:4 SUB:2 SUM
        TANH:2 TILE TRANSPOSE:4 TRANSPOSE_CONV:3
    """),
    types=_FLOAT | _BYTE,
    other_types={
        **dict.fromkeys(
            ("EQUAL", "NOT_EQUAL", "GREATER", "GREATER_EQUAL", "LESS", "LESS_EQUAL", "LOGICAL_AND", "SELECT",
             "SELECT_V2"), _FLOAT | _BYTE | {"bool"},
        ),
        "CAST": _FLOAT | {"bool", "int32"},
        "GATHER": _FLOAT | _BYTE | {"int32"},
        "ONE_HOT": _FLOAT | _BYTE | {"int32"},
    },
    parts=1,
    rest="the CPU, with a copy each way",
)  # fmt: skip

_FLOAT_ONLY = (
    "ABS", "AVERAGE_POOL_2D", "CEIL", "COS", "DIV", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LOG",
    "MAXIMUM", "MINIMUM", "NEG", "PRELU", "RELU", "RELU6", "RELU_N1_TO_1", "ROUND", "RSQRT", "SIN", "SOFTMAX", "SQRT",
    "SQUARE", "SQUARED_DIFFERENCE",
)  # fmt: skip

XNNPACK = Delegate(
    key="xnnpack",
    name="XNNPACK",
    source="Subgraph::VisitNode and the checks of types below it in tflite/delegates/xnnpack/xnnpack_delegate.cc "
    "(2026-08-19)",
    ops=_table("""
        ABS ADD AVERAGE_POOL_2D BATCH_MATMUL CEIL CONCATENATION CONV_2D COS DEPTHWISE_CONV_2D DEPTH_TO_SPACE DEQUANTIZE
        DIV ELU EXP EXPAND_DIMS FLOOR FULLY_CONNECTED GELU HARD_SWISH LEAKY_RELU LOG LOGISTIC MAXIMUM MAX_POOL_2D MEAN
        MINIMUM MUL NEG PAD PRELU QUANTIZE REDUCE_MAX REDUCE_MIN RELU RELU6 RELU_N1_TO_1 RESHAPE RESIZE_BILINEAR ROUND
        RSQRT SIN SLICE SOFTMAX SPACE_TO_DEPTH SPLIT SQRT SQUARE SQUARED_DIFFERENCE STRIDED_SLICE SUB SUM TANH
        TRANSPOSE TRANSPOSE_CONV
    """),
    types=_FLOAT | _BYTE,
    other_types=dict.fromkeys(_FLOAT_ONLY, _FLOAT),
    parts=None,
    rest="TFLite's own kernels on the same CPU",
)

ALL = (GPU, XNNPACK)
