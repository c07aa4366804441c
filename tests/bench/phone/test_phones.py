"""A phone is fed and scored as a host, one or several, and a stand-in is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from commands import bench, records, run
from standin import StandIn

from poseport.bench import results_folder
from poseport.bench.measure import accuracy
from poseport.bench.record import Accuracy, Latency
from poseport.bench.report import report
from poseport.data import batches, coco
from poseport.tflite import runner, shipped


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_a_phone_is_fed_and_scored_as_a_host(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path, recipe: str
) -> None:
    kept = []
    phone.asleep = True  # its screen is switched on
    phone.on_part[1] = lambda: kept.append((phone.runs()[0] / "tensors.bin").read_bytes())
    found = json.loads(bench(tiny_models[recipe], drawn, tmp_path / "out"))["results"]
    model, people = runner.load(tiny_models[recipe]), coco.load(drawn)
    persons = [p for p in people.persons if p.num_labelled]
    fed = b"".join(model.prepare(batch.crops).tobytes() for batch in batches.batches(model.spec, persons))
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
    assert theirs["latency"].environment.runtime == "LiteRT 1.4.1 of the app 1.0"
    assert theirs["latency"].environment.xnnpack is True
    assert theirs["latency"].measured.first_us == 4500
    assert theirs["latency"].measured.peak_bytes == 80 * 2**20
    assert (theirs["latency"].measured.load_us or 0) > 0
    assert found[0]["decoder_apart_px"] == 0
    assert not phone.runs()
    assert not (tmp_path / "out" / "phone").exists()


def test_settings_are_records_of_their_own_and_people_are_sent_once(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    said = bench(tiny_models["int8"], drawn, tmp_path, "--delegates", "cpu,gpu,npu", "--threads", "1,2")
    found = json.loads(said)["results"]
    assert [(row["delegate"], row["threads"]) for row in found] == [("CPU", 1), ("CPU", 2), ("GPU", 1), ("NNAPI", 1)]
    assert found[3]["refused"] == "no_delegate"
    assert found[2]["refused"] == "no_delegate"
    assert found[2]["cannot"] == "GPU cannot be used on this phone (it has none)"
    assert len(list(tmp_path.glob("*.json"))) == 4
    assert phone.sent.count("tensors.bin") == 1
    assert sum(name.endswith(".tflite") for name in phone.sent) == 1
    assert "choose from npu, cpu, gpu" in bench(tiny_models["int8"], drawn, tmp_path, "--delegates", "nnapi", code=1)
    assert "--threads '0': expected counts such as" in bench(
        tiny_models["int8"], drawn, tmp_path, "--threads", "0", code=1
    )


def test_an_npu_is_asked_for_below_android_15_only(phone: StandIn, drawn: Path, tmp_path: Path) -> None:
    model = shipped.model("deeppose")
    phone.properties["ro.build.version.release"] = "14"
    (old,) = json.loads(bench(model, drawn, tmp_path / "old", "--delegates", "npu"))["results"]
    assert (old["delegate"], old["cannot"]) == ("NNAPI", "NNAPI cannot be used on this phone (it has none)")
    phone.properties["ro.build.version.release"] = "15"
    asked = len(phone.sent)
    (new,) = json.loads(bench(model, drawn, tmp_path / "new", "--delegates", "npu"))["results"]
    assert (new["refused"], len(phone.sent)) == ("no_delegate", asked)
    assert "which Android 15 deprecated; the phone has 15" in new["cannot"]


def test_an_older_app_tells_less(phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    phone.old = True
    found = json.loads(bench(tiny_models["int8"], drawn, tmp_path, "--delegates", "cpu,gpu"))["results"]
    assert [found[0][key] for key in ("load_ms", "peak_bytes", "xnnpack")] == [None, None, None]
    assert found[0]["first_ms"] > 0
    assert found[0]["runtime"] == "TensorFlow Lite of the app 1.0"
    assert found[1]["refused"] == "unsupported"
    assert found[1]["cannot"] == "GPU cannot be used on this phone (it has none)"


def test_a_file_too_large_is_an_answer_and_a_refused_one_a_fault(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    phone.refuses = "memory", "m.tflite: is too large for the memory of this phone"
    (found,) = json.loads(bench(tiny_models["int8"], drawn, tmp_path))["results"]
    assert (found["refused"], found["cannot"]) == phone.refuses
    phone.refuses = "model", "m.tflite: its card is of schema 9, this app reads 1"
    for _ in range(2):  # what is refused is not kept for an answer: a newer app may take it
        said = bench(tiny_models["float32"], drawn, tmp_path, code=1)
        assert f"the app refuses {tiny_models['float32']}: m.tflite: its card is of schema 9" in said
    phone.refuses = None
    bench(tiny_models["float32"], drawn, tmp_path)


def test_the_answer_for_a_person(phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    words = (tiny_models["int8"], "--data", drawn, "--delegates", "cpu,gpu", "--runs", 20, "--out", tmp_path)
    first, beside, second = run("bench", "phone", *words).splitlines()
    assert "tiny.int8" in first
    assert "CPU, 1 thread  p50 " in first
    assert "first run 4.5 ms, memory 84 MB, LiteRT 1.4.1 of the app 1.0, XNNPACK" in beside
    assert second.endswith("GPU, 1 thread  GPU cannot be used on this phone (it has none)")


def test_whole_images_of_a_cascade(phone: StandIn, tiny_cascades: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    model = tiny_cascades["float32"]
    assert "add --whole-images" in bench(model, drawn, tmp_path, code=1)
    bench(model, drawn, tmp_path, "--whole-images")
    (host,) = accuracy.measure(runner.load(model), coco.load(drawn))
    theirs = records(tmp_path)
    assert theirs["accuracy"].measured.metrics == host.measured.metrics
    assert theirs["latency"].measured.prepare_us == (1.0,) * (len(host.measured.people) - 10)


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


def test_a_stand_in_is_no_phone_in_a_report_or_a_gate(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    for recipe in ("float32", "int8"):
        bench(tiny_models[recipe], drawn, tmp_path)
    found = results_folder.load_all(tmp_path)
    report.write_report(found, tmp_path / "r.html", images=False)
    assert "Stand-in devices</h2>" in (tmp_path / "r.html").read_text()
    report.write_report(found, tmp_path / "r.md")
    text = (tmp_path / "r.md").read_text()
    before, _, after = text.partition("## Stand-in devices")
    assert "none of these figures is that of a phone" in after
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
