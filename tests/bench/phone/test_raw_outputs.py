"""`poseport verify --serial`: the host's input tensors through a file on a phone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from commands import run
from standin import StandIn

from poseport.bench.phone import connected, raw_outputs
from poseport.data import batches, coco
from poseport.tflite.runner import load


@pytest.mark.parametrize("recipe", ["float32", "int8"])
def test_raw_outputs_come_back_in_the_order_of_the_tensors(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path, recipe: str
) -> None:
    model = load(tiny_models[recipe])
    crops = np.concatenate([part.crops for part in batches.batches(model.spec, coco.load(drawn).persons[:40])])
    tensors = model.prepare(crops)
    (device,) = connected.choose([])
    found = raw_outputs.on_phone(device)(tiny_models[recipe].read_bytes(), tensors)  # two parts
    np.testing.assert_array_equal(found, np.concatenate([model.runner.invoke(one[None]) for one in tensors]))
    assert not phone.runs()


def test_the_command_names_the_phone_and_leaves_nothing_on_it(
    phone: StandIn, tiny_models: dict[str, Path], drawn: Path
) -> None:
    file = tiny_models["int8"]
    command = ["verify", file, "--against", file, "--data", drawn, "--count", 6, "--serial", f"127.0.0.1:{phone.port}"]
    found = json.loads(run(*command, "--json"))
    check = found["checks"][-1]
    assert check["name"].startswith("keypoints on stand-in poseport Stand-in")
    assert check["numbers"]["p99_px"] == 0
    assert found["passed"]
    assert not phone.runs()


def test_what_a_phone_cannot_do_is_one_line(
    phone: StandIn, tiny_models: dict[str, Path], tiny_cascades: dict[str, Path], drawn: Path
) -> None:
    def said(file: Path, serial: str) -> str:
        return run("verify", file, "--against", file, "--data", drawn, "--count", 4, "--serial", serial, code=1)

    serial = f"127.0.0.1:{phone.port}"
    assert "nowhere: no such phone; there is" in said(tiny_models["int8"], "nowhere")
    assert "is a cascade, whose later crops are made on the phone" in said(tiny_cascades["int8"], serial)
    phone.fill()
    line = said(tiny_models["int8"], serial)
    assert line.startswith("Error: 127.0.0.1:")
    assert line.count("\n") == 1
