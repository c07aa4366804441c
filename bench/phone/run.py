"""Run a measurement on a phone: send, start, wait and fetch, and resume after an interruption.

Parts on this machine are never measured again; parts that only the phone has are fetched first. No file is copied
while the phone measures.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from poseport import bundle
from poseport.bench.formatting import plural
from poseport.bench.phone import app, handset, logcat
from poseport.bench.phone.files import Description, Hardware
from poseport.bench.phone.parts import MAX_RESULT_BYTES, PART, RESULT, Job, fetch, prepare, read, send
from poseport.files.safe_path import read_file
from poseport.records import write_whole

POLL_SECONDS = 2.0
STALL_SECONDS = 300.0
# polls without the app's process until it counts as ended, because it starts slowly and Android may restart it
ABSENT_LOOKS = 3


@dataclass(frozen=True)
class Cannot:
    """Why a phone has no results for a setting.

    Attributes:
        refused: The app's reason: `no_delegate` (the phone lacks the hardware), `unsupported` (the hardware cannot run
            the file) or `memory` (the file is too large for it); or `wrong`: its answers are not numbers.
        reason: The reason as a sentence.
    """

    refused: str
    reason: str


def describe(job: Job, hardware: Hardware, threads: int, *, repeat: int, warm_up: int = 10) -> Description:
    """Describe a run. The name of a file on the phone is its digest, so that it is sent only once.

    Args:
        job: The model and people.
        hardware: Delegate that runs the network.
        threads: Number of CPU threads.
        repeat: Number of timed inferences.
        warm_up: Number of untimed inferences before them.

    Returns:
        The description.
    """
    model, detector = (
        "" if path is None else f"{bundle.sha256(path)[:16]}.tflite" for path in (job.model, job.detector)
    )
    sent = job.people
    return Description(model, sent.mode, hardware, threads, sent.count, warm_up, repeat, sent.images, detector=detector)


def measure(
    job: Job, description: Description, progress: Callable[[int], None], *, fresh: bool = True
) -> Path | Cannot:
    """Measure what has not been measured yet.

    Args:
        job: The model and people.
        description: What the app is to measure.
        progress: Called with the number of people or pictures just done.
        fresh: Use a new process of the app.

    Returns:
        The local folder with all parts and `result.json`, or why the phone cannot run the setting.

    Raises:
        ValueError: with one line, for any fault on the phone; the same call resumes after the last complete part.
    """
    folder = job.folder(description)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / RESULT).is_file():
        progress(description.count)
        return _answer(job, folder)
    mine = description.identity(job.model.read_bytes())
    try:
        handset.wake(job.device)
        if fresh:  # a process left by an interrupted run must not write beside the new one
            job.device.shell("am", "force-stop", app.PACKAGE, check=False)
        send(job, description)
        fetch(job, folder, mine)
        prepare(job, folder, description)
        refused = _watch(job, description, progress, fresh)
        if refused is not None:
            write_whole(folder / RESULT, json.dumps({"schema": 1, **asdict(refused)}).encode())
            return refused
        if handset.locked(job.device):
            raise ValueError(
                f"{job.device.serial}: its screen was locked while it measured, and the times are those of an app in "
                "the background; unlock it and leave it on"
            )
        fetch(job, folder, mine, last=True)
    except ValueError as error:
        _rescue(job, folder, mine)
        measured = min(description.count, PART * len(list(folder.glob("[0-9]*.json"))))
        done = (
            plural(description.part - 1, "piece")
            if description.part
            else f"{measured} of {description.count} {description.items}"
        )
        raise ValueError(f"{error}. The same command continues from what is here: {done}") from None
    return _answer(job, folder)


def _answer(job: Job, folder: Path) -> Path | Cannot:
    """The result of a finished run; raises ValueError if the app refused the file itself."""
    result = read(folder / RESULT)
    if "refused" not in result:
        return folder
    cannot = Cannot(result["refused"], result.get("reason", f"the app gives only {result['refused']!r} as its reason"))
    if cannot.refused == "model":
        (folder / RESULT).unlink()  # another version of the app may accept it
        raise ValueError(f"{job.device.serial}: the app refuses {job.model}: {cannot.reason}")
    return cannot


def _rescue(job: Job, folder: Path, mine: str) -> None:
    """Fetch the parts that the phone still provides after a fault."""
    with suppress(ValueError):  # the phone keeps its files, and the next call fetches them
        fetch(job, folder, mine)


def _watch(job: Job, description: Description, progress: Callable[[int], None], fresh: bool) -> Cannot | None:
    """Start the app and wait for its result.

    Returns:
        None once the result is there. Older apps write no result for hardware that they cannot use, but log the reason,
        which is returned.

    Raises:
        ValueError: if the app fails, ends or stalls, or the phone disconnects.
    """
    phone_time = re.match(r"\d+(\.\d+)?", job.device.shell("date", "+%s.%N"))  # older phones do not know %N
    log_start = f"{float(phone_time[0]):.9f}" if phone_time else "0.0"
    app.start(job.device, "BenchmarkActivity", "run", job.run_id, fresh=fresh)
    serial, last_state, done, absent, changed = job.device.serial, "", 0, 0, time.monotonic()
    while not job.stop.wait(POLL_SECONDS):
        log_line = logcat.last_said(job, log_start)
        remote_sizes = job.device.sizes(job.remote)
        count = re.match(r"(\d+) of \d+", log_line)
        if count and int(count[1]) > done:
            progress(int(count[1]) - done)
            done = int(count[1])
        if RESULT in remote_sizes:
            progress(description.count - done)
            write_whole(job.folder(description) / logcat.RUNTIME_LOG, logcat.runtime_log(job, log_start).encode())
            return None
        if log_line.startswith("failed: "):
            if description.hardware != "CPU" and re.search(r"cannot be (used|run)|NNAPI needs", log_line):
                progress(description.count - done)
                return Cannot("unsupported", log_line.removeprefix("failed: "))
            if f'mode "{description.mode}" is not one of' in log_line:
                raise ValueError(f"{serial}: the app on it is too old for person detectors; {app.NEWER}")
            full = "; free some space on the phone" if "ENOSPC" in log_line else ""
            raise ValueError(f"{serial}: the app {log_line}{full}")
        alive = job.device.shell("pidof", app.PACKAGE, check=False).strip()
        absent = 0 if alive else absent + 1
        if absent >= ABSENT_LOOKS:
            driver = (
                "" if description.hardware == "CPU" else f", or leave {description.hardware} out, if its driver failed"
            )
            raise ValueError(
                f"{serial}: the app was ended on the phone, by Android or by hand; close other apps, and take it off "
                f"battery saving{driver}"
            )
        # processor time advances even while nothing is written for long
        busy = job.device.shell("cat", f"/proc/{alive.split()[0]}/stat", check=False) if alive else ""
        state = f"{log_line} {sorted(remote_sizes.items())} {busy}"
        if state != last_state:
            last_state, changed = state, time.monotonic()
        elif time.monotonic() > changed + STALL_SECONDS:
            why = "its screen is locked; unlock it" if handset.locked(job.device) else "look at its screen"
            raise ValueError(f"{serial}: the app has not moved for {STALL_SECONDS:.0f} s; {why}")
    job.device.shell("am", "force-stop", app.PACKAGE, check=False)
    raise ValueError(f"{serial}: interrupted")


def sustain(
    job: Job, first: Description, minutes: float, chunk_seconds: float, progress: Callable[[int], None]
) -> None:
    """Measure repeatedly in the same process for some minutes, after the pieces that exist already.

    The folder of `first` then holds `again-1.json` and so on, each a `result.json` of about `chunk_seconds`.

    Args:
        job: The model and people.
        first: A description that has been measured.
        minutes: Length of the whole run.
        chunk_seconds: Length of a piece.
        progress: Called with the number of seconds just measured.

    Raises:
        ValueError: with one line, for any fault on the phone.
    """
    folder, elapsed_s = job.folder(first), 0.0
    p50 = sorted(read(folder / RESULT)["latency_ns"])[first.repeat // 2] / 1e9
    part, fresh = 0, True  # a new process even when resuming: the old one may still measure
    while elapsed_s < 60 * minutes:
        part += 1
        piece = folder / f"again-{part}.json"
        if not piece.is_file():
            repeat = max(10, int(chunk_seconds / p50))
            repetition = replace(first, part=part, count=1, images=first.images[:1], repeat=repeat)
            result_folder = measure(job, repetition, lambda people: None, fresh=fresh)
            fresh = False
            assert isinstance(result_folder, Path)  # the same hardware has run it before
            write_whole(piece, read_file(result_folder / RESULT, MAX_RESULT_BYTES))
            shutil.rmtree(result_folder)
        step = sum(read(piece)["latency_ns"]) / 1e9
        elapsed_s += step
        progress(round(min(elapsed_s, 60 * minutes)) - round(min(elapsed_s - step, 60 * minutes)))


def forget(job: Job, descriptions: Sequence[Description]) -> None:
    """Remove the local results of some descriptions, and all files of the job on the phone.

    Args:
        job: The model and people.
        descriptions: The descriptions.

    Raises:
        ValueError: if the phone disconnects.
    """
    job.device.shell("am", "force-stop", app.PACKAGE, check=False)
    job.device.shell("rm", "-rf", job.remote)
    for description in descriptions:
        shutil.rmtree(job.folder(description), ignore_errors=True)
