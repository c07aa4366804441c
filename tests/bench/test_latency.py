"""Timing of a real file: every sample is kept, and the first run and the warm-up are not among them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from poseport.bench import latency
from poseport.bench.cli import bench
from poseport.bench.result import Latency
from poseport.runner import Runner


@pytest.mark.parametrize("threads", [1, 2])
def test_every_sample_is_kept(tiny_models: dict[str, Path], threads: int) -> None:
    found = latency.measure(tiny_models["int8"], threads, runs=25)
    m = found.measured
    assert isinstance(m, Latency)
    assert len(m.invoke_us) == 25
    assert all(1 < us < 1e7 for us in m.invoke_us)
    assert m.first_us > 0
    assert m.load_us > 0
    assert m.warmup == latency.WARMUP
    assert found.environment.threads == threads
    assert found.model.name == "tiny.int8"


def test_a_slow_file_is_cut_short_but_not_below_ten(tiny_models: dict[str, Path]) -> None:
    m = latency.measure(tiny_models["float32"], 1, runs=100_000, max_seconds=0.0).measured
    assert isinstance(m, Latency)
    assert len(m.invoke_us) == 10


def test_of_a_cascade_every_crop_is_timed(tiny_cascades: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    invoke = Runner.invoke

    def counted(self: Runner, tensor: np.ndarray) -> np.ndarray:
        shapes.append(tensor.shape)
        return invoke(self, tensor)

    monkeypatch.setattr(Runner, "invoke", counted)
    latency.measure(tiny_cascades["int8"], 1, runs=10)
    person = [(1, 64, 64, 3), *[(1, 32, 32, 3)] * 17]
    assert shapes == person * (1 + 1 + latency.WARMUP + 10)  # one more, whose estimates place the crops


def test_percentiles_are_milliseconds_of_the_samples(tiny_models: dict[str, Path]) -> None:
    m = latency.measure(tiny_models["float32"], 1, runs=10).measured
    assert isinstance(m, Latency)
    known = replace(m, invoke_us=tuple(float(v) for v in np.arange(1000, 2001, 10)))
    assert latency.percentile_ms(known, 50) == pytest.approx(1.5)
    assert latency.percentile_ms(known, 90) == pytest.approx(1.9)


def test_the_command_times_each_file_with_each_thread_count(tiny_models: dict[str, Path], tmp_path: Path) -> None:
    paths = [str(path) for path in tiny_models.values()]
    ran = CliRunner().invoke(
        bench, ["latency", *paths, "--threads", "1,2", "--runs", "10", "--out", str(tmp_path), "--json"]
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
