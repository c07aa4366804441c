"""Describe a phone for a record, and check whether it can be measured now."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

from poseport.bench.phone.adb import Device
from poseport.bench.phone.app import PACKAGE, installed

# a stand-in is a program with adb's protocol, for tests; its results must never count as those of a phone
STAND_IN = "standin"
Screen = Literal["on", "locked", "off", "unknown"]


@dataclass(frozen=True)
class Phone:
    """The properties of a phone, as it reports them.

    Attributes:
        serial: Serial number.
        maker: Manufacturer.
        model: Name of the model.
        soc: System on a chip.
        android: Android version.
        build: Build fingerprint.
        abis: Binary interfaces that it supports.
        cores: Number of CPU cores; 0 if it does not report them.
        memory_bytes: Size of the memory; None if it does not report it.
        free_bytes: Free storage where the app keeps its files; None if it does not report it.
        app: Version of the app, or None if it is not installed.
        stand_in: Whether it is a test program that imitates a phone.
    """

    serial: str
    maker: str
    model: str
    soc: str
    android: str
    build: str
    abis: tuple[str, ...]
    cores: int
    memory_bytes: int | None
    free_bytes: int | None
    app: str | None
    stand_in: bool

    @property
    def name(self) -> str:
        """The name in records: maker, model, and four digits that distinguish two phones of the same model."""
        digits = hashlib.sha256(self.serial.encode()).hexdigest()[:4]
        kind = "stand-in " if self.stand_in else ""
        return f"{kind}{self.maker} {self.model} ({digits})"


def look(device: Device) -> Phone:
    """Query the properties of a phone.

    Args:
        device: The phone.

    Returns:
        The properties.

    Raises:
        ValueError: if the phone does not answer.
    """
    properties = dict(re.findall(r"^\[(.+?)\]: \[(.*)\]$", device.shell("getprop").replace("\r", ""), re.MULTILINE))
    emulator = device.serial.startswith("emulator-")  # emulators of one version share their ro.serialno
    soc = " ".join(filter(None, (properties.get("ro.soc.manufacturer"), properties.get("ro.soc.model"))))
    cores = re.findall(r"^processor\s*:", device.shell("cat", "/proc/cpuinfo", check=False), re.MULTILINE)
    version = None
    if installed(device):
        match = re.search(r"versionName=(\S+)", device.shell("dumpsys", "package", PACKAGE, check=False))
        version = match[1] if match else "unknown"
    return Phone(
        serial=device.serial if emulator else properties.get("ro.serialno", device.serial),
        maker=properties.get("ro.product.manufacturer", "unknown"),
        model=properties.get("ro.product.model", "unknown"),
        soc=soc or properties.get("ro.board.platform") or properties.get("ro.hardware", "unknown"),
        android=properties.get("ro.build.version.release", "unknown"),
        build=properties.get("ro.build.fingerprint", "unknown"),
        abis=tuple(filter(None, properties.get("ro.product.cpu.abilist", "").split(","))),
        cores=len(cores),
        memory_bytes=memory(device, "MemTotal"),
        free_bytes=device.free_bytes(),
        app=version,
        stand_in=properties.get("ro.product.name") == STAND_IN,
    )


def memory(device: Device, row: str) -> int | None:
    """Read a row of a phone's /proc/meminfo.

    Args:
        device: The phone.
        row: Name of the row, such as MemAvailable.

    Returns:
        Bytes; None if the phone does not report it.
    """
    said = re.search(rf"^{row}:\s+([0-9]{{1,12}}) kB", device.shell("cat", "/proc/meminfo", check=False), re.MULTILINE)
    return int(said[1]) * 1024 if said else None


def wake(device: Device) -> None:
    """Turn on the screen of a phone, because Android gives slow cores to apps in the background.

    Args:
        device: The phone.

    Raises:
        ValueError: if the phone is locked.
    """
    device.shell("input", "keyevent", "KEYCODE_WAKEUP", check=False)
    device.shell("wm", "dismiss-keyguard", check=False)  # dismisses a lock screen without a PIN
    if locked(device):
        raise ValueError(f"{device.serial}: its screen is locked; unlock it and leave it on")


def locked(device: Device) -> bool:
    """Whether the lock screen is shown or the screen is off.

    Args:
        device: The phone.
    """
    return screen(device) in ("locked", "off")


def screen(device: Device) -> Screen:
    """Read the state of a phone's screen; `on` means that it shows apps.

    Args:
        device: The phone.
    """
    power = device.shell("dumpsys", "power", check=False)
    if re.search(r"mWakefulness=(Asleep|Dozing)", power):
        return "off"
    shows = r"(?:mDreamingLockscreen|mShowingLockscreen|isStatusBarKeyguard|isKeyguardShowing)=(true|false)"
    lock_screen = set(re.findall(shows, device.shell("dumpsys", "window", check=False) + power))
    if "true" in lock_screen:
        return "locked"
    return "on" if lock_screen and "mWakefulness=Awake" in power else "unknown"
