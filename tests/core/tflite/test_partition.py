"""What a delegate runs: as the interpreter says, as the tables predict, and as far as counts tell."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from poseport.convert import to_tflite
from poseport.convert.recipes import recipe
from poseport.convert.request import Request
from poseport.tflite import delegates, model_file, partition
from poseport.tflite.inspection import Inspection, inspect_bytes
from poseport.tflite.interpreter import open_interpreter


def opened(path: Path, *, xnnpack: bool = True) -> tuple[Inspection, partition.Partition]:
    data = model_file.read_bytes(path)
    inspection = inspect_bytes(data, path.name)
    return inspection, partition.read(open_interpreter(data, path.name, 1, xnnpack=xnnpack)[0], inspection)


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_xnnpack_runs_what_the_table_says(name: str, tiny_models: dict[str, Path]) -> None:
    inspection, ran = opened(tiny_models[name])
    predicted, refused = partition.predict(inspection, delegates.XNNPACK)
    assert ran == predicted
    assert {inspection.ops[i].kind for i in refused} == {"RESIZE_NEAREST_NEIGHBOR"}
    assert 0 < ran.taken < ran.operations == len(partition.active(inspection))
    assert ran.macs_low == ran.macs_high == 1
    assert ran.pieces > 2


def test_without_a_delegate_nothing_is_taken(tiny_models: dict[str, Path]) -> None:
    inspection, ran = opened(tiny_models["int8"], xnnpack=False)
    assert ran == partition.Partition(len(inspection.ops), 0, 0, 0, 1)


def test_one_piece_of_several_leaves_multiply_adds_behind(tiny_models: dict[str, Path]) -> None:
    inspection, _ = opened(tiny_models["int8"])
    every, _ = partition.predict(inspection, delegates.GPU)
    assert every.taken == every.operations
    assert every.pieces == 1
    without = {kind: version for kind, version in delegates.GPU.ops.items() if kind != "RESIZE_NEAREST_NEIGHBOR"}
    ran, refused = partition.predict(inspection, replace(delegates.GPU, ops=without))
    assert 0 < ran.macs_low < 0.99
    assert ran.taken < ran.operations - len(refused)
    assert ran.pieces in (2, 3)


def test_counts_give_bounds_that_hold_the_truth(tiny_models: dict[str, Path]) -> None:
    inspection, ran = opened(tiny_models["float32"])
    half = set(partition.active(inspection)[: ran.operations // 2])
    truth = partition.of_operations(inspection, half)
    assert 0 < truth.macs_low < 1
    told = partition.from_counts(inspection, truth.taken, truth.pieces, ran)
    assert told.macs_low <= truth.macs_low <= told.macs_high < 1
    assert (told.taken, told.pieces) == (truth.taken, truth.pieces)
    # the numbers of the prediction are those of its operations
    assert partition.from_counts(inspection, ran.taken, ran.pieces, ran) == ran
    assert partition.from_counts(inspection, ran.taken, ran.pieces + 2, ran).macs_low < 1
    assert partition.from_counts(inspection, 0, 1, ran) == partition.Partition(ran.operations, 0, 0, 0, 1)


def test_operations_that_unpack_constants_do_not_count(tiny_bundle: Path, tmp_path: Path) -> None:
    half = to_tflite.convert(Request(tiny_bundle, recipe("float16"), tmp_path / "half.tflite"))
    inspection, ran = opened(half.path)
    assert ran == partition.predict(inspection, delegates.XNNPACK)[0]
    running = len(partition.active(inspection))
    assert running < len(inspection.ops)
    for everything in (running, len(inspection.ops)):
        told = partition.from_counts(inspection, everything, 1, None)
        assert told == partition.Partition(running, running, 1, 1, 1)
