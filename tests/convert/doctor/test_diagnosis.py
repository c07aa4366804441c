"""All findings on one file: ours, a sick one, public ones, and the command."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from poseport.command.cli import main
from poseport.convert.doctor.diagnosis import diagnose
from poseport.data import coco


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_file_of_ours(recipe: str, tiny_models: dict[str, Path], drawn: Path) -> None:
    diagnosis = diagnose(tiny_models[recipe], coco.load(drawn), count=12, runtime=(2, 16))
    assert diagnosis.card is not None
    assert diagnosis.unchecked == {}
    # random weights find nobody; nothing else may be wrong
    assert {f.id for f in diagnosis.findings if f.severity != "note"} <= {"few-levels", "silent-keypoint"}
    unfed = diagnose(tiny_models[recipe])
    assert set(unfed.unchecked.values()) == {"give --data"}
    assert unfed.count("error") == 0


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["doctor", *map(str, arguments)])
    return result.exit_code, result.output


def test_the_command(files: Callable[[str], bytes], sick: Path, drawn: Path, tmp_path: Path) -> None:
    path = tmp_path / "foreign.tflite"
    path.write_bytes(files("dynamic"))
    code, text = run(path)
    assert code == 0
    assert "warning no-spec: carries no poseport.json" in text
    assert "not checked: dead-channels, the file has no spec" in text
    code, text = run(path, "--runtime", "2.16", "--json")
    assert code == 1
    answer = json.loads(text)
    assert answer["errors"] == 1
    assert answer["runtime"] == "2.17"
    assert [f["id"] for f in answer["findings"]] == ["runtime", "gpu", "no-spec"]
    assert run(path, "--runtime", "2.16", "--quiet") == (1, "")
    code, text = run(sick, "--data", drawn, "--count", 8)
    assert code == 1
    assert "error   silent-keypoint: " in text
    code, text = run(path, "--runtime", "new")
    assert code == 1
    assert text.startswith("Error: --runtime 'new': expected")
    path.write_bytes(files("dynamic")[:1000])
    code, text = run(path)
    assert code == 1
    assert "its flatbuffer is damaged" in text
    assert len(text.strip().splitlines()) == 1


PEERS = Path(os.environ.get("POSEPORT_PEERS", "peers"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("movenet_lightning_int8_4.tflite", {"gpu", "no-spec", "dead-weights", "float-island", "xnnpack"}),
        ("movenet_thunder_fp16.tflite", {"gpu", "no-spec", "xnnpack"}),
        ("edvardhua_hourglass.tflite", {"no-spec"}),
    ],
)
def test_public_models(name: str, expected: set[str]) -> None:
    if not (PEERS / name).is_file():
        pytest.skip(f"{name} is not in the folder POSEPORT_PEERS")
    diagnosis = diagnose(PEERS / name, runtime=(2, 16))
    assert {finding.id for finding in diagnosis.findings} == expected
    assert diagnosis.count("error") == 0
