"""The app is installed, brought up to date, and started with a file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

from commands import run
from standin import PACKAGE, StandIn

from poseport.bench.phone.app import FILES


def test_sideload_installs_pushes_and_starts(
    make: Callable[..., StandIn], tiny_models: dict[str, Path], tmp_path: Path
) -> None:
    phone, model, apk = make(app=False), tiny_models["int8"], tmp_path / "app.apk"
    apk.write_bytes(b"a new app")
    assert "the app is not on it" in run("phone", "install", model, code=1)
    (found,) = json.loads(run("phone", "install", model, "--apk", apk, "--json"))["phones"]
    assert found["installed"] is True
    assert phone.path("/data/app/base.apk").read_bytes() == apk.read_bytes()
    assert phone.path(f"{FILES}/models/{model.name}").read_bytes() == model.read_bytes()
    assert phone.commands[-1] == f"am start -S -n {PACKAGE}/.MainActivity --es model {model.name}"
    (found,) = json.loads(run("phone", "install", model, "--apk", apk, "--json"))["phones"]
    assert found["installed"] is False
    (tmp_path / "no.tflite").write_bytes(b"no model")
    assert "not a TFLite file" in run("phone", "install", tmp_path / "no.tflite", code=1)
    shutil.copy(model, tmp_path / "a b.tflite")
    assert "rename it" in run("phone", "install", tmp_path / "a b.tflite", code=1)
    phone.space = 1000
    assert "is full" in run("phone", "install", model, code=1)
