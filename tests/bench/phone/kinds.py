"""Kinds of phone: what each answers, in the words of Android's own commands, and how a stand-in becomes one."""

from __future__ import annotations

import shlex

from standin import PACKAGE, StandIn

CORE = "processor\t: {}\nFeatures\t: fp asimd aes crc32 atomics fphp asimdhp asimdrdm {}\n"
BATTERY = (
    "Current Battery Service state:\n  AC powered: {}\n  USB powered: true\n  Wireless powered: false\n  status: 2\n"
)
BATTERY += "  present: true\n  level: {}\n  scale: 100\n  voltage: 4123\n  temperature: {}\n  technology: Li-ion\n"
THERMAL = "IsStatusOverride: false\nThermalEventListeners:\n\tcallbacks: 1\nThermal Status: {}\nCached temperatures:\n"
THERMAL += "\tTemperature{{mValue=31.2, mType=3, mName=skin, mStatus=0}}\nHAL Ready: {}\n"
NAMES = [f"lib{{}}/libOpenCL{kind}.so" for kind in ("", "-pixel", "-car")]
OPENCL = {
    bits: [f"{place}/{name.format(bits)}" for place in ("/vendor", "/system/vendor", "/system") for name in NAMES]
    for bits in ("64", "")
}
# what nobody's terminal may obey
BAD = "a\x1b]0;owned\x07\x9b2J\u202eb"


def setting(name: str) -> str:
    return f"settings get global {name}"


def listed(found: str, bits: str = "64") -> dict[str, str]:
    """The answer of `ls` if one libOpenCL is there, or none."""
    said = [p if p == found else f"ls: {p}: No such file or directory" for p in OPENCL[bits]]
    return {shlex.join(["ls", "-d", *OPENCL[bits]]): "\n".join(said) + "\n"}


def public(*libraries: str) -> dict[str, str]:
    """The answer of `cat` for the libraries that apps may open."""
    lists = "cat /vendor/etc/public.libraries.txt /system/etc/public.libraries.txt"
    return {lists: "".join(f"{name}\n" for name in (*libraries, "libandroid.so", "libEGL.so"))}


def healthy(phone: StandIn) -> None:
    """A phone of today that lacks nothing."""
    phone.properties |= {
        "ro.build.version.release": "15", "ro.build.version.sdk": "35", "ro.opengles.version": "196610",
        "ro.product.cpu.abilist": "arm64-v8a",
    }  # fmt: skip
    phone.says |= {
        "getconf PAGE_SIZE": "4096\n",
        "cat /proc/meminfo": "MemTotal:        7800000 kB\nMemFree: 100 kB\nMemAvailable:    3100000 kB\n",
        "cat /proc/cpuinfo": "".join(CORE.format(i, "asimddp") for i in range(8)),
        "dumpsys battery": BATTERY.format("false", 80, 315),
        "dumpsys thermalservice": THERMAL.format(0, "true"),
        "dumpsys SurfaceFlinger": "RenderEngine\nGLES: Maker, Renderer (TM) 740, OpenGL ES 3.2 V@0676.0 (GIT)\n",
        f"dumpsys package {PACKAGE}": "    versionName=0.1\n",
        setting("low_power"): "0\n", setting("development_settings_enabled"): "1\n", setting("adb_enabled"): "1\n",
        setting("stay_on_while_plugged_in"): "2\n",
        **listed("/vendor/lib64/libOpenCL.so"), **public("libOpenCL.so"),
    }  # fmt: skip


def old(phone: StandIn) -> None:
    """Android 8 on 32 bits that answers little, without the app."""
    phone.properties |= {
        "ro.build.version.release": "8.1.0", "ro.build.version.sdk": "27", "ro.config.low_ram": "true",
        "ro.product.cpu.abilist": "armeabi-v7a,armeabi", "ro.opengles.version": "196609",
    }  # fmt: skip
    phone.says |= {
        "cat /proc/self/smaps": "12c00000-13000000 rw-p 00000000 00:00 0\nSize: 4096 kB\nKernelPageSize:        4 kB\n",
        "cat /proc/meminfo": "MemTotal:        1900000 kB\nMemAvailable:     900000 kB\n",
        **{setting(n): "null\n" for n in ("low_power", "development_settings_enabled", "stay_on_while_plugged_in")},
        **listed("", ""),
    }


def troubled(phone: StandIn) -> None:
    """Hot, saving its battery, full, locked, 16 KB pages, a library apps may not open, and the app of another day."""
    healthy(phone)
    phone.locked, phone.space = True, 30_000_000
    phone.says |= {
        "getconf PAGE_SIZE": "16384\n",
        "cat /proc/meminfo": "MemTotal:        3800000 kB\nMemAvailable:     150000 kB\n",
        "cat /proc/cpuinfo": CORE.format(0, "asimddp") + CORE.format(1, ""),
        "dumpsys battery": BATTERY.format("true", 9, 455),
        "dumpsys thermalservice": THERMAL.format(3, "true"),
        f"dumpsys package {PACKAGE}": "    versionName=0.0.9\n",
        setting("low_power"): "1\n", setting("stay_on_while_plugged_in"): "0\n",
        **public(),
    }  # fmt: skip


def hostile(phone: StandIn) -> None:
    """Answers that are to command the terminal, to pass for numbers, or to be none at all."""
    many = "9" * 5000
    names = ("manufacturer", "model", "cpu.abilist")
    phone.properties |= {f"ro.product.{name}": BAD for name in names}
    phone.properties |= {
        "ro.serialno": BAD, "ro.soc.model": BAD, "ro.build.version.release": BAD, "ro.build.fingerprint": BAD,
        "ro.build.version.sdk": many, "ro.opengles.version": many, "ro.config.low_ram": BAD,
    }  # fmt: skip
    phone.says |= {
        "getconf PAGE_SIZE": f"{many}\n", "df -k /sdcard": "\n",
        "cat /proc/meminfo": f"MemTotal: {many} kB\nMemAvailable: -1 kB\n",
        "dumpsys battery": f"  level: {many}\n  scale: 0\n  temperature: {BAD}\n  AC powered: {BAD}\n",
        "dumpsys thermalservice": "Thermal Status: 9\n",
        "dumpsys SurfaceFlinger": f"GLES: {BAD}, OpenGL ES 3.2\n",
        f"dumpsys package {PACKAGE}": f"versionName={BAD}\n",
        setting("low_power"): f"{BAD}\n", setting("stay_on_while_plugged_in"): f"{many}\n",
    }  # fmt: skip
