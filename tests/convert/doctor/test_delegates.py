"""The tables of the delegates: real operations, and as many pieces as TFLite makes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from ai_edge_litert import schema_py_generated as schema

from poseport.convert.doctor import delegates
from poseport.convert.doctor.dataflow import read_graph
from poseport.convert.doctor.runtimes import OLDEST
from poseport.tflite import model_file
from poseport.tflite.interpreter import Runner


def test_pieces_are_as_tflite_cuts_them(files: Callable[[str], bytes]) -> None:
    graph = read_graph(files("island"), "island")
    kinds = [op.kind for op in graph.inspection.ops]
    assert kinds == ["CONV_2D", "DEQUANTIZE", "SIN", "QUANTIZE", "CONV_2D"]
    taken = [kind != "SIN" for kind in kinds]
    assert delegates.pieces(graph.inspection, taken, graph.constant) == [[0, 1], [3, 4]]
    # the delegate takes one piece by default: half of the convolutions stay behind
    without_sin = replace(delegates.GPU, ops={k: v for k, v in delegates.GPU.ops.items() if k != "SIN"})
    assert without_sin.refusal(graph.inspection.ops[2], graph.inspection, graph.constant) == "operation"
    assert delegates.GPU.refusal(graph.inspection.ops[2], graph.inspection, graph.constant) is None


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_xnnpack_takes_as_many_pieces_as_the_table_says(recipe: str, tiny_models: dict[str, Path]) -> None:
    data, _ = model_file.read(tiny_models[recipe])
    graph = read_graph(data, recipe)
    taken = [delegates.XNNPACK.refusal(op, graph.inspection, graph.constant) is None for op in graph.inspection.ops]
    assert not all(taken)  # RESIZE_NEAREST_NEIGHBOR
    details = Runner(data, recipe).interpreter._get_ops_details()
    made = sum(op["op_name"] == "DELEGATE" for op in details)
    assert made == len(delegates.pieces(graph.inspection, taken, graph.constant))


def test_every_operation_of_the_tables_exists() -> None:
    known = {name for name in vars(schema.BuiltinOperator) if not name.startswith("_")}
    for delegate in delegates.ALL:
        assert set(delegate.ops) <= known
        assert set(delegate.other_types) <= set(delegate.ops)
    assert set(OLDEST) <= known
    assert sum(len(versions) for versions in OLDEST.values()) > 400
