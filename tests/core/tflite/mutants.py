"""Networks that pass every check of their bytes and that the interpreter cannot run, made from a shipped one."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from poseport.tflite import model_file, shipped


def graph(name: str = "deeppose") -> tuple[Any, Any]:
    """The shipped network as objects that can be changed, and its card."""
    data, card = model_file.read(shipped.model(name))
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        begin = min(entry.header_offset for entry in archive.infolist())
    return schema.ModelT.InitFromPackedBuf(data[:begin], 0), card


def write(path: Path, model: Any, card: Any) -> Path:
    """The changed network as a converted file whose digest is right."""
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), b"TFL3")
    model_file.write(path, bytes(builder.Output()), card)
    return path


def aborts(path: Path) -> Path:
    """A file on which native code calls `abort()`: an addition writes into the biases of a dense layer."""
    model, card = graph()
    kinds = [code.builtinCode for code in model.operatorCodes]
    operators = model.subgraphs[0].operators
    adds, denses = (
        [op for op in operators if kinds[op.opcodeIndex] == kind]
        for kind in (schema.BuiltinOperator.ADD, schema.BuiltinOperator.FULLY_CONNECTED)
    )
    adds[-1].outputs = [denses[1].inputs[2]]
    return write(path, model, card)


def fails(path: Path) -> Path:
    """A file that loads and whose first inference raises RuntimeError: an operation that nothing feeds."""
    model, card = graph()
    del model.subgraphs[0].operators[3]
    return write(path, model, card)
