"""Check, install and start the app on a phone, and give it a converted file."""

from __future__ import annotations

import re
from pathlib import Path

from poseport import bundle
from poseport.bench.phone.adb import Device
from poseport.tflite import model_file

PACKAGE = "org.poseport.demo"
FILES = f"/sdcard/Android/data/{PACKAGE}/files"
# values of android_demo/gradle.properties, which an installed package lacks
MIN_API, MIN_ANDROID = 26, "8.0"
ABIS = ("arm64-v8a", "armeabi-v7a", "x86_64")
# the pages that the LOAD segments of TFLite 2.16.1's libraries are aligned to
PAGE_BYTES = 4096
NEWER = "`make apk` builds today's, --apk FILE installs it"


def installed(device: Device) -> bool:
    """Whether the app is installed on a phone.

    Args:
        device: The phone.
    """
    return device.shell("pm", "path", PACKAGE, check=False).startswith("package:")


def provide(device: Device, apk: Path | None) -> bool:
    """Install the app if it is missing or differs from the APK that was given.

    Args:
        device: The phone.
        apk: The app's file, or None to use the installed app.

    Returns:
        Whether the app was installed.

    Raises:
        ValueError: if the app is missing and no APK was given, or it cannot be installed.
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
    """Start an activity of the app with one text extra.

    Args:
        device: The phone.
        activity: Name of the activity.
        key: Name of the extra.
        value: Its text.
        fresh: Start a new process; otherwise use the running one.

    Raises:
        ValueError: if the activity does not start.
    """
    words = ["am", "start", *(["-S"] if fresh else []), "-n", f"{PACKAGE}/.{activity}", "--es", key, value]
    output = device.shell(*words, check=False)
    error_lines = [line.strip() for line in output.splitlines() if re.search("Error|Exception|Denial", line)]
    if error_lines:
        reason = error_lines[0][:160]
        raise ValueError(f"{device.serial}: the app does not start {activity} ({reason}); install it with --apk")


def sideload(device: Device, model: Path) -> str:
    """Copy a converted file into the app's folder and start the app with it.

    Args:
        device: The phone.
        model: The converted file.

    Returns:
        The name of the file on the phone.

    Raises:
        ValueError: if the file is not a converted model, the app does not accept its name, or the phone is full.
    """
    model_file.read_stages(model)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\.tflite", model.name):
        raise ValueError(f"{model}: the app needs names of letters, digits and . _ - that end in .tflite; rename it")
    folder = f"{FILES}/models"
    device.make_room(model.stat().st_size, "the file")
    device.shell("mkdir", "-p", folder)
    device.push(model, f"{folder}/{model.name}")
    start(device, "MainActivity", "model", model.name)
    return model.name
