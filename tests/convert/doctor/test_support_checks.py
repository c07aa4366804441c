"""What delegates and runtimes do not run, on small real files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flatbuffers
import pytest
from ai_edge_litert import schema_py_generated as schema
from small_files import found

from poseport.convert.doctor.dataflow import read_graph
from poseport.convert.doctor.runtimes import oldest_runtime, parse_version
from poseport.convert.doctor.support_checks import needed_runtime


def repacked(data: bytes, change: Callable[[Any], None]) -> bytes:
    """A file with something changed in its tables."""
    model = schema.ModelT.InitFromPackedBuf(data, 0)
    change(model)
    builder = flatbuffers.Builder(len(data))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_delegates_say_what_they_leave(files: Callable[[str], bytes]) -> None:
    by_id = found(files("argmax"))
    assert by_id["gpu"].numbers["reasons"] == ["ARG_MAX: operation"]
    assert by_id["xnnpack"].numbers["reasons"] == ["ARG_MAX: operation"]
    assert by_id["gpu"].numbers["outside_macs_share"] == 0.0
    dense = found(files("dynamic"))["gpu"].numbers
    # 256 x 6 of 8 x 8 x 4 x 27 + 256 x 6 multiply-adds
    assert dense["refused_macs_share"] == pytest.approx(1536 / (1536 + 6912), abs=1e-4)
    assert dense["reasons"] == ["FULLY_CONNECTED: version 12 of at most 9"]


def test_a_runtime_that_is_too_old(files: Callable[[str], bytes]) -> None:
    finding = found(files("dynamic"), (2, 16))["runtime"]
    assert finding.severity == "error"
    assert finding.numbers == {"operations": ["FULLY_CONNECTED version 12 (TFLite 2.17)"], "needed": "2.17"}
    assert "runtime" not in found(files("dynamic"), (2, 17))
    assert oldest_runtime("FULLY_CONNECTED", 11) == (2, 15)
    assert oldest_runtime("BROADCAST_TO", 1) is None
    assert parse_version("2.16.1") > parse_version("2.16")
    for wrong in ("2", "two", "2.16.1.0", ""):
        with pytest.raises(ValueError, match="is not a TFLite version"):
            parse_version(wrong)


@pytest.mark.parametrize("name", ["float32", "int8", "dynamic", "mixed", "norm", "argmax"])
def test_the_oldest_runtime_is_the_one_that_the_converter_noted(name: str, files: Callable[[str], bytes]) -> None:
    graph = read_graph(files(name), name).inspection
    noted = tuple(int(part) for part in graph.min_runtime.split("."))
    needed = needed_runtime(graph)
    assert needed is not None
    assert (*needed, 0, 0)[:3] == noted


def test_operations_that_are_not_tflites_own(files: Callable[[str], bytes]) -> None:
    def custom(model: Any) -> None:
        code = model.operatorCodes[0]
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
        code.customCode = "FlexErf\n\x1b[31m"

    finding = found(repacked(files("float32"), custom))["custom-op"]
    assert finding.severity == "error"
    assert finding.numbers["kinds"] == ["CUSTOM:FlexErf??[31m"]  # a name cannot drive the terminal

    def newer(model: Any) -> None:
        model.operatorCodes[0].version = 99

    assert found(repacked(files("float32"), newer), (2, 16))["unknown-version"].severity == "warning"

    def twice(model: Any) -> None:
        model.subgraphs.append(model.subgraphs[0])

    assert found(repacked(files("float32"), twice))["control-flow"].numbers == {"graphs": 2}
