"""Several processes predict as one does."""

from __future__ import annotations

from pathlib import Path

from accuracy_records import recorded

from poseport.bench.measure import accuracy
from poseport.bench.record import Result
from poseport.data.people import People
from poseport.tflite import runner


def test_several_processes_give_the_same(tiny_models: dict[str, Path], people: People, measured: Result) -> None:
    seen: list[int] = []
    model = runner.load(tiny_models["int8"])
    [found] = accuracy.measure(model, people, processes=2, progress=seen.append)
    assert recorded(found).people == recorded(measured).people
    assert sum(seen) == recorded(found).data.people
