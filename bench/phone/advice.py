"""What follows from the facts of a phone: the shipped model that it should take, and what stands in the way.

No phone has been measured yet. The limits below were chosen, and the estimates count bytes and multiply-adds, not time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from poseport import __version__
from poseport.bench.phone import app
from poseport.bench.phone.adb import RESERVE_BYTES
from poseport.bench.phone.check import THERMAL, Facts
from poseport.tflite import memory, model_file, shipped
from poseport.tflite.inspection import inspect_bytes

SMALL, LARGE = "tiny", "accurate"
# a phone sold with 2 GB reports less than the first, one with 6 GB more than the second
SMALL_BYTES, LARGE_BYTES = 2_500_000_000, 5_000_000_000
# what the app takes besides the network: memory, and storage for the APK and its unpacked libraries
APP_MEMORY_BYTES, APP_BYTES = 200_000_000, 36_000_000
HOT_CELSIUS, LOW_PERCENT = 40.0, 20
APK = "android_demo/build/poseport-demo.apk"


@dataclass(frozen=True)
class Problem:
    """What stands in the way of a measurement.

    Attributes:
        id: Stable name, for scripts.
        what: What the phone said, and what that means.
        remedy: What to do about it.
    """

    id: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Needs:
    """What a shipped network takes, from its file.

    Attributes:
        file_bytes: Size of the file.
        activation_bytes: Estimate of the memory that its activations take.
        macs: Multiply-adds per crop.
    """

    file_bytes: int
    activation_bytes: int
    macs: int

    @property
    def memory_bytes(self) -> int:
        """Memory with the app: the weights count twice, because XNNPACK keeps a copy in its own order."""
        return 2 * self.file_bytes + self.activation_bytes + APP_MEMORY_BYTES


@dataclass(frozen=True)
class Advice:
    """What a phone should take, and what stands in the way.

    Attributes:
        model: Name of a shipped network; None if the app does not run on the phone.
        needs: What that network takes.
        reasons: Why this network.
        delegates: What is worth measuring, as `bench phone --delegates` takes it.
        problems: What stands in the way; empty if the phone said nothing that does.
    """

    model: str | None
    needs: Needs | None
    reasons: tuple[str, ...]
    delegates: tuple[str, ...]
    problems: tuple[Problem, ...]


def needs(name: str) -> Needs:
    """Read what a shipped network takes.

    Args:
        name: Its name.
    """
    data = model_file.read_bytes(shipped.SHIPPED[name].path)
    return Needs(len(data), memory.peak_bytes(data, name), inspect_bytes(data, name).macs)


def advise(facts: Facts) -> Advice:
    """Choose a network and list the problems.

    Args:
        facts: What the phone said.

    Returns:
        The advice.
    """
    never = tuple(_unfit(facts))
    if never:
        return Advice(None, None, ("the app does not run on this phone",), (), never)
    model, reasons = _choose(facts)
    takes = needs(model)
    gpu = facts.gpu.opencl == "public" or facts.gpu.opengl_es in ("3.1", "3.2")
    problems = (*_app(facts), *_state(facts), *_room(facts, model, takes))
    return Advice(model, takes, reasons, ("cpu", "gpu") if gpu else ("cpu",), problems)


def _choose(facts: Facts) -> tuple[str, tuple[str, ...]]:
    phone, size = facts.phone, facts.phone.memory_bytes
    wide = any("64" in abi for abi in phone.abis)
    small = [
        *(["has only 32-bit ABIs"] if phone.abis and not wide else []),
        *([f"has {size / 1e9:.1f} GB of memory"] if size is not None and size < SMALL_BYTES else []),
        *(["is set up for little memory (ro.config.low_ram)"] if facts.low_ram else []),
    ]
    starter = needs(shipped.STARTER).macs
    if small:
        fewer = f"{needs(SMALL).macs / 1e6:.0f} M multiply-adds per crop"
        costs = f"{SMALL} has {fewer}, {shipped.STARTER} {starter / 1e6:.0f} M"
        return SMALL, (f"the phone {', '.join(small)}", costs)
    lacks = [
        *(["does not say how much memory it has"] if size is None else []),
        *([f"has {size / 1e9:.1f} GB of memory"] if size is not None and size < LARGE_BYTES else []),
        *(["does not say whether its cores have int8 dot products"] if facts.dot_products is None else []),
        *(["has cores without int8 dot products"] if facts.dot_products is False else []),
    ]
    times = f"{needs(LARGE).macs / starter:.1f} times the multiply-adds of {shipped.STARTER}"
    costs = f"{LARGE} is more exact and takes {times}"
    rule = f"from {LARGE_BYTES / 1e9:.0f} GB of memory and with int8 dot products on every core"
    if lacks:
        default = f"{shipped.STARTER} is the default"
        return shipped.STARTER, (default, f"{costs}; it is advised {rule}, and this phone {', '.join(lacks)}")
    has = f"the phone has {(size or 0) / 1e9:.1f} GB of memory, and int8 dot products on every core"
    return LARGE, (has, f"{costs}; if it is too slow, take {shipped.STARTER}")


def _unfit(facts: Facts) -> Iterator[Problem]:
    """Why the app can never run on a phone."""
    if facts.api is not None and facts.api < app.MIN_API:
        yield Problem(
            "android",
            f"Android {facts.phone.android} (API {facts.api}); the app needs {app.MIN_ANDROID} (API {app.MIN_API})",
            "take another phone, or try the page that `poseport web` writes in its browser",
        )
    if facts.phone.abis and not set(facts.phone.abis) & set(app.ABIS):
        yield Problem(
            "abi",
            f"it runs {', '.join(facts.phone.abis)}; the app has libraries for {', '.join(app.ABIS)}",
            "take another phone; for x86, add it to poseport.abis in android_demo/gradle.properties and `make apk`",
        )


def _app(facts: Facts) -> Iterator[Problem]:
    """What is wrong with the app on the phone."""
    update = f"`make apk`, then `poseport phone install {shipped.STARTER} --apk {APK}`"
    version = facts.phone.app
    if version is None:
        yield Problem("app", "the app is not installed", update)
    elif _short(version) != _short(__version__):
        yield Problem("app-version", f"its app is of version {version}; this toolkit is {__version__}", update)
    if facts.page_bytes is not None and facts.page_bytes > app.PAGE_BYTES:
        yield Problem(
            "page-size",
            f"memory pages of {facts.page_bytes // 1024} KB, and the app's TFLite libraries are aligned to "
            f"{app.PAGE_BYTES // 1024} KB: they load only in Android's compatibility mode (Android 16 and later), "
            "which says so when the app starts",
            "if the app does not start, switch the phone to 4 KB pages (developer options)",
        )


def _short(version: str) -> str:
    return re.sub(r"(\.0)+$", "", version)


def _state(facts: Facts) -> Iterator[Problem]:
    """What is wrong with the phone now."""
    celsius, percent = facts.battery_celsius, facts.battery_percent
    throttled = facts.thermal in THERMAL[1:]
    if throttled or (celsius is not None and celsius >= HOT_CELSIUS):
        status = f"thermal status {facts.thermal} ({THERMAL.index(facts.thermal)} of 6)" if throttled else ""
        battery = "" if celsius is None else f"battery at {celsius:.1f} °C"
        said = ", ".join(filter(None, (status, battery)))
        yield Problem("hot", f"it is hot: {said}; a hot phone lowers its clocks", "let it cool, out of its case")
    if facts.battery_saver:
        yield Problem("battery-saver", "the battery saver is on and slows it down", "switch it off in its settings")
    if percent is not None and percent < LOW_PERCENT:
        yield Problem("battery", f"the battery is at {percent} %", "charge it before a long measurement")
    if facts.screen in ("locked", "off"):
        state = "is locked" if facts.screen == "locked" else "is off"
        yield Problem(
            "screen", f"the screen {state}; Android gives slow cores to apps that are not shown",
            "unlock it and leave it on; 'Stay awake' in the developer options keeps it on",
        )  # fmt: skip


def _room(facts: Facts, model: str, takes: Needs) -> Iterator[Problem]:
    """Where memory or storage is short."""
    available, free = facts.available_bytes, facts.phone.free_bytes
    if available is not None and available < takes.memory_bytes:
        yield Problem(
            "memory",
            f"{available / 1e6:.0f} MB of memory are available; {model} and the app take about "
            f"{takes.memory_bytes / 1e6:.0f} MB (estimated)",
            "close other apps, or restart the phone",
        )
    wanted = takes.file_bytes + RESERVE_BYTES + (0 if facts.phone.app else APP_BYTES)
    if free is not None and free < wanted:
        what = model if facts.phone.app else f"the app, {model}"
        yield Problem(
            "storage",
            f"{free / 1e6:.0f} MB of storage are free; {what} and Android's own needs take {wanted / 1e6:.0f} MB",
            "free some space on it",
        )
