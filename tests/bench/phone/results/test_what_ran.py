"""A phone whose delegate lies, through the real adb: what ran is told, or that nobody knows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from commands import bench, records, run
from standin import StandIn

from poseport.bench import results_folder
from poseport.bench.delegate_record import Ran
from poseport.bench.phone.results import what_ran
from poseport.bench.record import Environment
from poseport.bench.report import report
from poseport.records import from_data, to_data
from poseport.tflite import model_file
from poseport.tflite.inspection import inspect_bytes
from poseport.tflite.partition import Partition


def on_gpu(phone: StandIn, model: Path, drawn: Path, out: Path) -> tuple[dict[str, Any], Environment]:
    phone.hardware = ("CPU", "GPU")
    (row,) = json.loads(bench(model, drawn, out, "--delegates", "gpu"))["results"]
    return row, records(out)["latency"].environment


def test_a_gpu_that_ran_everything_has_no_label(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path
) -> None:
    row, where = on_gpu(phone, tiny_models["int8"], drawn, tmp_path)
    assert row["labels"] == []
    assert row["ran"] == row["predicted"] == "100 % GPU, 1 piece"
    assert where.ran is not None
    assert (where.ran.source, where.ran.complete) == ("log", True)
    assert from_data(Environment, json.loads(json.dumps(to_data(where))), "e") == where


def test_a_gpu_that_took_nothing(phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    phone.took, phone.complains = (0, 1), "TfLiteGpuDelegate Init: no OpenCL library on this phone"
    row, where = on_gpu(phone, tiny_models["float32"], drawn, tmp_path)
    assert row["labels"] == [f"asked: GPU; ran: 0 % GPU, 100 % CPU, 1 piece ({phone.complains})"]
    assert row["predicted"] == "100 % GPU, 1 piece"
    assert where.ran is not None
    assert where.ran.source == "steps"
    # in text it stands before the times
    phone.complains = ""
    said = run("bench", "phone", tiny_models["float32"], "--data", drawn, "--delegates", "gpu", "--runs", 20,
               "--out", tmp_path / "text")  # fmt: skip
    assert 0 < said.index("ASKED: GPU; RAN: 0 % GPU, 100 % CPU") < said.index("p50 ")


def test_a_gpu_that_took_a_part(phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    operations = len(inspect_bytes(model_file.read(tiny_models["int8"])[0], "m").ops)
    phone.took = (operations - 3, 5)
    row, where = on_gpu(phone, tiny_models["int8"], drawn, tmp_path)
    assert where.ran is not None
    part = where.ran.partition
    assert part is not None
    assert (part.taken, part.pieces, part.macs_high) == (operations - 3, 5, 1)
    assert part.macs_low < 0.99
    (label,) = row["labels"]
    assert label.startswith("asked: GPU; ran: ")
    assert label.endswith(" to 100 % GPU, the rest CPU, 5 pieces")
    assert where.ran.complete is None


def test_without_a_log_nobody_knows(phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    phone.logs = False
    row, where = on_gpu(phone, tiny_models["int8"], drawn, tmp_path)
    assert row["labels"] == ["asked: GPU; what ran is not known, because the phone's log does not tell"]
    assert where.ran is not None
    assert (where.ran.source, where.ran.partition, where.ran.complete) == ("nothing", None, None)


def test_gate_and_report_say_it(phone: StandIn, tiny_models: dict[str, Path], drawn: Path, tmp_path: Path) -> None:
    phone.took = (0, 1)
    on_gpu(phone, tiny_models["int8"], drawn, tmp_path / "raw")
    # a stand-in is no phone for a gate, so its records are renamed
    for found in results_folder.load_all(tmp_path / "raw"):
        real = replace(found, environment=replace(found.environment, device="A phone (12ab)"))
        results_folder.save(real, tmp_path / "real")
    gate = ("bench", "gate", tmp_path / "real", "--baseline", "tiny.int8", "--candidate", "tiny.int8")
    said = run(*gate, "--require-delegate", "gpu", code=1)
    assert "delegate: not as required; asked: GPU; ran: 0 % GPU, 100 % CPU, 1 piece" in said
    assert said.strip().endswith("beyond: budget gpu required")
    assert "no result of tiny.int8 asked for npu" in run(*gate, "--require-delegate", "npu", code=2)
    assert "[tiny.int8: asked: GPU; ran: 0 % GPU" in run(*gate, "--max-slowdown", 50)
    for name in ("r.md", "r.html"):
        report.write_report(results_folder.load_all(tmp_path / "real"), tmp_path / name, images=False)
        text = (tmp_path / name).read_text()
        label = text.index("tiny.int8 on A phone (12ab), GPU, 1 thread: asked: GPU; ran: 0 % GPU, 100 % CPU, 1 piece")
        assert label < text.index("p50 ms")
        assert "tiny.int8 (ran: 0 % GPU, 100 % CPU, 1 piece)" in text.replace("<wbr>", "")
    assert "100 % GPU, 1 piece" in text  # the prediction beside it


LOG = """--------- beginning of main
11-29 11:09:17.100  4001  4022 I tflite  : Initialized TensorFlow Lite runtime.
11-29 11:09:17.120  4001  4022 I tflite  : {first}
11-29 11:09:17.123  4001  4022 I tflite  : Replacing {rest} out of 15 node(s) with delegate (TfLiteXNNPackDelegate) \
node, yielding 3 partitions for the whole graph.
11-29 11:09:17.200  4001  4022 E tflite  : something failed
"""


@pytest.mark.parametrize("hardware", ["CPU", "GPU", "NNAPI"])
def test_the_log_of_another_network_is_left_out(hardware: str, tiny_models: dict[str, Path], tmp_path: Path) -> None:
    model = tiny_models["int8"]
    operations = len(inspect_bytes(model_file.read(model)[0], "m").ops)
    taken = operations - 13  # of its two pieces, each is one step of the rest
    line = "Replacing {} out of {} node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 3 partitions"
    (tmp_path / "runtime.log").write_text(LOG.format(first=line.format(operations, operations + 1), rest=4))
    ran = what_ran.what_ran(model, hardware, tmp_path, {})  # type: ignore[arg-type]
    assert ran is not None
    assert (ran.source, ran.partition, ran.error) == ("nothing", None, "something failed")
    (tmp_path / "runtime.log").write_text(LOG.format(first=line.format(taken, operations), rest=4))
    ran = what_ran.what_ran(model, hardware, tmp_path, {})  # type: ignore[arg-type]
    assert ran is not None
    assert ran.partition is not None
    assert (ran.source, ran.partition.taken) == ("log", {"GPU": taken, "CPU": 4, "NNAPI": 0}[hardware])
    gpu, xnnpack = f"TfLiteGpuDelegateV2 {taken} of {operations}", "TfLiteXNNPackDelegate 4 of 15"
    assert ran.others == {"GPU": (xnnpack,), "CPU": (gpu,), "NNAPI": (gpu, xnnpack)}[hardware]
    # a detector that the CPU runs beside it has more steps than this network has left
    (tmp_path / "runtime.log").write_text(LOG.format(first=line.format(operations, operations), rest=15))
    ran = what_ran.what_ran(model, "GPU", tmp_path, {})
    assert ran is not None
    assert ran.others == ()


@pytest.mark.parametrize(
    ("low", "high", "complete", "text"),
    [
        (1, 1, True, "100 % GPU, 3 pieces"),
        (0.995, 0.995, True, "99.50 % GPU, 0.50 % CPU, 3 pieces"),
        (0.71, 0.71, False, "71 % GPU, 29 % CPU, 3 pieces"),
        (0.6, 0.98, False, "60 to 98 % GPU, the rest CPU, 3 pieces"),
        (0.6, 1, None, "60 to 100 % GPU, the rest CPU, 3 pieces"),
    ],
)
def test_one_per_cent_is_the_limit(low: float, high: float, complete: bool | None, text: str) -> None:
    ran = Ran("GPU", "log", Partition(9, 8, low, high, 3))
    assert (ran.complete, ran.text) == (complete, text)
    assert bool(ran.label) == (complete is not True)
    assert not replace(ran, asked="XNNPACK").label
