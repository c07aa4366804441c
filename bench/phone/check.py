"""What a phone says about itself before anything is measured: its state now, its settings and its GPU.

Android's own commands answer, and differently from version to version. What a phone does not say, or says in words that
are not known here, is None or "unknown"; it never becomes a good value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from poseport.bench.phone import handset
from poseport.bench.phone.adb import Device

# android.os.PowerManager.THERMAL_STATUS_*, from 0 on
THERMAL = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
OpenCL = Literal["public", "not public", "missing", "unknown"]

# the names under which TFLite's GPU delegate opens OpenCL (tflite/delegates/gpu/cl/opencl_wrapper.cc)
_OPENCL = r"libOpenCL(-pixel|-car)?\.so"
_OPENCL_FOLDERS = ("/vendor/lib", "/system/vendor/lib", "/system/lib")
_PUBLIC = ("/vendor/etc/public.libraries.txt", "/system/etc/public.libraries.txt")


@dataclass(frozen=True)
class Gpu:
    """What a phone says about its GPU; that a delegate runs on it is known only once it has.

    Attributes:
        name: Vendor and renderer.
        opengl_es: Version of OpenGL ES, such as 3.2.
        opencl: Whether there is a libOpenCL.so, and whether it is listed as open to apps.
    """

    name: str
    opengl_es: str
    opencl: OpenCL


@dataclass(frozen=True)
class Facts:
    """What a phone said when it was asked; None or "unknown" for what it did not say.

    Attributes:
        phone: Its properties.
        api: Android's API level.
        low_ram: Whether its maker set Android up for little memory.
        page_bytes: Size of a memory page.
        dot_products: Whether every core has ARM's int8 dot product instructions (asimddp).
        available_bytes: Memory that apps can still take.
        thermal: Android's thermal status, one of `THERMAL`.
        battery_percent: Charge of the battery.
        battery_celsius: Temperature of the battery.
        plugged: Whether it is being charged.
        battery_saver: Whether the battery saver is on.
        screen: Whether the screen shows apps.
        developer_options: Whether the developer options are on.
        usb_debugging: Whether USB debugging is on; off is possible in the network.
        stay_awake: Whether the screen stays on while the phone is charged.
        gpu: What it says about its GPU.
    """

    phone: handset.Phone
    api: int | None
    low_ram: bool | None
    page_bytes: int | None
    dot_products: bool | None
    available_bytes: int | None
    thermal: str
    battery_percent: int | None
    battery_celsius: float | None
    plugged: bool | None
    battery_saver: bool | None
    screen: handset.Screen
    developer_options: bool | None
    usb_debugging: bool | None
    stay_awake: bool | None
    gpu: Gpu


def ask(device: Device) -> Facts:
    """Ask a phone what it can do and how it is now. Nothing on it is changed.

    Args:
        device: The phone.

    Returns:
        What it said.

    Raises:
        ValueError: if the phone disconnects.
    """
    phone = handset.look(device)
    api = _property(device, "ro.build.version.sdk")
    percent, celsius, plugged = _battery(device.shell("dumpsys", "battery", check=False))
    stay_on = _setting(device, "stay_on_while_plugged_in")
    return Facts(
        phone=phone,
        api=int(api) if re.fullmatch("[0-9]{1,3}", api) else None,
        low_ram={"true": True, "false": False}.get(_property(device, "ro.config.low_ram")),
        page_bytes=_page_bytes(device),
        dot_products=_dot_products(device.shell("cat", "/proc/cpuinfo", check=False)),
        available_bytes=handset.memory(device, "MemAvailable"),
        thermal=_thermal(device.shell("dumpsys", "thermalservice", check=False)),
        battery_percent=percent,
        battery_celsius=celsius,
        plugged=plugged,
        battery_saver=_switch(_setting(device, "low_power")),
        screen=handset.screen(device),
        developer_options=_switch(_setting(device, "development_settings_enabled")),
        usb_debugging=_switch(_setting(device, "adb_enabled")),
        # one bit for each kind of charger
        stay_awake=stay_on != "0" if re.fullmatch("[0-9]{1,2}", stay_on) else None,
        gpu=_gpu(device, any("64" in abi for abi in phone.abis)),
    )


def _property(device: Device, name: str) -> str:
    return device.shell("getprop", name, check=False).strip()


def _setting(device: Device, name: str) -> str:
    return device.shell("settings", "get", "global", name, check=False).strip()


def _switch(said: str) -> bool | None:
    return {"0": False, "1": True}.get(said)


def _page_bytes(device: Device) -> int | None:
    said = device.shell("getconf", "PAGE_SIZE", check=False).strip()
    if not re.fullmatch("[0-9]+", said):
        kernel = re.search(
            r"^KernelPageSize:\s+([0-9]{1,4}) kB", device.shell("cat", "/proc/self/smaps", check=False), re.MULTILINE
        )
        said = str(int(kernel[1]) * 1024) if kernel else ""
    return int(said) if said in ("4096", "16384", "65536") else None


def _dot_products(cpuinfo: str) -> bool | None:
    """From the `Features` of every core, which Arm's kernels write; those of other processors do not."""
    features = re.findall(r"^Features\s*:(.*)$", cpuinfo, re.MULTILINE)
    return all("asimddp" in core.split() for core in features) if features else None


