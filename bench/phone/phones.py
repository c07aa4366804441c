"""Measure models on several phones at once, one thread per phone; a fault of one phone does not stop the others."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from poseport.bench import results_folder
from poseport.bench.measure.boxes import Boxes
from poseport.bench.measure.describe import model_info
from poseport.bench.phone import app, handset, run
from poseport.bench.phone.adb import Device
from poseport.bench.phone.files import Description, Hardware, Mode, Sent, write_people
from poseport.bench.phone.parts import Job
from poseport.bench.phone.results import to_records
from poseport.bench.phone.run import Cannot
from poseport.bench.record import Result
from poseport.data.people import People
from poseport.tflite.runner import Pose

CHUNK_SECONDS = 60.0
NNAPI_ENDS = 15  # the Android version that deprecated it


@dataclass(frozen=True)
class PhonePlan:
    """The settings of a measurement on phones.

    Attributes:
        people: The annotated people.
        boxes: Boxes to crop.
        only: Names of the keypoints to score; empty for all.
        mode: Whether input tensors or whole images are sent.
        settings: Delegates, each with a number of threads.
        repeat: Number of timed inferences per setting.
        minutes: Length of a sustained run after each setting; 0 for none.
        apk: The app's file, or None to use the installed app.
        out: Folder of the records.
    """

    people: People
    boxes: Boxes
    only: tuple[str, ...]
    mode: Mode
    settings: tuple[tuple[Hardware, int], ...]
    repeat: int
    minutes: float
    apk: Path | None
    out: Path

    @property
    def units(self) -> int:
        """Steps of `measure` for one phone and one model: people, plus seconds of sustained runs."""
        return len(self.settings) * (len(self.boxes.cropped) + round(60 * self.minutes))


@dataclass(frozen=True)
class PhoneResult:
    """The result of a model on a phone with one setting.

    Attributes:
        phone: Name of the phone.
        model: Name of the model.
        hardware: Delegate that ran the network.
        threads: Number of CPU threads.
        records: The records; empty if there are none.
        apart_px: Largest distance in input pixels between the keypoints of the app's decoder and of this package's,
            from the same outputs; None if not both decoded them.
        cannot: Why there are no records, or None.
    """

    phone: str
    model: str
    hardware: Hardware
    threads: int
    records: tuple[Result, ...]
    apart_px: float | None = None
    cannot: Cannot | None = None


def settings(delegates: Sequence[str], threads: Sequence[int]) -> tuple[tuple[Hardware, int], ...]:
    """Combine delegates with numbers of threads; only the CPU uses more than one.

    Args:
        delegates: cpu, gpu or npu. The app's TFLite reaches an NPU through NNAPI, and records call it that.
        threads: Numbers of threads.

    Returns:
        Delegates, each with a number of threads.
    """
    known: dict[str, Hardware] = {"cpu": "CPU", "gpu": "GPU", "npu": "NNAPI"}
    return tuple((known[name], count) for name in delegates for count in (threads if name == "cpu" else (1,)))


def prepare(models: Sequence[Pose], plan: PhonePlan, progress: Callable[[int], None]) -> list[Sent]:
    """Write the people that each model needs, once for all models with the same input.

    Args:
        models: The loaded files.
        plan: What is measured.
        progress: Called with the number of people just done.

    Returns:
        One file of people per model, in the order of `models`.

    Raises:
        ValueError: if an image cannot be read, or the folder cannot be written.
    """
    written: dict[object, Sent] = {}
    files = []
    for model in models:
        spec, tensor = model.spec, model.runner.input
        key = (spec.input_hw, spec.padding, spec.mean, spec.std, spec.channel_order, tensor["dtype"],
               tensor["quantization"]) if plan.mode == "tensors" else ()  # fmt: skip
        if key not in written:
            written[key] = write_people(model, plan.boxes.cropped, plan.mode, plan.out / "phone", progress)
        else:
            progress(len(plan.boxes.cropped))
        files.append(written[key])
    return files


def measure(
    devices: Sequence[Device],
    models: Sequence[Pose],
    sent: Sequence[Sent],
    plan: PhonePlan,
    progress: Callable[[int], None],
) -> tuple[list[PhoneResult], list[str]]:
    """Measure all models on all phones, and save each record as soon as it is complete.

    Args:
        devices: The phones.
        models: The loaded files.
        sent: What `prepare` wrote, one per model; removed at the end.
        plan: What is measured.
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
            _one_phone(device, models, sent, plan, advance, stop, scoring, results)
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
        for people_file in sent:
            people_file.path.unlink(missing_ok=True)
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
    device: Device, models: Sequence[Pose], sent: Sequence[Sent], plan: PhonePlan, advance: Callable[[int], None],
    stop: threading.Event, scoring: threading.Lock, results: list[PhoneResult],
) -> None:  # fmt: skip
    """Measure everything on one phone; `results` receives each result at once, so that a later fault loses none."""
    app.provide(device, plan.apk)
    about = handset.look(device)
    local = plan.out / "phone" / re.sub(r"[^A-Za-z0-9]+", "-", about.name).strip("-")
    finished: list[tuple[Job, list[Description]]] = []
    for model, people in zip(models, sent, strict=True):
        job = Job(device, model.path, people, local, stop)
        descriptions = [run.describe(job, hardware, threads, repeat=plan.repeat) for hardware, threads in plan.settings]
        for setting in descriptions:
            folder = _without_nnapi(about, setting, advance) or run.measure(job, setting, advance)
            name = model.path.name.removesuffix(".tflite")
            result = partial(PhoneResult, about.name, name, setting.hardware, setting.threads)
            if isinstance(folder, Cannot):
                advance(round(60 * plan.minutes))
                results.append(result((), cannot=folder))
                continue
            if plan.minutes:
                chunk = min(CHUNK_SECONDS, 60 * plan.minutes)
                run.sustain(job, setting, plan.minutes, chunk, advance)
            with scoring:  # the evaluator is not thread-safe
                try:
                    measured = _records(model, about, setting, folder, plan)
                except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
                    reason = f"{type(error).__name__}: {error}"
                    raise ValueError(
                        f"{folder}: the app's results are incomplete ({reason}); remove the folder to measure again"
                    ) from None
                if isinstance(measured, Cannot):
                    results.append(result((), cannot=measured))
                    continue
                for record in measured[0]:
                    results_folder.save(record, plan.out)
            results.append(result(tuple(measured[0]), measured[1]))
        finished.append((job, descriptions))
    for job, descriptions in finished:
        run.forget(job, descriptions)
    shutil.rmtree(local / ".incoming", ignore_errors=True)
    with suppress(OSError):
        local.rmdir()


def _records(
    model: Pose, about: handset.Phone, setting: Description, folder: Path, plan: PhonePlan
) -> tuple[list[Result], float | None] | Cannot:
    """Make the records of a measured setting, and measure by how many input pixels the app's decoder differs.

    Answers that are not numbers cannot be scored; their times mean nothing.
    """
    name, info, people = plan.people.path.name, model_info(model), plan.people
    where = to_records.environment(model, info, about, setting, folder, plan.boxes.cropped)
    if where.agreement is not None and where.agreement.not_finite:
        return Cannot("wrong", where.agreement.label)
    scored, apart = to_records.accuracy_record(model, info, where, setting, folder, people, plan.boxes, plan.only)
    records = [scored, to_records.latency_record(info, where, setting, folder, name)]
    if plan.minutes:
        records.append(to_records.sustained_record(info, where, folder, name))
    return records, apart
