"""The app on a phone: whether it is there, installed, started, and given a converted file."""

from __future__ import annotations

import re
from pathlib import Path

from poseport import bundle
from poseport.bench.phone.adb import Device
from poseport.tflite import model_file

PACKAGE = "org.poseport.demo"
FILES = f"/sdcard/Android/data/{PACKAGE}/files"


def installed(device: Device) -> bool:
    """Whether the app is on a phone."""
    return device.shell("pm", "path", PACKAGE, check=False).startswith("package:")


def provide(device: Device, apk: Path | None) -> bool:
    """Install the app where it is missing, or is not the APK that was given; whether that was done.

    Raises ValueError when it is missing and no APK was given.
    """
    if apk is None:
        if not installed(device):
            raise ValueError(f"{device.serial}: the app is not on it; `make apk` builds one, --apk FILE installs it")
        return False
    if not apk.is_file():
        raise ValueError(f"{apk}: no such file; `make apk` builds the app")
    path = device.shell("pm", "path", PACKAGE, check=False).strip().removeprefix("package:")
    if path and device.shell("sha256sum", path, check=False).startswith(bundle.sha256(apk)):
        return False
    device.make_room(3 * apk.stat().st_size, "the app")
    device.install(apk)
    return True


def start(device: Device, activity: str, key: str, value: str, *, fresh: bool = True) -> None:
    """Start an activity of the app with one text. fresh: in a new process; otherwise in the one that there is."""
    words = ["am", "start", *(["-S"] if fresh else []), "-n", f"{PACKAGE}/.{activity}", "--es", key, value]
    said = device.shell(*words, check=False)
    faults = [line.strip() for line in said.splitlines() if re.search("Error|Exception|Denial", line)]
    if faults:
        reason = faults[0][:160]
        raise ValueError(f"{device.serial}: the app does not start {activity} ({reason}); install it with --apk")


def sideload(device: Device, model: Path) -> str:
    """Put a converted file into the app's folder and start the app with it; its name there.

    Raises ValueError for a file that is no model, a name that the app refuses, or a phone that is full.
    """
    model_file.read_stages(model)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\.tflite", model.name):
        raise ValueError(f"{model}: the app wants names of letters, digits and . _ - that end in .tflite; rename it")
    folder = f"{FILES}/models"
    device.make_room(model.stat().st_size, "the file")
    device.shell("mkdir", "-p", folder)
    device.push(model, f"{folder}/{model.name}")
    start(device, "MainActivity", "model", model.name)
    return model.name
