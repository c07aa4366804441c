"""A phone as a record keeps it, the app on it, and whether it can be measured now."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from poseport import bundle
from poseport.bench.adb import Device

PACKAGE = "org.poseport.demo"
FILES = f"/sdcard/Android/data/{PACKAGE}/files"
# a stand-in is a program that speaks adb's protocol, for tests; it must never pass for a phone
STAND_IN = "standin"


@dataclass(frozen=True)
class Phone:
    """What a phone says of itself. app: version of the app, None where it is not installed. bytes: of memory, and
    free where the app keeps its files.
    """

    serial: str
    maker: str
    model: str
    soc: str
    android: str
    build: str
    abis: tuple[str, ...]
    cores: int
    memory_bytes: int
    free_bytes: int
    app: str | None
    stand_in: bool

    @property
    def name(self) -> str:
        """What records call it: maker and model, and four digits that tell two phones of one model apart."""
        digits = hashlib.sha256(self.serial.encode()).hexdigest()[:4]
        kind = "stand-in " if self.stand_in else ""
        return f"{kind}{self.maker} {self.model} ({digits})"


def look(device: Device) -> Phone:
    """Ask a phone what it is; ValueError when it does not answer."""
    said = dict(re.findall(r"^\[(.+?)\]: \[(.*)\]$", device.shell("getprop").replace("\r", ""), re.MULTILINE))
    soc = " ".join(filter(None, (said.get("ro.soc.manufacturer"), said.get("ro.soc.model"))))
    memory = re.search(r"MemTotal:\s+(\d+) kB", device.shell("cat", "/proc/meminfo", check=False))
    cores = re.findall(r"^processor\s*:", device.shell("cat", "/proc/cpuinfo", check=False), re.MULTILINE)
    version = None
    if installed(device):
        found = re.search(r"versionName=(\S+)", device.shell("dumpsys", "package", PACKAGE, check=False))
        version = found[1] if found else "unknown"
    return Phone(
        serial=said.get("ro.serialno", device.serial),
        maker=said.get("ro.product.manufacturer", "unknown"),
        model=said.get("ro.product.model", "unknown"),
        soc=soc or said.get("ro.board.platform") or said.get("ro.hardware", "unknown"),
        android=said.get("ro.build.version.release", "unknown"),
        build=said.get("ro.build.fingerprint", "unknown"),
        abis=tuple(filter(None, said.get("ro.product.cpu.abilist", "").split(","))),
        cores=len(cores),
        memory_bytes=int(memory[1]) * 1024 if memory else 0,
        free_bytes=free_bytes(device),
        app=version,
        stand_in=said.get("ro.product.name") == STAND_IN,
    )


def free_bytes(device: Device) -> int:
    """Bytes that are free where the app keeps its files."""
    row = device.shell("df", "-k", "/sdcard").splitlines()[-1].split()
    if len(row) < 4 or not row[3].isdigit():
        raise ValueError(f"{device.serial}: df says {' '.join(row)!r}, expected kilobytes; is its storage there?")
    return int(row[3]) * 1024


def make_room(device: Device, size: int, what: str) -> None:
    """ValueError when a phone has not `size` free bytes, and as many again as Android wants for itself."""
    reserve, free = 64 * 2**20, free_bytes(device)
    if free < size + reserve:
        raise ValueError(
            f"{device.serial}: is full: {free / 1e6:.0f} MB are free, {what} and Android's own needs take "
            f"{(size + reserve) / 1e6:.0f} MB; free some space on it"
        )


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
    make_room(device, 3 * apk.stat().st_size, "the app")
    device.install(apk)
    return True


def wake(device: Device) -> None:
    """Switch a phone's screen on; ValueError when it is locked, for an app in the background is given slow cores."""
    device.shell("input", "keyevent", "KEYCODE_WAKEUP", check=False)
    device.shell("wm", "dismiss-keyguard", check=False)  # opens a lock that has no secret
    if locked(device):
        raise ValueError(f"{device.serial}: its screen is locked; unlock it and leave it on")


def locked(device: Device) -> bool:
    """Whether the lock screen shows, or the screen is off."""
    said = device.shell("dumpsys", "window", check=False) + device.shell("dumpsys", "power", check=False)
    shows = r"(mDreamingLockscreen|mShowingLockscreen|isStatusBarKeyguard|isKeyguardShowing)=true"
    return bool(re.search(shows, said) or re.search(r"mWakefulness=(Asleep|Dozing)", said))


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
    bundle.read_stages(model)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\.tflite", model.name):
        raise ValueError(f"{model}: the app wants names of letters, digits and . _ - that end in .tflite; rename it")
    folder = f"{FILES}/models"
    make_room(device, model.stat().st_size, "the file")
    device.shell("mkdir", "-p", folder)
    device.push(model, f"{folder}/{model.name}")
    start(device, "MainActivity", "model", model.name)
    return model.name
