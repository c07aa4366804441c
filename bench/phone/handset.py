"""A phone as a record keeps it, and whether it can be measured now."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from poseport.bench.phone.adb import Device
from poseport.bench.phone.app import PACKAGE, installed

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
        free_bytes=device.free_bytes(),
        app=version,
        stand_in=said.get("ro.product.name") == STAND_IN,
    )


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
