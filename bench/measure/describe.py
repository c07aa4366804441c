"""Describe the machine and the model of a record, as they were when the measurement began."""

from __future__ import annotations

import datetime
import hashlib
import os
import platform
from pathlib import Path

from poseport import __version__
from poseport.bench.detector_record import DetectorTimes
from poseport.bench.record import Environment, Latency, Model, Ran
from poseport.people.detector import CenterDetector
from poseport.tflite import delegates, model_file, partition
from poseport.tflite.inspection import Inspection, inspect_bytes, macs_per_person
from poseport.tflite.runner import Pose

_SENSORS = Path("/sys/class/thermal")


def host(model: Pose | CenterDetector) -> Environment:
    """Describe this machine and its current state.

    Args:
        model: The loaded file, whose runtime, delegate and threads are recorded.

    Returns:
        The description.
    """
    sensors = [int(t) / 1000 for t in map(_read, _SENSORS.glob("thermal_zone*/temp")) if t.isdigit()]
    return Environment(
        device="host",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        system=f"{platform.system()} {platform.machine()}",
        runtime=model.runner.runtime,
        delegate=model.runner.delegate,
        threads=model.runner.threads,
        poseport=__version__,
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        governor=_read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        celsius=max(sensors, default=None),
        ran=_ran(model),
    )


def _ran(model: Pose | CenterDetector) -> Ran | None:
    """What XNNPACK took of the file's first network; None without a delegate, or if the file cannot be inspected."""
    if model.runner.delegate != "XNNPACK":
        return None
    inspection = inspect_first(model.path)
    if inspection is None:
        return None
    expected, _ = partition.predict(inspection, delegates.XNNPACK)
    return Ran("XNNPACK", "interpreter", partition.read(model.runner.interpreter, inspection), expected)


def inspect_first(path: Path) -> Inspection | None:
    """Inspect the first network of a file.

    Args:
        path: The file.

    Returns:
        What is in it; None if the installed runtime lacks the flatbuffer schema, as tflite-runtime does.
    """
    try:
        return inspect_bytes(model_file.read_bytes(path), str(path))
    except ValueError:
        return None


def _read(path: Path | str) -> str:
    """The content of a system file; empty if it cannot be read."""
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


def model_info(pose: Pose) -> Model:
    """Describe a loaded file.

    Args:
        pose: The loaded file.

    Returns:
        Its name, digest, sizes, card and multiply-adds.
    """
    data = pose.path.read_bytes()
    name = pose.path.name.removesuffix(".tflite")
    digest, zipped = hashlib.sha256(data).hexdigest(), model_file.zipped_bytes(data)
    return Model(name, digest, len(data), pose.card, zipped, _macs(pose.path))


def detector_times(detector: CenterDetector, environment: Environment, latency: Latency) -> DetectorTimes:
    """Make the record of a detector's times.

    Args:
        detector: The loaded file.
        environment: The place and time.
        latency: The times.

    Returns:
        The record.
    """
    data = model_file.read_bytes(detector.path)
    name, digest = detector.path.name.removesuffix(".tflite"), hashlib.sha256(data).hexdigest()
    return DetectorTimes(name, digest, len(data), detector.card, environment, latency)


def _macs(path: Path) -> dict[str, int]:
    """Multiply-adds per person by type; empty if the installed runtime cannot inspect files."""
    stages = model_file.read_stages(path)
    try:
        return macs_per_person((inspect_bytes(data, str(path)), card.spec.crops_per_person) for data, card in stages)
    except ValueError:  # tflite-runtime lacks the flatbuffer schema that the inspection needs
        return {}
