"""The doctor and `poseport inspect` where no deep-learning framework is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from filled import filled

from poseport.tflite import model_file

BLOCKED = ("tensorflow", "keras", "tf_keras", "tensorflow_model_optimization", "litert_quantizer", "jax", "torch")


def poseport(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a command in a process in which importing a framework fails as if it were not installed."""
    script = (
        f"import sys; sys.modules.update(dict.fromkeys({BLOCKED!r}))\n"
        "from poseport.command.cli import main; main(sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)


@pytest.fixture
def bare(tiny_models: dict[str, Path], tmp_path: Path) -> Path:
    """A file that others could have made: no card inside, no spec beside it."""
    data, _ = model_file.read(tiny_models["int8"])
    path = tmp_path / "theirs.tflite"
    path.write_bytes(data[: data.index(b"PK\x03\x04")])
    return path


def test_a_file_of_others_without_a_spec(bare: Path) -> None:
    done = poseport("inspect", bare, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["macs_by_dtype"].keys() == {"int8"}
    done = poseport("doctor", bare, "--json")
    assert done.returncode == 0, done.stderr
    assert "no-spec" in {finding["id"] for finding in json.loads(done.stdout)["findings"]}


def test_people_are_run_too(tiny_models: dict[str, Path], drawn: Path) -> None:
    done = poseport("doctor", tiny_models["int8"], "--data", drawn, "--count", 8, "--json")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)["unchecked"] == {}


def test_a_network_of_nan_is_named(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    data, card = model_file.read(tiny_models["float32"])
    model_file.write(tmp_path / "nan.tflite", filled(data, float("nan")), card)
    done = poseport("doctor", tmp_path / "nan.tflite", "--data", drawn, "--count", 8, "--json")
    assert done.returncode == 1, done.stderr
    findings = {finding["id"]: finding for finding in json.loads(done.stdout)["findings"]}
    assert findings["not-finite"]["severity"] == findings["nan-output"]["severity"] == "error"
    assert findings["nan-output"]["numbers"]["people"] == 8
    assert "silent-keypoint" not in findings
