"""Every fault that phones have: said in a line, nothing lost, and gone on with."""

from __future__ import annotations

import json
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from commands import bench, plug, records
from standin import StandIn

from poseport.bench.measure import accuracy
from poseport.bench.phone import phones, run
from poseport.bench.phone.results import predictions
from poseport.bench.record import Sustained
from poseport.data import coco
from poseport.tflite import runner


def unplug_early(phone: StandIn) -> None:
    phone.unplug_after = 100_000


def unplug(phone: StandIn) -> None:
    phone.on_part[0] = phone.unplug


def kill(phone: StandIn) -> None:
    phone.on_part[0] = phone.kill


def fill(phone: StandIn) -> None:
    phone.on_part[0] = phone.fill


def lock(phone: StandIn) -> None:
    phone.on_part[1] = phone.lock


def locked(phone: StandIn) -> None:
    phone.lock()


def full(phone: StandIn) -> None:
    phone.fill()


@pytest.mark.parametrize(
    ("fault", "said", "kept"),
    [
        (unplug_early, "is not connected any more; plug the cable in again", 0),
        (unplug, "is not connected any more; plug the cable in again", 0),
        (kill, "the app was ended on the phone", 32),
        (fill, "cannot be written (ENOSPC); free some space on the phone", 32),
        (lock, "its screen was locked while it measured", 60),
        (locked, "its screen is locked; unlock it", 0),
        (full, "is full", 0),
    ],
)
def test_a_fault_loses_nothing(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, fault: Callable, said: str, kept: int
) -> None:
    model = tiny_models["float32"]
    fault(phone)
    text = bench(model, drawn, tmp_path, code=1)
    assert said in text
    assert f"The same command continues from what is here: {kept} of 60 people" in text
    assert not list(tmp_path.glob("*.json"))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("phone/*/*/[0-9]*")}
    assert len([name for name in before if name.endswith(".json")]) == -(-kept // 32)
    phone.locked, phone.space, phone.on_part = False, 10**10, {}
    plug(phone)
    seen = {}
    original = predictions.parts
    with pytest.MonkeyPatch.context() as patch:

        def look(folder: Path, run: object) -> list[tuple[Path, int]]:
            seen.update({name: (folder / name).read_bytes() for name in before})
            return original(folder, run)  # type: ignore[arg-type]

        patch.setattr(predictions, "parts", look)
        bench(model, drawn, tmp_path)
    assert seen == before
    (host,) = accuracy.measure(runner.load(model), coco.load(drawn))
    assert records(tmp_path)["accuracy"].measured.metrics == host.measured.metrics


def test_what_only_the_phone_has_is_fetched_and_what_it_lost_is_given_back(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    model = tiny_models["int8"]
    phone.on_part[0] = phone.unplug
    bench(model, drawn, tmp_path, "--threads", "1,2", code=1)
    phone.kill()  # it went on without the cable; not to the end
    (there,) = phone.runs()
    measured = (there / "0.json").read_bytes()
    plug(phone)
    phone.on_part[1] = phone.kill  # another setting in between, cut as well
    bench(model, drawn, tmp_path, "--threads", "2", code=1)
    assert measured in [path.read_bytes() for path in tmp_path.glob("phone/*/*/0.json")]
    shutil.rmtree(there)
    bench(model, drawn, tmp_path, "--threads", "1,2")
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_ctrl_c_keeps_what_was_measured(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    def interrupt() -> None:
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        time.sleep(1.0)

    phone.on_part[0] = interrupt
    assert "interrupted" in bench(tiny_models["int8"], drawn, tmp_path, code=130)
    assert phone.pid == 0
    (kept,) = tmp_path.glob("phone/*/*/0.json")
    assert not list(tmp_path.glob("phone/*.bin"))
    measured, starts = kept.read_bytes(), len(phone.log)
    seen = []
    phone.on_part[1] = lambda: seen.append((phone.runs()[0] / "0.json").read_bytes())
    bench(tiny_models["int8"], drawn, tmp_path)
    assert seen == [measured]
    assert phone.log[starts][1].endswith("begins")


def test_an_app_that_does_nothing_more_is_not_waited_for(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "STALL_SECONDS", 0.5)
    hangs = threading.Event()
    phone.on_part[0] = lambda: bool(hangs.wait(30)) or None
    text = bench(tiny_models["int8"], drawn, tmp_path, code=1)
    hangs.set()
    assert "the app has not moved for 0 s; look at its screen" in text
    assert "32 of 60 people" in text


def test_a_sustained_run_goes_on_after_a_cut(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def cut() -> None:
        phone.on_part[0] = phone.kill

    monkeypatch.setattr(phones, "CHUNK_SECONDS", 0.06)
    phone.on_part[0] = lambda: phone.on_part.update({0: cut})  # the run, its first piece, its second
    text = bench(tiny_models["int8"], drawn, tmp_path, "--minutes", "0.01", code=1)
    assert "the app was ended on the phone" in text
    assert "The same command continues from what is here: 1 piece\n" in text
    (piece,) = tmp_path.glob("phone/*/*/again-1.json")
    first = json.loads(piece.read_text())["latency_ns"]
    phone.commands.clear()
    found = json.loads(bench(tiny_models["int8"], drawn, tmp_path, "--minutes", "0.01"))["results"]
    (minute,) = found[0]["minutes"]
    assert minute["celsius"] == 41.0
    assert minute["battery"] == 80.0
    assert minute["clock_mhz"] == 2400.0
    assert found[0]["throttles_from"] is None
    sustained = records(tmp_path)["sustained"].measured
    assert isinstance(sustained, Sustained)
    assert sum(sustained.minutes[0].invoke_us) / 1e6 >= 0.6
    assert sustained.minutes[0].invoke_us[: len(first)] == tuple(round(ns / 1e3, 1) for ns in first)
    starts = [line for line in phone.commands if "BenchmarkActivity" in line]
    assert ["-S" in line for line in starts] == [True] + [False] * (len(starts) - 1)  # one process, piece after piece
