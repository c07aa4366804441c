"""The names that `--runtime` takes, and the script that reads LiteRT's own lists."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from read_litert import differences, oldest, registered

from poseport.command.cli import main
from poseport.convert.doctor.runtimes import LATEST
from poseport.convert.doctor.targets import TARGETS, find_target

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
    versions = [find_target(name).version for name in ("tflite-2.16", "litert-1.4", "litert-2.3")]
    assert versions == [(2, 16), (2, 19), LATEST] == sorted(versions)
    assert find_target("2.16").version == (2, 16)
    assert set(TARGETS) == {"tflite-2.16", "litert-1.4", "litert-2.3", "play-services"}
    with pytest.raises(ValueError, match=r"expected tflite-2.*, play-services, or a TFLite"):
        find_target("litert-9")


@pytest.mark.parametrize("name", [*TARGETS, "2.19"])
def test_the_answer_says_where_the_runtime_was_read_and_when(name: str) -> None:
    target = find_target(name)
    said = printed("doctor", "starter", "--runtime", name)
    version = ".".join(map(str, target.version))
    assert f"  runtime: {target.name} loads what TFLite {version} has ({target.source}, {target.date})" in said
    asked = json.loads(printed("doctor", "starter", "--runtime", name, "--json"))["asked_runtime"]
    assert asked == {"name": target.name, "version": [*target.version], "source": target.source, "date": target.date}
    assert "  runtime: " not in printed("doctor", "starter")


def test_the_page_of_the_doctor_has_the_same_versions_and_dates() -> None:
    page = (Path(__file__).parents[3] / "docs" / "convert" / "doctor.md").read_text()
    for target in TARGETS.values():
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{target.name}` |")]
        assert f"TFLite {'.'.join(map(str, target.version))}" in row
        assert target.date in row


def printed(*words: str) -> str:
    done = CliRunner().invoke(main, words)
    assert done.exit_code in (0, 1), done.output
    return done.stdout


def test_the_script_reads_both_files_and_compares() -> None:
    kernels = registered(REGISTER)
    assert kernels == {"ABS": 5, "HARD_SWISH": 1, "FILL": 3}
    assert oldest(RUNTIMES) == {"ABS": {1: "1.13.0", 2: "2.4.0"}}
    table = {"ABS": ((1, 13), (2, 4), (2, 5), (2, 6), (2, 12)), "FILL": ((1, 13), (2, 3), (2, 5), (2, 12))}
    assert differences(kernels, (2, 5), table) == {"ABS": 5}
    assert differences(kernels, (2, 12), table) == {"FILL": 3}


def test_the_script_says_what_a_checkout_lacks(tmp_path: Path) -> None:
    script = Path(__file__).with_name("read_litert.py")
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    for words, said in (((), "usage: "), ((tmp_path,), f"{tmp_path}: git cannot show HEAD:tflite/")):
        done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 1
        assert said in done.stderr
        assert "Traceback" not in done.stderr
