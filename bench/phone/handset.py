"""Describe a phone for a record, and check whether it can be measured now."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from poseport.bench.phone.adb import Device
from poseport.bench.phone.app import PACKAGE, installed

# a stand-in is a program with adb's protocol, for tests; its results must never count as those of a phone
STAND_IN = "standin"


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
        cores: Number of CPU cores.
        memory_bytes: Size of the memory.
        free_bytes: Free storage where the app keeps its files.
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
    memory_bytes: int
    free_bytes: int
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
    memory = re.search(r"MemTotal:\s+(\d+) kB", device.shell("cat", "/proc/meminfo", check=False))
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
        memory_bytes=int(memory[1]) * 1024 if memory else 0,
        free_bytes=device.free_bytes(),
        app=version,
        stand_in=properties.get("ro.product.name") == STAND_IN,
    )


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
    state = device.shell("dumpsys", "window", check=False) + device.shell("dumpsys", "power", check=False)
    shows = r"(mDreamingLockscreen|mShowingLockscreen|isStatusBarKeyguard|isKeyguardShowing)=true"
    return bool(re.search(shows, state) or re.search(r"mWakefulness=(Asleep|Dozing)", state))
