"""What a phone measured as records: damaged parts, minutes, sensors."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from poseport.bench import results_folder
from poseport.bench.measure import describe
from poseport.bench.phone.files import Description
from poseport.bench.phone.results import predictions, to_records
from poseport.bench.record import Minute, Result, Sustained
from poseport.bench.report import report
from poseport.data import coco
from poseport.records import read_json
from poseport.tflite import runner


def test_a_damaged_part_is_refused(tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    model, people = runner.load(tiny_models["int8"]), coco.load(drawn)
    persons = [p for p in people.persons if p.num_labelled][:2]
    run_json = Description("m.tflite", "tensors", "CPU", 1, len(persons), 1, 20)
    with pytest.raises(ValueError, match=r"0\.json: is missing"):
        predictions.keypoints(model, run_json, tmp_path, persons)
    part = {"schema": 1, "run": "x", "input_px": [[0.0] * 51] * 2, "invoke_ns": [1, 1]}
    (tmp_path / "0.json").write_text(json.dumps(part))
    size = model.runner.output["shape"].prod()
    (tmp_path / "0.bin").write_bytes(bytes(2 * size - 1))
    with pytest.raises(ValueError, match=r"0\.bin: is cut off"):
        predictions.keypoints(model, run_json, tmp_path, persons)
    (tmp_path / "0.bin").write_bytes(bytes(2 * size))
    assert predictions.keypoints(model, run_json, tmp_path, persons)[0].shape == (2, 17, 3)
    (tmp_path / "0.json").write_text(json.dumps({**part, "input_px": [[0.0] * 51]}))
    with pytest.raises(ValueError, match="1 people, expected 2"):
        predictions.keypoints(model, run_json, tmp_path, persons)
    (tmp_path / "0.json").write_text("{")
    with pytest.raises(ValueError, match="cannot be read"):
        predictions.keypoints(model, run_json, tmp_path, persons)


def test_minutes_are_the_phones_own() -> None:
    def piece(end_s: float, ms: float, count: int) -> dict:
        return {"latency_ns": [int(ms * 1e6)] * count, "after": {"time_ms": int(1e6 + end_s * 1e3)}}

    # 60 s, a pause of 2 s, then 78 s that reach into the third minute, then a pause of minutes
    found = to_records.minutes([piece(60, 100, 600), piece(140, 120, 650), piece(400, 130, 10)])
    assert [m.minute for m in found] == [1, 2, 3, 7]
    assert [len(m.invoke_us) for m in found] == [600, 483, 167, 10]
    assert [m.percentile_ms(50) for m in found] == [100, 120, 120, 130]
    assert found[0].celsius is None


@pytest.mark.parametrize(
    ("medians", "since"), [([5, 5, 5], None), ([5, 6, 5], None), ([5, 5.5, 5.6, 6], 3), ([5, 7], 2), ([5], None)]
)
def test_throttling_begins_where_it_stays(medians: list[float], since: int | None) -> None:
    minutes = tuple(Minute(i, (1000 * ms,), None, None, None) for i, ms in enumerate(medians, 1))
    assert Sustained("sustained", "people", minutes).throttles_from == since


def test_a_report_shows_minute_by_minute(tiny_models: dict[str, Path], tmp_path: Path) -> None:
    model = runner.load(tiny_models["int8"])
    minutes = (Minute(1, (5000.0, 5100.0), 31.2, 90.0, 2400.0), Minute(2, (7000.0, 7100.0), 41.0, 89.0, None))
    measured = Sustained("sustained", "people", minutes)
    environment = replace(describe.host(model), device="A phone (12ab)", delegate="GPU")
    found = Result(describe.model_info(model), environment, measured)
    assert read_json(Result, results_folder.save(found, tmp_path)) == found
    report.write_report([found], tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text()
    assert "minute by minute on A phone (12ab), GPU, 1 thread: throttles from minute 2" in text
    assert "| 2 | 7.05 | 7.09 | 2 | 41 | 89 | — |" in text
    report.write_report([found], tmp_path / "r.csv")
    assert "throttles from minute,2\n" in (tmp_path / "r.csv").read_text()


@pytest.mark.parametrize(
    ("state", "celsius"),
    [
        ({"temperatures": {"a": 41000, "b": 0, "c": 999000}}, 41.0),
        ({"battery": {"temperature_c": 30.5}}, 30.5),
        ({}, None),
    ],
)
def test_the_hottest_plausible_sensor(state: dict, celsius: float | None) -> None:
    assert to_records.celsius(state) == celsius
