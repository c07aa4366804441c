"""This machine, as a record keeps it: what it is, and what it was doing when a measurement began."""

from __future__ import annotations

import datetime
import os
import platform
from pathlib import Path

from poseport import __version__
from poseport.bench.result import Environment
from poseport.tflite.runner import Pose

_SENSORS = Path("/sys/class/thermal")


def host(pose: Pose) -> Environment:
    """This machine, as a record keeps it."""
    sensors = [int(t) / 1000 for t in map(_read, _SENSORS.glob("thermal_zone*/temp")) if t.isdigit()]
    return Environment(
        device="host",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        runtime=pose.runner.runtime,
        delegate=pose.runner.delegate,
        threads=pose.runner.threads,
        poseport=__version__,
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        celsius=max(sensors, default=None),
    )


def _read(path: Path | str) -> str:
    """A line that the system tells about itself; empty where it does not."""
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown"
