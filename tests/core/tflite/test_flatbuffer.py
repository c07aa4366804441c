"""No damaged file reaches an interpreter, and what a file claims costs nothing."""

from __future__ import annotations

import contextlib
import struct
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import built
import numpy as np
import pytest

import poseport
from poseport.tflite import interpreter, model_file
from poseport.tflite.format import flatbuffer


def test_sound_files_pass(tiny_models: dict[str, Path]) -> None:
    for path in tiny_models.values():
        flatbuffer.verify(path.read_bytes(), path.name)


@pytest.mark.parametrize("cut", [0.02, 0.3, 0.9])
def test_a_cut_file_is_one_line(cut: float, tiny_models: dict[str, Path]) -> None:
    data, _ = model_file.read(tiny_models["int8"])
    whole = data.rindex(b"PK\x03\x04")
    with pytest.raises(ValueError, match=r"^m\.tflite: its flatbuffer is damaged \(.*\); convert it or copy it again$"):
        flatbuffer.verify(data[: int(whole * cut)], "m.tflite")


def test_parts_that_are_shared_too_often_are_refused_early() -> None:
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="its parts overlap"):
            flatbuffer.verify(built.shared(20_000), "bomb")
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_what_a_vector_claims_is_not_allocated(tiny_models: dict[str, Path]) -> None:
    data = bytearray(tiny_models["int8"].read_bytes())
    for place in range(8, 400, 36):
        claim = data[:place] + struct.pack("<I", 0x7FFFFFF0) + data[place + 4 :]
        tracemalloc.start()
        with contextlib.suppress(ValueError):  # some places hold what nobody follows
            flatbuffer.verify(bytes(claim), "m")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 5e6


def test_a_damaged_file_never_reaches_the_interpreter(
    tiny_models: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached = []

    def spy(**options: object) -> None:
        reached.append(options)
        raise ValueError("stopped here")

    monkeypatch.setattr(interpreter, "runtime", lambda: (SimpleNamespace(Interpreter=spy), "spy"))
    data = tiny_models["int8"].read_bytes()
    path = tmp_path / "m.tflite"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="stopped here"):
        poseport.load(path)
    assert len(reached) == 1
    rng = np.random.default_rng(0)
    for at in rng.integers(data.rindex(b"PK\x03\x04"), size=150):
        spoilt = bytearray(data)
        spoilt[at] ^= 1 << rng.integers(8)
        path.write_bytes(spoilt if at % 3 else data[: len(data) - at])
        with pytest.raises(ValueError, match=r"m\.tflite: ") as caught:
            poseport.load(path)
        assert "\n" not in str(caught.value)
    assert len(reached) == 1
