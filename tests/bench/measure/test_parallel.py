"""Several processes predict as one does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from accuracy_records import recorded

from poseport.bench.measure import accuracy
from poseport.bench.record import Result
from poseport.data.people import People
from poseport.tflite import runner


def test_several_processes_give_the_same_also_for_a_script_without_a_guard(
    tiny_models: dict[str, Path], people: People, measured: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.py"
    script.write_text("raise SystemExit('the script was started again')")
    monkeypatch.setattr(sys.modules["__main__"], "__file__", str(script), raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None, raising=False)
    seen: list[int] = []
    model = runner.load(tiny_models["int8"])
    [found] = accuracy.measure(model, people, processes=2, progress=seen.append)
    assert recorded(found).people == recorded(measured).people
    assert sum(seen) == recorded(found).data.people
