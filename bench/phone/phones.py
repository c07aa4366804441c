"""Measure models on several phones at once, one thread per phone; a fault of one phone does not stop the others."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from poseport.bench import results_folder
from poseport.bench.detector_record import DetectorTimes
from poseport.bench.phone import app, handset, run
from poseport.bench.phone.adb import Device
from poseport.bench.phone.files import Description
from poseport.bench.phone.parts import Job
from poseport.bench.phone.plan import PhonePlan, PhoneResult, Task
from poseport.bench.phone.results import of_setting
from poseport.bench.phone.run import Cannot
from poseport.bench.record import Result

CHUNK_SECONDS = 60.0
NNAPI_ENDS = 15  # the Android version that deprecated it


def measure(
    devices: Sequence[Device], tasks: Sequence[Task], plan: PhonePlan, progress: Callable[[int], None]
) -> tuple[list[PhoneResult], list[str]]:
    """Measure everything on all phones, and save each record as soon as it is complete.

    Args:
        devices: The phones.
        tasks: What `plan.prepare` made; the files of people and pictures are removed at the end.
        plan: The settings.
        progress: Called with the number of `PhonePlan.units` just done.

    Returns:
        The results, and the faults, one line per phone that failed.
    """
    stop, scoring, counting = threading.Event(), threading.Lock(), threading.Lock()

    def advance(units: int) -> None:
        with counting:
            progress(units)

    def one_phone(device: Device) -> tuple[list[PhoneResult], str]:
        results: list[PhoneResult] = []
        try:
            _one_phone(device, tasks, plan, advance, stop, scoring, results)
        except ValueError as error:
            return results, str(error)
        except OSError as error:
            return results, f"{plan.out}: cannot be written ({error.strerror}); the same command continues"
        return results, ""

    try:
        with ThreadPoolExecutor(len(devices), thread_name_prefix="phones") as pool:
            try:
                answers = list(pool.map(one_phone, devices))
            finally:
                stop.set()  # after Ctrl-C, the threads stop waiting for their phones
    finally:
        for task in tasks:
            task.sent.path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty if a run was interrupted
            (plan.out / "phone").rmdir()
    faults = [fault for _, fault in answers if fault]
    return [row for rows, _ in answers for row in rows], faults


def _without_nnapi(about: handset.Phone, setting: Description, advance: Callable[[int], None]) -> Cannot | None:
    """Why a phone is not asked to run NNAPI; None for other hardware and for old phones."""
    release = re.match(r"\d+", about.android)
    if setting.hardware != "NNAPI" or release is None or int(release[0]) < NNAPI_ENDS:
        return None
    advance(setting.count)
    reason = f"the app reaches an NPU through NNAPI only, which Android {NNAPI_ENDS} deprecated"
    return Cannot("no_delegate", f"{reason}; the phone has {about.android}")


def _one_phone(
    device: Device, tasks: Sequence[Task], plan: PhonePlan, advance: Callable[[int], None], stop: threading.Event,
    scoring: threading.Lock, results: list[PhoneResult],
) -> None:  # fmt: skip
    """Measure everything on one phone; `results` receives each result at once, so that a later fault loses none."""
    app.provide(device, plan.apk)
    about = handset.look(device)
    local = plan.out / "phone" / re.sub(r"[^A-Za-z0-9]+", "-", about.name).strip("-")
    finished: list[tuple[Job, list[Description]]] = []
    for task in tasks:
        path, seconds = task.model.path, plan.seconds(task)
        job = Job(device, path, task.sent, local, stop, None if task.detector is None else task.detector.path)
        descriptions = [run.describe(job, hardware, threads, repeat=plan.repeat) for hardware, threads in plan.settings]
        for setting in descriptions:
            folder = _without_nnapi(about, setting, advance) or run.measure(job, setting, advance)
            name = path.name.removesuffix(".tflite")
            result = partial(PhoneResult, about.name, name, setting.hardware, setting.threads)
            if isinstance(folder, Cannot):
                advance(seconds)
                results.append(result(cannot=folder))
                continue
            if seconds:
                chunk = min(CHUNK_SECONDS, 60 * plan.minutes)
                run.sustain(job, setting, plan.minutes, chunk, advance)
            with scoring:  # the evaluator is not thread-safe
                try:
                    measured = of_setting.records(task, about, setting, folder, plan)
                except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
                    reason = f"{type(error).__name__}: {error}"
                    raise ValueError(
                        f"{folder}: the app's results are incomplete ({reason}); remove the folder to measure again"
                    ) from None
                if isinstance(measured, Cannot):
                    results.append(result(cannot=measured))
                    continue
                records, apart = measured
                files = [_save(record, plan.out) for record in records]
            results.append(result(tuple(records), tuple(files), apart))
        finished.append((job, descriptions))
    for job, descriptions in finished:
        run.forget(job, descriptions)
    shutil.rmtree(local / ".incoming", ignore_errors=True)
    with suppress(OSError):
        local.rmdir()


def _save(record: Result | DetectorTimes, out: Path) -> str:
    if isinstance(record, DetectorTimes):
        return results_folder.save_detector(record, out).relative_to(out).as_posix()
    return results_folder.save(record, out).relative_to(out).as_posix()
