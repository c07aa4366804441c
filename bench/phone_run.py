"""One run on a phone: sent, started, watched and brought back, and gone on with wherever it was cut.

A run is kept in a local folder named by its identity: the parts that the phone has measured, each whole. What is there
is never measured again; what only the phone has is fetched first. Nothing is copied while the phone measures.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from poseport import bundle
from poseport.bench import phone
from poseport.bench.adb import Device
from poseport.bench.phone_files import Description, Hardware, People
from poseport.records import write_whole

POLL_SECONDS = 2.0
STALL_SECONDS = 300.0
# the app may need this many looks to appear after it was started, and Android as many to bring it back
ABSENT_LOOKS = 3
# people a part, as the app measures them
PART = 32
RESULT = "result.json"


@dataclass(frozen=True)
class Cannot:
    """Why a phone has no figures for a setting: it lacks the hardware, or the hardware cannot run the file."""

    reason: str


@dataclass(frozen=True, eq=False)
class Job:
    """A model and people on one phone. local: folder of all its runs. stop: set where nobody waits any longer."""

    device: Device
    model: Path
    people: People
    local: Path
    stop: threading.Event

    @property
    def run_id(self) -> str:
        """Its folder on the phone: what was sent is there already, whatever is measured with it."""
        return f"pp-{self.people.sha256[:16]}"

    @property
    def remote(self) -> str:
        """That folder's path."""
        return f"{phone.FILES}/runs/{self.run_id}"

    def folder(self, description: Description) -> Path:
        """Where the results of a description are kept here."""
        return self.local / description.identity(self.model.read_bytes())[:16]


def describe(job: Job, hardware: Hardware, threads: int, *, repeat: int, warm_up: int = 10) -> Description:
    """The description of a run; the model's name on the phone is its digest, so that it is sent once."""
    name, people = f"{bundle.sha256(job.model)[:16]}.tflite", job.people
    return Description(name, people.mode, hardware, threads, people.count, warm_up, repeat, people.images)


def send(job: Job, name: str) -> None:
    """Put the people and the model of a job on the phone, unless they are there.

    Raises ValueError when the phone is full or not there any more; what is on it stays.
    """
    job.device.shell("mkdir", "-p", job.remote)
    there = job.device.sizes(job.remote)
    wanted = {job.people.name: job.people.path, name: job.model}
    missing = {one: path for one, path in wanted.items() if there.get(one) != path.stat().st_size}
    phone.make_room(job.device, sum(path.stat().st_size for path in missing.values()), "the people and the model")
    for one, path in missing.items():
        job.device.push(path, f"{job.remote}/{one}")


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
        return folder
    if (folder / "cannot.txt").is_file():
        progress(description.count)
        return Cannot((folder / "cannot.txt").read_text())
    mine = description.identity(job.model.read_bytes())
    try:
        phone.wake(job.device)
        send(job, description.model)
        _fetch(job, folder, mine)
        _prepare(job, folder, description)
        refused = _watch(job, description, progress, fresh)
        if refused is not None:
            write_whole(folder / "cannot.txt", refused.reason.encode())
            return refused
        if phone.locked(job.device):
            raise ValueError(
                f"{job.device.serial}: its screen was locked while it measured, and the times are those of an app in "
                "the background; unlock it and leave it on"
            )
        _fetch(job, folder, mine, last=True)
    except ValueError as error:
        _rescue(job, folder, mine)
        kept = min(description.count, PART * len(list(folder.glob("[0-9]*.json"))))
        raise ValueError(
            f"{error}. The same command goes on; {kept} of {description.count} people are here already"
        ) from None
    return folder


def _rescue(job: Job, folder: Path, mine: str) -> None:
    """After a fault, what the phone still gives."""
    with suppress(ValueError):  # it keeps what it has, and is asked again
        _fetch(job, folder, mine)


def _fetch(job: Job, folder: Path, mine: str, *, last: bool = False) -> None:
    """Bring the whole parts that are not here yet, with `last` the run's `result.json` too.

    A part of another run, which was cut in the same folder of the phone, goes where that one is kept.
    """
    there = job.device.sizes(job.remote)
    whole = [name for name in there if re.fullmatch(r"\d+\.json", name) and not (folder / name).is_file()]
    wanted = [one for name in whole for one in (name, name.replace(".json", ".bin")) if one in there]
    if last:
        wanted.append(RESULT)
    incoming = job.local / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    if wanted:
        size = sum(there.get(one, 0) for one in wanted)
        job.device.pull([f"{job.remote}/{one}" for one in wanted], incoming, size)
    for name in (*whole, *([RESULT] if last else [])):
        run = _identity(incoming / name)
        place, outputs = job.local / run[:16], name.replace(".json", ".bin")
        if not run or (name == RESULT and run != mine):
            continue
        place.mkdir(exist_ok=True)
        # the outputs first: where the JSON is, the part is whole, as on the phone
        for one in (outputs, name):
            if (incoming / one).is_file():
                os.replace(incoming / one, place / one)
    shutil.rmtree(incoming, ignore_errors=True)
    if last and not (folder / RESULT).is_file():
        raise ValueError(f"{job.device.serial}: its {RESULT} is of another run; is another computer measuring on it?")


