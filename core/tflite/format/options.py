"""Read the options of each operation of a .tflite file: strides, padding, a fused activation."""

from __future__ import annotations

import struct

from poseport.tflite.format.schema import open_model

_NAMES = (
    "Padding", "StrideW", "StrideH", "DilationWFactor", "DilationHFactor", "FilterWidth", "FilterHeight",
    "FusedActivationFunction", "AlignCorners", "HalfPixelCenters", "Axis", "KeepDims", "KeepNumDims",
    "BeginMask", "EndMask", "EllipsisMask", "NewAxisMask", "ShrinkAxisMask",
)  # fmt: skip


def options(data: bytes, name: str) -> tuple[dict[str, int], ...]:
    """Read the options of every operation that are a number.

    Args:
        data: A .tflite file, with or without a tail.
        name: What error messages call it.

    Returns:
        One dictionary per operation of `inspect_bytes(data, name).ops`, by the schema's names; empty for an operation
        without options.

    Raises:
        ValueError: If the file is damaged.
    """
    schema, model = open_model(data, name)
    tables = {v: k for k, v in vars(schema.BuiltinOptions).items() if not k.startswith("_")}
    graph = model.Subgraphs(0)
    found: list[dict[str, int]] = []
    for i in range(graph.OperatorsLength()):
        op = graph.Operators(i)
        union, kind = op.BuiltinOptions(), tables.get(op.BuiltinOptionsType(), "NONE")
        if union is None or kind == "NONE":
            found.append({})
            continue
        table = getattr(schema, kind)()
        table.Init(union.Bytes, union.Pos)
        try:
            found.append({key: int(getattr(table, key)()) for key in _NAMES if hasattr(table, key)})
        except (struct.error, ValueError, TypeError):
            raise ValueError(f"{name}: the options of operation {i} ({kind}) leave the file; copy it again") from None
    return tuple(found)
