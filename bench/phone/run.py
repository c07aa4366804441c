"""One run on a phone: sent, started, watched and brought back, and gone on with wherever it was cut.

What is here is never measured again; what only the phone has is fetched first. Nothing is copied while the phone
measures.
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
from poseport.bench.phone import app, handset
from poseport.bench.phone.files import Description, Hardware
from poseport.bench.phone.parts import PART, RESULT, Job, fetch, prepare, read, send
from poseport.records import write_whole

POLL_SECONDS = 2.0
STALL_SECONDS = 300.0
# the app may need this many looks to appear after it was started, and Android as many to bring it back
ABSENT_LOOKS = 3


@dataclass(frozen=True)
class Cannot:
    """Why a phone has no figures for a setting. refused: `no_delegate`, `unsupported` or `memory`, as the app says
    it: the phone lacks the hardware, the hardware does not run the file, or the file is too large for it. reason: a
    sentence for people.
    """

    refused: str
    reason: str


def describe(job: Job, hardware: Hardware, threads: int, *, repeat: int, warm_up: int = 10) -> Description:
    """The description of a run; the model's name on the phone is its digest, so that it is sent once."""
    name, people = f"{bundle.sha256(job.model)[:16]}.tflite", job.people
    return Description(name, people.mode, hardware, threads, people.count, warm_up, repeat, people.images)


def measure(
    job: Job, description: Description, progress: Callable[[int], None], *, fresh: bool = True
) -> Path | Cannot:
    """Measure what is not measured yet; the local folder that then holds all parts and `result.json`.

    progress: called with the number of people just done. fresh: in a new process of the app.
    Raises ValueError, one line, for whatever went wrong on the way; the same call goes on behind the last part.
    """
    folder = job.folder(description)
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / RESULT).is_file():
        progress(description.count)
        return _answer(job, folder)
    mine = description.identity(job.model.read_bytes())
    try:
        handset.wake(job.device)
        if fresh:  # what a cut left running must not write beside the new process
            job.device.shell("am", "force-stop", app.PACKAGE, check=False)
        send(job, description.model)
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
        kept = min(description.count, PART * len(list(folder.glob("[0-9]*.json"))))
        done = plural(description.part - 1, "piece") if description.part else f"{kept} of {description.count} people"
        raise ValueError(f"{error}. The same command goes on with what is here: {done}") from None
    return _answer(job, folder)


def _answer(job: Job, folder: Path) -> Path | Cannot:
    """What a finished run came to; ValueError where the app refused the file itself."""
    found = read(folder / RESULT)
    if "refused" not in found:
        return folder
    cannot = Cannot(found["refused"], found.get("reason", f"the app says {found['refused']!r} and no more"))
    if cannot.refused == "model":
        (folder / RESULT).unlink()  # another version of the app may take it
        raise ValueError(f"{job.device.serial}: the app refuses {job.model}: {cannot.reason}")
    return cannot


def _rescue(job: Job, folder: Path, mine: str) -> None:
    """After a fault, what the phone still gives."""
    with suppress(ValueError):  # it keeps what it has, and is asked again
        fetch(job, folder, mine)


def _watch(job: Job, description: Description, progress: Callable[[int], None], fresh: bool) -> Cannot | None:
    """Start the app and wait for its result; what an older one, which then writes none, says of hardware that it
    cannot use.

    Raises ValueError when it fails, disappears, does nothing more, or the phone goes away.
    """
    now_there = re.match(r"\d+(\.\d+)?", job.device.shell("date", "+%s.%N"))  # older ones do not know %N
    since = f"{float(now_there[0]):.9f}" if now_there else "0.0"
    app.start(job.device, "BenchmarkActivity", "run", job.run_id, fresh=fresh)
    serial, known, done, absent, changed = job.device.serial, "", 0, 0, time.monotonic()
    while not job.stop.wait(POLL_SECONDS):
        said = _said(job, since)
        there = job.device.sizes(job.remote)
        count = re.match(r"(\d+) of \d+", said)
        if count and int(count[1]) > done:
            progress(int(count[1]) - done)
            done = int(count[1])
        if RESULT in there:
            progress(description.count - done)
            return None
        if said.startswith("failed: "):
            if description.hardware != "CPU" and re.search(r"cannot be (used|run)|NNAPI needs", said):
                progress(description.count - done)
                return Cannot("unsupported", said.removeprefix("failed: "))
            full = "; free some space on the phone" if "ENOSPC" in said else ""
            raise ValueError(f"{serial}: the app {said}{full}")
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
        # its processor time moves also where nothing is written for long
        busy = job.device.shell("cat", f"/proc/{alive.split()[0]}/stat", check=False) if alive else ""
        now = f"{said} {sorted(there.items())} {busy}"
        if now != known:
            known, changed = now, time.monotonic()
        elif time.monotonic() > changed + STALL_SECONDS:
            why = "its screen is locked; unlock it" if handset.locked(job.device) else "look at its screen"
            raise ValueError(f"{serial}: the app has not moved for {STALL_SECONDS:.0f} s; {why}")
    job.device.shell("am", "force-stop", app.PACKAGE, check=False)
    raise ValueError(f"{serial}: interrupted")


def _said(job: Job, since: str) -> str:
    """The app's last line about a job; empty where a phone keeps no log."""
    log = job.device.shell("logcat", "-d", "-s", "poseport:I", "-T", since, check=False)
    lines = re.findall(rf"poseport *: {re.escape(job.run_id)}: (.*)", log)
    return str(lines[-1]).strip() if lines else ""


def sustain(
    job: Job, first: Description, minutes: float, chunk_seconds: float, progress: Callable[[int], None]
) -> None:
    """Measure again and again in the same process for some minutes; the folder of `first`, which is measured, then
    holds `again-1.json` and so on: each a `result.json` of about `chunk_seconds`.

    progress: called with the seconds just measured. Goes on behind what is there.
    """
    folder, spent = job.folder(first), 0.0
    p50 = sorted(read(folder / RESULT)["latency_ns"])[first.repeat // 2] / 1e9
    part, fresh = 0, True  # a new process also where it goes on: the old one may still measure
    while spent < 60 * minutes:
        part += 1
        kept = folder / f"again-{part}.json"
        if not kept.is_file():
            repeat = max(10, int(chunk_seconds / p50))
            again = replace(first, part=part, count=1, images=first.images[:1], repeat=repeat)
            found = measure(job, again, lambda people: None, fresh=fresh)
            fresh = False
            assert isinstance(found, Path)  # the hardware ran it before
            write_whole(kept, (found / RESULT).read_bytes())
            shutil.rmtree(found)
        step = sum(read(kept)["latency_ns"]) / 1e9
        spent += step
        progress(round(min(spent, 60 * minutes)) - round(min(spent - step, 60 * minutes)))


def forget(job: Job, descriptions: Sequence[Description]) -> None:
    """Remove what is measured and recorded: here, and from the phone all that was sent."""
    job.device.shell("am", "force-stop", app.PACKAGE, check=False)
    job.device.shell("rm", "-rf", job.remote)
    for description in descriptions:
        shutil.rmtree(job.folder(description), ignore_errors=True)
