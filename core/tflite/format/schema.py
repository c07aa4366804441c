"""Read a .tflite flatbuffer through TFLite's generated schema, after `flatbuffer.verify` has found it sound."""

from __future__ import annotations

from typing import Any

import numpy as np

from poseport.tflite.format.flatbuffer import verify


def open_model(data: bytes, name: str) -> tuple[Any, Any]:
    """Open a flatbuffer, which need not come from a trusted source.

    Args:
        data: a .tflite file, with or without a tail.
        name: what error messages call it.

    Returns:
        The module of generated classes, and the root table. No offset of a verified file leaves the file.

    Raises:
        ValueError: if the file is not a sound TFLite flatbuffer, or if ai-edge-litert is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated as schema
    except ImportError:
        raise ValueError("reading a flatbuffer needs ai-edge-litert; run `pip install ai-edge-litert`") from None
    verify(data, name)
    return schema, schema.Model.GetRootAs(data, 0)


def tensor_types(schema: Any) -> dict[int, str]:
    """Map the numbers of tensor types to their names: float32, int8, ...

    Args:
        schema: the module of generated classes.

    Returns:
        Number -> name in lower case.
    """
    return {v: k.lower() for k, v in vars(schema.TensorType).items() if not k.startswith("_")}


def operator_kinds(schema: Any) -> dict[int, str]:
    """Map the numbers of built-in operations to their names: CONV_2D, ADD, ...

    Args:
        schema: the module of generated classes.

    Returns:
        Number -> name.
    """
    return {v: k for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}


def integers(table: Any, field: str) -> tuple[int, ...]:
    """Read a vector of integers in a table.

    Args:
        table: the table.
        field: name of the field in the schema.

    Returns:
        The integers; () if the field is absent.
    """
    length = getattr(table, f"{field}Length")()
    return tuple(int(i) for i in getattr(table, f"{field}AsNumpy")()) if length else ()


def text(raw: bytes | None) -> str:
    """Decode a name in a form that can be printed, because a file can give its tensors any name.

    Args:
        raw: the bytes in the file; None if the field is absent.

    Returns:
        The name; characters that cannot be printed become `?`.
    """
    return "".join(c if c.isprintable() else "?" for c in (raw or b"").decode(errors="replace"))


def buffer(model: Any, index: int) -> np.ndarray:
    """Read the bytes of a constant.

    In files of more than 2 GB the bytes lie behind the flatbuffer.

    Args:
        model: the root table.
        index: index of the buffer.

    Returns:
        (n,) uint8; empty for a tensor that is computed.
    """
    entry = model.Buffers(index)
    if entry.Offset() > 1:
        return np.frombuffer(model._tab.Bytes, np.uint8, entry.Size(), entry.Offset())
    return entry.DataAsNumpy() if entry.DataLength() else np.zeros(0, np.uint8)
