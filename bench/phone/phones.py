"""Models measured on several phones at once, each by a thread of its own; what one phone lacks stops no other."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from poseport.bench import results_folder
from poseport.bench.boxes import Boxes
from poseport.bench.phone import app, handset, run, to_records
from poseport.bench.phone.adb import Device
from poseport.bench.phone.files import Description, Hardware, Mode, Sent, write_people
from poseport.bench.phone.parts import Job
from poseport.bench.phone.run import Cannot
from poseport.bench.record import Result
from poseport.data.people import People
from poseport.tflite.runner import Pose

CHUNK_SECONDS = 60.0


@dataclass(frozen=True)
class PhonePlan:
    """What is measured. settings: hardware and threads. repeat: timed inferences. minutes: of a sustained run behind
    each, 0 for none. only: keypoints to score, empty: all. out: folder of the records.
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
        """What `progress` of `measure` counts for one phone and one model: people, and seconds of sustained runs."""
        return len(self.settings) * (len(self.boxes.cropped) + round(60 * self.minutes))


@dataclass(frozen=True)
class PhoneResult:
    """A setting of a model on a phone: its records, or why there are none. apart_px: by how many input pixels the
    app's decoder was off at most, where both decoded the same outputs.
    """

    phone: str
    model: str
    hardware: Hardware
    threads: int
    records: tuple[Result, ...]
    apart_px: float | None = None
    cannot: Cannot | None = None


def settings(delegates: Sequence[str], threads: Sequence[int]) -> tuple[tuple[Hardware, int], ...]:
    """Settings of delegates such as cpu and gpu: threads count on the CPU only."""
    known: dict[str, Hardware] = {"cpu": "CPU", "gpu": "GPU", "nnapi": "NNAPI"}
    return tuple((known[name], count) for name in delegates for count in (threads if name == "cpu" else (1,)))


def prepare(models: Sequence[Pose], plan: PhonePlan, progress: Callable[[int], None]) -> list[Sent]:
    """The file of people that each model is fed, written once for models that are fed the same."""
    written: dict[object, Sent] = {}
    found = []
    for model in models:
        spec, tensor = model.spec, model.runner.input
        key = (spec.input_hw, spec.padding, spec.mean, spec.std, spec.channel_order, tensor["dtype"],
               tensor["quantization"]) if plan.mode == "tensors" else ()  # fmt: skip
        if key not in written:
            written[key] = write_people(model, plan.boxes.cropped, plan.mode, plan.out / "phone", progress)
        else:
            progress(len(plan.boxes.cropped))
        found.append(written[key])
    return found


def measure(
    devices: Sequence[Device],
    models: Sequence[Pose],
    sent: Sequence[Sent],
    plan: PhonePlan,
    progress: Callable[[int], None],
) -> tuple[list[PhoneResult], list[str]]:
    """All models on all phones, every record saved as soon as it is there; and the faults, a line a phone.

    sent: what `prepare` wrote; removed at the end. progress: called with the units just done.
    """
    stop, scoring, counting = threading.Event(), threading.Lock(), threading.Lock()

    def advance(units: int) -> None:
        with counting:
            progress(units)

    def one_phone(device: Device) -> tuple[list[PhoneResult], str]:
        found: list[PhoneResult] = []
        try:
            _one_phone(device, models, sent, plan, advance, stop, scoring, found)
        except ValueError as error:
            return found, str(error)
        except OSError as error:
            return found, f"{plan.out}: cannot be written ({error.strerror}); the same command goes on"
        return found, ""

    try:
        with ThreadPoolExecutor(len(devices), thread_name_prefix="phones") as pool:
            try:
                answers = list(pool.map(one_phone, devices))
            finally:
                stop.set()  # after Ctrl-C nobody waits for a phone
    finally:
        for one in sent:
            one.path.unlink(missing_ok=True)
        with suppress(OSError):  # not empty: runs that were cut
            (plan.out / "phone").rmdir()
    faults = [fault for _, fault in answers if fault]
    return [row for rows, _ in answers for row in rows], faults


def _one_phone(
    device: Device, models: Sequence[Pose], sent: Sequence[Sent], plan: PhonePlan, advance: Callable[[int], None],
    stop: threading.Event, scoring: threading.Lock, found: list[PhoneResult],
) -> None:  # fmt: skip
    """Everything on one phone; `found` has what was recorded also when a fault ends it."""
    app.provide(device, plan.apk)
    about = handset.look(device)
    local = plan.out / "phone" / re.sub(r"[^A-Za-z0-9]+", "-", about.name).strip("-")
    finished: list[tuple[Job, list[Description]]] = []
    for model, people in zip(models, sent, strict=True):
        job = Job(device, model.path, people, local, stop)
        descriptions = [run.describe(job, hardware, threads, repeat=plan.repeat) for hardware, threads in plan.settings]
        for setting in descriptions:
            folder = run.measure(job, setting, advance)
            name = model.path.name.removesuffix(".tflite")
            if isinstance(folder, Cannot):
                advance(round(60 * plan.minutes))
                found.append(PhoneResult(about.name, name, setting.hardware, setting.threads, (), cannot=folder))
                continue
            if plan.minutes:
                chunk = min(CHUNK_SECONDS, 60 * plan.minutes)
                run.sustain(job, setting, plan.minutes, chunk, advance)
            with scoring:  # the evaluator is not made for threads
                try:
                    records, apart = _records(model, about, setting, folder, plan)
                except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
                    reason = f"{type(error).__name__}: {error}"
                    raise ValueError(
                        f"{folder}: the app's results are incomplete ({reason}); remove the folder to measure again"
                    ) from None
                for one in records:
                    results_folder.save(one, plan.out)
            found.append(PhoneResult(about.name, name, setting.hardware, setting.threads, tuple(records), apart))
        finished.append((job, descriptions))
    for job, descriptions in finished:
        run.forget(job, descriptions)
    shutil.rmtree(local / ".incoming", ignore_errors=True)
    with suppress(OSError):
        local.rmdir()


def _records(
    model: Pose, about: handset.Phone, setting: Description, folder: Path, plan: PhonePlan
) -> tuple[list[Result], float | None]:
    scored, apart = to_records.accuracy_record(model, about, setting, folder, plan.people, plan.boxes, plan.only)
    records = [scored, to_records.latency_record(model, about, setting, folder, plan.people.path.name)]
    if plan.minutes:
        records.append(to_records.sustained_record(model, about, setting, folder, plan.people.path.name))
    return records, apart
