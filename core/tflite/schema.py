"""Reading a .tflite flatbuffer through TFLite's generated schema, after `flatbuffer.verify` found it sound."""

from __future__ import annotations

from typing import Any

import numpy as np

from poseport.tflite.flatbuffer import verify


def open_model(data: bytes, name: str) -> tuple[Any, Any]:
    """Open a flatbuffer that may come from anywhere.

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
    """Names of the tensor types by their numbers: float32, int8, ..."""
    return {v: k.lower() for k, v in vars(schema.TensorType).items() if not k.startswith("_")}


def operator_kinds(schema: Any) -> dict[int, str]:
    """Names of the built-in operations by their numbers: CONV_2D, ADD, ..."""
    return {v: k for k, v in vars(schema.BuiltinOperator).items() if not k.startswith("_")}


def integers(table: Any, field: str) -> tuple[int, ...]:
    """A vector of integers in a table; empty if the field is absent."""
    length = getattr(table, f"{field}Length")()
    return tuple(int(i) for i in getattr(table, f"{field}AsNumpy")()) if length else ()


def text(raw: bytes | None) -> str:
    """A name in a form that can be printed: a file can call its tensors anything."""
    return "".join(c if c.isprintable() else "?" for c in (raw or b"").decode(errors="replace"))


def buffer(model: Any, index: int) -> np.ndarray:
    """Bytes of a constant, (n,) uint8; empty for a tensor that is computed.

    In files of more than 2 GB the bytes lie behind the flatbuffer.
    """
    entry = model.Buffers(index)
    if entry.Offset() > 1:
        return np.frombuffer(model._tab.Bytes, np.uint8, entry.Size(), entry.Offset())
    return entry.DataAsNumpy() if entry.DataLength() else np.zeros(0, np.uint8)
