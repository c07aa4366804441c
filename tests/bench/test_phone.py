"""Phones through the real adb: a stand-in device on loopback, every command, and every fault that phones have."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from standin import PACKAGE, StandIn

from poseport import coco, feed, runner
from poseport.bench import accuracy, phone_record, phone_run, report, result
from poseport.bench.result import Accuracy, Latency, Minute, Result, Sustained
from poseport.cli import main
from poseport.records import read_json

pytestmark = pytest.mark.skipif(shutil.which("adb") is None, reason="adb is not installed; `apt install adb`")
FILES = f"/sdcard/Android/data/{PACKAGE}/files"


@pytest.fixture(scope="module", autouse=True)
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An adb server of this file's own, with keys of its own."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANDROID_ADB_SERVER_PORT", str(port))
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.setattr(phone_run, "POLL_SECONDS", 0.05)
        adb("start-server")
        yield
        adb("kill-server")


def adb(*words: str) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    subprocess.run(["adb", *words], check=False, timeout=60, **quiet)


def plug(phone: StandIn) -> str:
    """Connect a phone; its serial number."""
    phone.plugged = True
    serial = f"127.0.0.1:{phone.port}"
    adb("disconnect", serial)
    adb("connect", serial)
    return serial


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., StandIn]]:
    phones = []

    def one(serial: str = "one", **options: bool) -> StandIn:
        phones.append(StandIn(tmp_path / f"phone-{serial}", serial, **options))
        plug(phones[-1])
        return phones[-1]

    yield one
    for phone in phones:
        adb("disconnect", f"127.0.0.1:{phone.port}")
        phone.close()


@pytest.fixture
def phone(make: Callable[..., StandIn]) -> StandIn:
    return make()


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def bench(model: Path, drawn: Path, out: Path, *more: object, code: int = 0) -> str:
    return run("bench", "phone", model, "--data", drawn, "--runs", 20, "--out", out, *more, "--json", code=code)


def records(out: Path) -> dict[str, Result]:
    return {r.measured.kind: r for r in (read_json(Result, path) for path in sorted(out.glob("*.json")))}


def test_list_and_info_say_what_there_is(phone: StandIn) -> None:
    serial = f"127.0.0.1:{phone.port}"
    assert run("phone", "list") == f"{serial}  ready\n"
    (found,) = json.loads(run("phone", "info", "--json"))["phones"]
    assert found["model"] == "Stand-in"
    assert found["abis"] == ["arm64-v8a", "armeabi-v7a"]
    assert found["memory_bytes"] == 8_000_000 * 1024
    assert found["free_bytes"] == phone.space // 1024 * 1024
    assert found["cores"] == 2
    assert found["app"] == "1.0"
    assert found["stand_in"] is True


def test_no_phone_several_phones_and_one_that_does_not_trust(make: Callable[..., StandIn]) -> None:
    assert "no phone is connected; plug one in" in run("phone", "info", code=1)
    one, two = make("one"), make("two")
    assert "several phones are connected" in run("phone", "info", code=1)
    assert len(json.loads(run("phone", "info", "--serial", "all", "--json"))["phones"]) == 2
    assert "no such phone" in run("phone", "info", "--serial", "else", code=1)
    two.unplug()
    two.trusts = False
    serial = plug(two)
    assert "accept 'Allow USB debugging'" in run("phone", "info", "--serial", serial, code=1)
    assert f"{serial}: does not trust this computer" in run("phone", "list")
    assert "two" not in run("phone", "info", "--serial", f"127.0.0.1:{one.port}")


def test_without_adb_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert "apt install adb" in run("phone", "list", code=1)


def test_sideload_installs_pushes_and_starts(
    make: Callable[..., StandIn], tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    phone, model, apk = make(app=False), tiny_models["int8"], tmp_path / "app.apk"
    apk.write_bytes(b"a new app")
    assert "the app is not on it" in run("sideload", model, code=1)
    (found,) = json.loads(run("sideload", model, "--apk", apk, "--json"))["phones"]
    assert found["installed"] is True
    assert phone.path("/data/app/base.apk").read_bytes() == apk.read_bytes()
    assert phone.path(f"{FILES}/models/{model.name}").read_bytes() == model.read_bytes()
    assert phone.commands[-1] == f"am start -S -n {PACKAGE}/.MainActivity --es model {model.name}"
    (found,) = json.loads(run("sideload", model, "--apk", apk, "--json"))["phones"]
    assert found["installed"] is False
    (tmp_path / "no.tflite").write_bytes(b"no model")
    assert "not a TFLite file" in run("sideload", tmp_path / "no.tflite", code=1)
    shutil.copy(model, tmp_path / "a b.tflite")
    assert "rename it" in run("sideload", tmp_path / "a b.tflite", code=1)
    phone.space = 1000
    assert "is full" in run("sideload", model, code=1)


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_phone_is_fed_and_scored_as_a_host(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, recipe: str
) -> None:
    kept = []
    phone.on_part[1] = lambda: kept.append((phone.runs()[0] / "tensors.bin").read_bytes())
    found = json.loads(bench(tiny_models[recipe], drawn, tmp_path / "out"))["results"]
    model, people = runner.load(tiny_models[recipe]), coco.load(drawn)
    persons = [p for p in people.persons if p.num_labelled]
    fed = b"".join(model.prepare(batch.crops).tobytes() for batch in feed.batches(model.spec, persons))
    assert kept == [fed]
    (host,) = accuracy.measure(model, people)
    theirs = records(tmp_path / "out")
    measured = theirs["accuracy"].measured
    assert isinstance(measured, Accuracy)
    assert replace(measured, people_per_second=None) == replace(host.measured, people_per_second=None)
    assert theirs["accuracy"].environment.device.startswith("stand-in poseport Stand-in (")
    assert theirs["accuracy"].environment.delegate == "CPU"
    assert isinstance(theirs["latency"].measured, Latency)
    assert len(theirs["latency"].measured.invoke_us) == 20
    assert theirs["latency"].environment.celsius == 41.0
    assert found[0]["decoder_apart_px"] == 0
    assert not phone.runs()
    assert not (tmp_path / "out" / "phone").exists()


def test_settings_are_records_of_their_own_and_people_are_sent_once(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    said = bench(tiny_models["int8"], drawn, tmp_path, "--delegates", "cpu,gpu", "--threads", "1,2")
    found = json.loads(said)["results"]
    assert [(row["delegate"], row["threads"]) for row in found] == [("CPU", 1), ("CPU", 2), ("GPU", 1)]
    assert found[2]["cannot"] == "GPU cannot be used on this phone (it has none)"
    assert len(list(tmp_path.glob("*.json"))) == 4
    assert phone.sent.count("tensors.bin") == 1
    assert sum(name.endswith(".tflite") for name in phone.sent) == 1
    assert "choose of cpu, gpu, nnapi" in bench(tiny_models["int8"], drawn, tmp_path, "--delegates", "npu", code=1)
    assert "--threads '0'" in bench(tiny_models["int8"], drawn, tmp_path, "--threads", "0", code=1)


def test_whole_images_of_a_cascade(phone: StandIn, tiny_cascades: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    model = tiny_cascades["float32"]
    assert "add --whole-images" in bench(model, drawn, tmp_path, code=1)
    bench(model, drawn, tmp_path, "--whole-images")
    (host,) = accuracy.measure(runner.load(model), coco.load(drawn))
    theirs = records(tmp_path)
    assert theirs["accuracy"].measured.metrics == host.measured.metrics
    assert theirs["latency"].measured.prepare_us == (1.0,) * len(host.measured.people)


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
        (fill, "cannot be written (ENOSPC)", 32),
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
    assert f"The same command goes on; {kept} of 60 people are here already" in text
    assert not list(tmp_path.glob("*.json"))
    before = {path.name: path.read_bytes() for path in tmp_path.glob("phone/*/*/[0-9]*")}
    assert len([name for name in before if name.endswith(".json")]) == -(-kept // 32)
    phone.locked, phone.space, phone.on_part = False, 10**10, {}
    plug(phone)
    seen = {}
    original = phone_record._parts
    with pytest.MonkeyPatch.context() as patch:

        def look(folder: Path, run: object) -> list[Path]:
            seen.update({name: (folder / name).read_bytes() for name in before})
            return original(folder, run)  # type: ignore[arg-type]

        patch.setattr(phone_record, "_parts", look)
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


def test_several_phones_at_once_and_one_that_fails(
    make: Callable[..., StandIn], tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    one, two = make("one"), make("two")
    two.lock()
    text = bench(tiny_models["int8"], drawn, tmp_path, "--serial", "all", code=1)
    assert f"127.0.0.1:{two.port}: its screen is locked" in text
    assert len(list(tmp_path.glob("*.json"))) == 2
    assert not one.runs()
    two.locked = False
    bench(tiny_models["int8"], drawn, tmp_path, "--serial", "all")
    assert len(list(tmp_path.glob("*.json"))) == 4


def test_a_sustained_run_goes_on_after_a_cut(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from poseport.bench import phones

    monkeypatch.setattr(phones, "CHUNK_SECONDS", 0.3)
    found = json.loads(bench(tiny_models["int8"], drawn, tmp_path, "--minutes", "0.015"))["results"]
    (minute,) = found[0]["minutes"]
    assert minute["celsius"] == 41.0
    assert minute["battery"] == 80.0
    assert minute["clock_mhz"] == 2400.0
    assert found[0]["throttles_from"] is None
    sustained = records(tmp_path)["sustained"].measured
    assert isinstance(sustained, Sustained)
    assert sum(sustained.minutes[0].invoke_us) / 1e6 >= 0.9
    starts = [line for line in phone.commands if "BenchmarkActivity" in line]
    assert ["-S" in line for line in starts[:2]] == [True, True]
    assert not any("-S" in line for line in starts[2:])


def test_minutes_are_the_phones_own() -> None:
    def piece(end_s: float, ms: float, count: int) -> dict:
        return {"latency_ns": [int(ms * 1e6)] * count, "after": {"time_ms": int(1e6 + end_s * 1e3)}}

    # 60 s, a pause of 2 s, then 78 s that reach into the third minute, then a pause of minutes
    found = phone_record.minutes([piece(60, 100, 600), piece(140, 120, 650), piece(400, 130, 10)])
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


@pytest.mark.parametrize(
    ("state", "celsius"),
    [
        ({"temperatures": {"a": 41000, "b": 0, "c": 999000}}, 41.0),
        ({"battery": {"temperature_c": 30.5}}, 30.5),
        ({}, None),
    ],
)
def test_the_hottest_plausible_sensor(state: dict, celsius: float | None) -> None:
    assert phone_record.celsius(state) == celsius


def test_a_stand_in_is_no_phone_in_a_report_or_a_gate(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    for recipe in ("float32", "int8"):
        bench(tiny_models[recipe], drawn, tmp_path)
    found = result.load_all(tmp_path)
    report.write_report(found, tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text()
    before, _, after = text.partition("## Stand-in devices")
    assert "none of these figures is a phone's" in after
    assert "stand-in poseport" in after.partition("## Caveats")[0]
    assert "stand-in" not in before
    # the same figures of a phone are where they belong
    real = [replace(r, environment=replace(r.environment, device="A phone (12ab)")) for r in found]
    report.write_report(real, tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text()
    assert "A phone (12ab), CPU, 1 thread" in text.partition("## Caveats")[0]
    assert "Stand-in devices" not in text
    gate = ("bench", "gate", tmp_path, "--baseline", "tiny.float32", "--candidate", "tiny.int8", "--max-ap-drop", 5)
    assert "no result of 'tiny.float32'" in run(*gate, code=2)