def _thermal(said: str) -> str:
    """Until Android 10 there is no such service, and a status that no sensor backs is none."""
    status = re.search(r"^\s*Thermal Status: ([0-6])\s*$", said, re.MULTILINE)
    return "unknown" if not status or "HAL Ready: false" in said else THERMAL[int(status[1])]


def _battery(said: str) -> tuple[int | None, float | None, bool | None]:
    """Percent, degrees and charger; values that somebody set by hand for a test are not the battery's."""
    rows = dict(re.findall(r"^\s*([A-Za-z ]+): (\S+)\s*$", said, re.MULTILINE))
    if "UPDATES STOPPED" in said or rows.get("present") == "false":
        return None, None, None
    level, scale, tenths = (
        int(rows[key]) if re.fullmatch("-?[0-9]{1,4}", rows.get(key, "")) else None
        for key in ("level", "scale", "temperature")
    )
    percent = round(100 * level / scale) if level is not None and scale and 0 <= level <= scale else None
    celsius = tenths / 10 if tenths and -400 < tenths < 1500 else None  # 0 stands for no sensor
    powered = {value for key, value in rows.items() if key.endswith(" powered")}
    return percent, celsius, "true" in powered if powered <= {"true", "false"} and powered else None


def _gpu(device: Device, wide: bool) -> Gpu:
    said = re.search(
        r"^\s*GLES: (.{1,100}), OpenGL ES ([0-9]\.[0-9])",
        device.shell("dumpsys", "SurfaceFlinger", check=False),
        re.MULTILINE,
    )
    packed = _property(device, "ro.opengles.version")
    version = said[2] if said else "unknown"
    if not said and re.fullmatch("[0-9]{5,6}", packed):  # the version's halves in 16 bits each
        version = f"{int(packed) >> 16}.{int(packed) & 0xFFFF}"
    return Gpu(said[1] if said else "unknown", version, _opencl(device, wide))


def _opencl(device: Device, wide: bool) -> OpenCL:
    """Apps of Android 7 and later may open the vendor's libraries that are listed for them, and no others."""
    names = [f"libOpenCL{kind}.so" for kind in ("", "-pixel", "-car")]
    paths = [f"{folder}{'64' if wide else ''}/{name}" for folder in _OPENCL_FOLDERS for name in names]
    listing = device.shell("ls", "-d", *paths, check=False)
    if not set(paths) & set(listing.split()):
        return "missing" if listing.count("No such file") == len(paths) else "unknown"
    listed = device.shell("cat", *_PUBLIC, check=False)
    if re.search(rf"^{_OPENCL}", listed, re.MULTILINE):
        return "public"
    return "unknown" if "denied" in listed or not re.search(r"^lib\S+\.so", listed, re.MULTILINE) else "not public"
