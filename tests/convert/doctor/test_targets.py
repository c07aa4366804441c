"""The names that `--runtime` takes, and the script that reads LiteRT's own lists."""

from __future__ import annotations

import pytest
from read_litert import differences, oldest, registered

from poseport.convert.doctor.runtimes import LATEST
from poseport.convert.doctor.targets import TARGETS, parse_runtime

REGISTER = """
  AddBuiltin(BuiltinOperator_ABS, Register_ABS(), /* min_version = */ 1,
             /* max_version = */ 5);
  AddBuiltin(BuiltinOperator_HARD_SWISH, Register_HARD_SWISH());
  AddBuiltin(BuiltinOperator_FILL, Register_FILL(), 1, 3);
"""
RUNTIMES = """
              {{BuiltinOperator_ABS, 1}, "1.13.0"},
              {{BuiltinOperator_ABS, 2},
               "2.4.0"},
"""


def test_names_and_versions() -> None:
    assert parse_runtime("tflite-2.16") == parse_runtime("2.16") == (2, 16)
    assert parse_runtime("litert-2.3") == LATEST
    assert parse_runtime("tflite-2.16") < parse_runtime("litert-1.4") < parse_runtime("litert-2.3")
    assert set(TARGETS) == {"tflite-2.16", "litert-1.4", "litert-2.3", "play-services"}
    assert all(target.source and target.date for target in TARGETS.values())
    with pytest.raises(ValueError, match=r"expected tflite-2.*, play-services, or a TFLite"):
        parse_runtime("litert-9")


def test_the_script_reads_both_files_and_compares() -> None:
    kernels = registered(REGISTER)
    assert kernels == {"ABS": 5, "HARD_SWISH": 1, "FILL": 3}
    assert oldest(RUNTIMES) == {"ABS": {1: "1.13.0", 2: "2.4.0"}}
    table = {"ABS": ((1, 13), (2, 4), (2, 5), (2, 6), (2, 12)), "FILL": ((1, 13), (2, 3), (2, 5), (2, 12))}
    assert differences(kernels, (2, 5), table) == {"ABS": 5}
    assert differences(kernels, (2, 12), table) == {"FILL": 3}
