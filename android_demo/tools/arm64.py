"""Run the int8 models on the library that arm64 phones run, under an emulated processor: the outputs are Python's, bit
for bit.

usage: arm64.py MODELS     the folder that tests/android/write_models.py wrote

The emulator is Debian's; where it is not and cannot be installed, this says so and does nothing.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import sys
from pathlib import Path

import apk
import fetch
import host
from project import BUILD, once, run, stop

NATIVE = BUILD / "native-arm64"
EMULATOR = {"qemu-aarch64-static": "qemu-user-static", "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu"}
SYSTEM = Path("/usr/aarch64-linux-gnu")  # of libc6-dev-arm64-cross
# XNNPACK has no dense layer with a scale a channel in TFLite 2.16: its own kernel computes it, a step apart at most
OTHER_KERNEL = ("deeppose.int8.tflite", "vectors.int8.tflite")


def build() -> None:
    """The library made loadable by glibc, and a program that asks it."""
    compiler = "aarch64-linux-gnu-gcc"
    host.native_library("arm64-v8a", NATIVE, compiler)
    run(compiler, "-O1", "-o", NATIVE / "run", host.BIONIC / "run.c", "-ldl")


def differs(model: Path, expected: dict[str, str]) -> str:
    """In what a model's output is another one than Python's; empty where it is the same."""
    given, found = NATIVE / "input", NATIVE / "output"
    given.write_bytes(base64.b64decode(expected["input"]))
    emulator = ("qemu-aarch64-static", "-L", SYSTEM, "-E", f"LD_LIBRARY_PATH={NATIVE}")
    run(*emulator, NATIVE / "run", NATIVE / "libtensorflowlite_jni.so", model, given, found)
    wanted = base64.b64decode(expected["output"])
    steps = [abs((a - b + 128) % 256 - 128) for a, b in zip(found.read_bytes(), wanted, strict=True)]
    allowed = 1 if model.name in OTHER_KERNEL else 0
    return "" if max(steps) <= allowed else f"{model.name}: {sum(s > 0 for s in steps)} values, {max(steps)} steps"


def main(models: Path) -> None:
    """All int8 models, or a sentence that says why not."""
    if not all(map(shutil.which, EMULATOR)) and (os.geteuid() or not shutil.which("apt-get")):
        print(f"the library for arm64 was not tested: on Debian, sudo apt-get install {' '.join(EMULATOR.values())}")
        return
    fetch.programs(EMULATOR)
    if not SYSTEM.is_dir():
        stop(f"{SYSTEM} is missing: apt-get install libc6-dev-arm64-cross")
    apk.libraries()
    once(NATIVE, build, host.BIONIC, Path(__file__))
    expected = {
        path: json.loads(path.with_suffix(".json").read_text()) for path in sorted(models.glob("*int8*.tflite"))
    }
    found = {path: differs(path, known) for path, known in expected.items() if known["type"] == "int8"}
    if wrong := [difference for difference in found.values() if difference]:
        stop("\n".join(["arm64 computes something else:", *wrong]))
    print(f"arm64: {len(found)} int8 models give Python's outputs: {', '.join(path.stem for path in found)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
