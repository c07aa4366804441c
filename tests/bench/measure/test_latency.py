"""Timing of a real file: every sample is kept, and the first run and the warm-up are not among them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from poseport.bench import results_folder
from poseport.bench.cli import bench
from poseport.bench.measure import latency, timing
from poseport.bench.record import Latency
from poseport.data import coco
from poseport.tflite.interpreter import Runner


@pytest.mark.parametrize("threads", [1, 2])
def test_every_sample_is_kept(tiny_models: dict[str, Path], threads: int) -> None:
    found = latency.measure(tiny_models["int8"], threads, runs=26)
    m = found.measured
    assert isinstance(m, Latency)
    assert len(m.invoke_us) == 26
    assert all(1 < us < 1e7 for us in m.invoke_us)
    assert m.first_us > 0
    assert m.load_us > 0
    assert m.warmup == timing.WARMUP
    assert found.environment.threads == threads
    assert found.model.name == "tiny.int8"


def test_no_file_in_the_users_folder_is_taken_for_a_module(
    tiny_models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a file of the user')")
    monkeypatch.chdir(tmp_path)
    assert len(latency.measure(tiny_models["int8"], 1, runs=20).measured.invoke_us) == 20


def test_a_slow_file_is_cut_short_but_not_below_ten_in_each_process(tiny_models: dict[str, Path]) -> None:
    m = latency.measure(tiny_models["float32"], 1, runs=100_000, max_seconds=0.0).measured
    assert isinstance(m, Latency)
    assert m.repeats == (10, 10)
    assert len(m.invoke_us) == 20


def test_of_a_cascade_every_crop_is_timed(tiny_cascades: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    invoke = Runner.invoke_all

    def counted(self: Runner, tensor: np.ndarray) -> list[np.ndarray]:
        shapes.append(tensor.shape)
        return invoke(self, tensor)

    monkeypatch.setattr(Runner, "invoke_all", counted)
    timing.timed(timing.Request(str(tiny_cascades["int8"]), 1, True, runs=10, max_seconds=60.0))
    person = [(1, 64, 64, 3), *[(1, 32, 32, 3)] * 17]
    assert shapes == person * (1 + timing.WARMUP + 10)


def test_crop_network_and_decoder_are_timed_apart_in_a_fresh_process(tiny_models: dict[str, Path], drawn: Path) -> None:
    people = coco.load(drawn)
    found = latency.measure(tiny_models["int8"], 1, runs=40, persons=people.persons, name=people.path.name)
    m = found.measured
    assert isinstance(m, Latency)
    assert m.input == people.path.name
    assert len(m.prepare_us) == len(m.decode_us) == len(m.invoke_us) == 40
    whole = m.whole_ms(50)
    assert whole is not None
    assert whole > m.percentile_ms(50)
    assert m.before_bytes is not None
    assert m.peak_bytes is not None
    assert 0 < m.peak_bytes - m.before_bytes < 2e8  # of this process it would be TensorFlow's too


def test_without_the_delegate_is_a_record_of_its_own(tiny_models: dict[str, Path]) -> None:
    found = latency.measure(tiny_models["float32"], 1, xnnpack=False, runs=20)
    assert found.environment.delegate == "none"
    assert results_folder.file_name(found) == "tiny.float32.latency.host.1t.no-delegate.json"


def test_processes_that_disagree_are_not_steady() -> None:
    def of(first: float, second: float) -> Latency:
        return Latency("latency", "", 0, 0, 0, (first,) * 10 + (second,) * 10, repeats=(10, 10))

    assert of(1000, 2000).medians_ms == [1.0, 2.0]
    assert of(1000, 1049).is_steady
    assert not of(1000, 1051).is_steady
    assert not of(1051, 1000).is_steady
    assert replace(of(1000, 2000), repeats=()).is_steady  # of an older version


def test_percentiles_are_milliseconds_of_the_samples(tiny_models: dict[str, Path]) -> None:
    m = latency.measure(tiny_models["float32"], 1, runs=20).measured
    assert isinstance(m, Latency)
    known = replace(
        m, invoke_us=tuple(float(v) for v in np.arange(1000, 2001, 10)), prepare_us=(), decode_us=(), repeats=()
    )
    assert known.percentile_ms(50) == pytest.approx(1.5)
    assert known.percentile_ms(90) == pytest.approx(1.9)


def test_the_command_times_each_file_with_each_thread_count(tiny_models: dict[str, Path], tmp_path: Path) -> None:
    paths = [str(path) for path in tiny_models.values()]
    ran = CliRunner().invoke(
        bench, ["latency", *paths, "--threads", "1,2", "--runs", "20", "--out", str(tmp_path), "--json"]
    )
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)["results"]
    assert [(f["model"], f["threads"]) for f in found] == [
        (f"tiny.{recipe}", threads) for recipe in tiny_models for threads in (1, 2)
    ]
    assert len(list(tmp_path.glob("*.latency.host.*.json"))) == 4


@pytest.mark.parametrize("threads", ["0", "1,two", "-1", ""])
def test_a_thread_count_that_is_none_is_one_line(tiny_models: dict[str, Path], tmp_path: Path, threads: str) -> None:
    model = str(tiny_models["int8"])
    ran = CliRunner().invoke(bench, ["latency", model, "--threads", threads, "--out", str(tmp_path / "out")])
    assert ran.exit_code != 0
    assert "--threads" in ran.output
    assert not (tmp_path / "out").exists()
