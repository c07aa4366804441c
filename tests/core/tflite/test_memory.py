"""Memory that a file would take, said before the interpreter takes it."""

from __future__ import annotations

import re
import struct

import built
import pytest
from ai_edge_litert import schema_py_generated as schema

from poseport.tflite import memory, shipped
from poseport.tflite.interpreter import open_interpreter

BOMBS = built.bombs()


@pytest.mark.parametrize("kind", list(BOMBS))
def test_a_small_file_that_takes_gigabytes_is_refused_unopened(kind: str) -> None:
    data = BOMBS[kind].data()
    assert len(data) < 3000
    with pytest.raises(ValueError, match=r"m: its activations would take about [\d,]+ MB; at most 512 MB") as said:
        open_interpreter(data, "m", 1)
    assert int(re.findall(r"about ([\d,]+)", str(said.value))[0].replace(",", "")) > 512


def test_an_option_raises_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    data = built.Graph().add("TILE", [1, 40, 40, 1]).data()
    assert memory.peak_bytes(data, "m") == 4 * (8 * 8 * 4 + 320 * 320 * 4)
    monkeypatch.setenv("POSEPORT_MAX_MODEL_MB", "1")
    with pytest.raises(ValueError, match=r"about 2 MB; at most 1 MB are allowed \(set POSEPORT_MAX_MODEL_MB"):
        open_interpreter(data, "m", 1)
    monkeypatch.setenv("POSEPORT_MAX_MODEL_MB", "2")
    interpreter, _ = open_interpreter(data, "m", 1)
    assert interpreter.get_output_details()[0]["shape"].tolist() == [1, 320, 320, 4]
    for wrong in ("much", "-1", "0", "9" * 99):
        monkeypatch.setenv("POSEPORT_MAX_MODEL_MB", wrong)
        with pytest.raises(ValueError, match="expected a number of megabytes"):
            open_interpreter(data, "m", 1)


def test_the_estimate_of_a_sound_file_is_that_of_its_shapes() -> None:
    data = shipped.model("starter").read_bytes()
    assert 1e6 < memory.peak_bytes(data, "starter") < 6e6


def test_constants_are_read_where_the_file_says_they_lie() -> None:
    graph = built.Graph().add("TILE", [1, 1, 1, 1])
    behind = len(graph.data({1: (2, 16)}))  # the places take as many bytes whatever they are
    data = graph.data({1: (behind, 16)})
    assert len(data) == behind
    far = data + struct.pack("<4i", 1, 40, 40, 1)
    assert memory.peak_bytes(far, "m") == 4 * (8 * 8 * 4 + 320 * 320 * 4)
    with pytest.raises(ValueError, match="a buffer leaves the file"):
        memory.peak_bytes(far[:-1], "m")


def test_the_codes_are_those_of_the_schema() -> None:
    for name in ("CONCATENATION", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "RESIZE_BILINEAR", "PAD", "PADV2",
                 "TRANSPOSE_CONV", "TILE", "PACK", "FILL", "RESIZE_NEAREST_NEIGHBOR", "MIRROR_PAD",
                 "BROADCAST_TO"):  # fmt: skip
        assert getattr(memory, f"_{name}") == getattr(schema.BuiltinOperator, name)
    names = {getattr(schema.BuiltinOperator, name): name for name in dir(schema.BuiltinOperator) if name[0].isupper()}
    assert {names[code] for code in memory._SAME_SHAPE} == {
        "DEQUANTIZE", "LOGISTIC", "RELU", "RELU6", "TANH", "EXP", "CAST", "NEG", "ABS", "QUANTIZE", "HARD_SWISH",
    }  # fmt: skip
    assert {names[code] for code in memory._BROADCASTING} == {
        "ADD", "MUL", "SUB", "DIV", "MAXIMUM", "MINIMUM", "LESS", "GREATER", "GREATER_EQUAL", "LESS_EQUAL", "EQUAL",
        "NOT_EQUAL", "POW", "LOGICAL_OR", "LOGICAL_AND", "FLOOR_DIV", "SQUARED_DIFFERENCE", "SELECT_V2",
    }  # fmt: skip