def _identity(path: Path) -> str:
    try:
        return str(json.loads(path.read_text())["run"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _prepare(job: Job, folder: Path, description: Description) -> None:
    """The description and what was measured before on the phone, and nothing of another run.

    The last part is measured again: it leaves a person's input in the network, which is what is then timed.
    """
    write_whole(folder / "run.json", description.text.encode())
    job.device.push(folder / "run.json", f"{job.remote}/run.json")
    there = job.device.sizes(job.remote)
    kept = {part.name: part.stat().st_size for part in folder.glob("[0-9]*.json")}
    for name in (name for name, size in kept.items() if there.get(name) != size):
        job.device.push(folder / name, f"{job.remote}/{name}")
    final = f"{(description.count - 1) // PART * PART}.json"
    foreign = [name for name in there if re.fullmatch(r"\d+\.json", name) and name not in kept]
    wrong = [RESULT, final, *foreign]
    for start in range(0, len(wrong), 50):  # a command line has an end
        job.device.shell("rm", "-f", *(f"{job.remote}/{name}" for name in wrong[start : start + 50]))


def _watch(job: Job, description: Description, progress: Callable[[int], None], fresh: bool) -> Cannot | None:
    """Start the app and wait for its result; what it says of hardware that it cannot use.

    Raises ValueError when it fails, disappears, does nothing more, or the phone goes away.
    """
    since = job.device.shell("date", "+%s.%N").strip()
    phone.start(job.device, "BenchmarkActivity", "run", job.run_id, fresh=fresh)
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
                return Cannot(said.removeprefix("failed: "))
            raise ValueError(f"{serial}: the app {said}")
        alive = job.device.shell("pidof", phone.PACKAGE, check=False).strip()
        absent = 0 if alive else absent + 1
        if absent >= ABSENT_LOOKS:
            raise ValueError(
                f"{serial}: the app was ended on the phone, by Android or by hand; close other apps, and take it off "
                "battery saving"
            )
        # its processor time moves also where nothing is written for long
        busy = job.device.shell("cat", f"/proc/{alive.split()[0]}/stat", check=False) if alive else ""
        now = f"{said} {sorted(there.items())} {busy}"
        if now != known:
            known, changed = now, time.monotonic()
        elif time.monotonic() > changed + STALL_SECONDS:
            why = "its screen is locked; unlock it" if phone.locked(job.device) else "look at its screen"
            raise ValueError(f"{serial}: the app has not moved for {STALL_SECONDS:.0f} s; {why}")
    job.device.shell("am", "force-stop", phone.PACKAGE, check=False)
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
    part = 0
    while spent < 60 * minutes:
        part += 1
        kept = folder / f"again-{part}.json"
        if not kept.is_file():
            repeat = max(10, int(chunk_seconds / p50))
            again = replace(first, part=part, count=1, images=first.images[:1], repeat=repeat)
            found = measure(job, again, lambda people: None, fresh=part == 1)
            assert isinstance(found, Path)  # the hardware ran it before
            write_whole(kept, (found / RESULT).read_bytes())
            shutil.rmtree(found)
        step = sum(read(kept)["latency_ns"]) / 1e9
        spent += step
        progress(round(min(spent, 60 * minutes)) - round(min(spent - step, 60 * minutes)))


def forget(job: Job, descriptions: Sequence[Description]) -> None:
    """Remove what is measured and recorded: here, and from the phone all that was sent."""
    job.device.shell("am", "force-stop", phone.PACKAGE, check=False)
    job.device.shell("rm", "-rf", job.remote)
    for description in descriptions:
        shutil.rmtree(job.folder(description), ignore_errors=True)


def read(path: Path) -> dict[str, Any]:
    """A result of the app; ValueError where it is none."""
    try:
        data = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); remove it, and it is measured again") from None
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise ValueError(f"{path}: is not of schema 1; install the app of this version with --apk")
    return data
