"""The files of a run, here and on the phone, and how they come to be the same on both sides.

A run is kept in a local folder named by its identity: the parts that the phone has measured, each whole.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poseport import safe_path
from poseport.bench.phone.adb import Device
from poseport.bench.phone.app import FILES
from poseport.bench.phone.files import Description, Sent
from poseport.records import write_whole

# people a part, as the app measures them
PART = 32
RESULT = "result.json"
# a long run's samples take a few MB
MAX_RESULT_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Job:
    """A model and people on one phone. local: folder of all its runs. stop: set where nobody waits any longer."""

    device: Device
    model: Path
    people: Sent
    local: Path
    stop: threading.Event

    @property
    def run_id(self) -> str:
        """Its folder on the phone: what was sent is there already, whatever is measured with it."""
        return f"pp-{self.people.sha256[:16]}"

    @property
    def remote(self) -> str:
        """That folder's path."""
        return f"{FILES}/runs/{self.run_id}"

    def folder(self, description: Description) -> Path:
        """Where the results of a description are kept here."""
        return self.local / description.identity(self.model.read_bytes())[:16]


def send(job: Job, name: str) -> None:
    """Put the people and the model of a job on the phone, unless they are there.

    Raises ValueError when the phone is full or not there any more; what is on it stays.
    """
    job.device.shell("mkdir", "-p", job.remote)
    there = job.device.sizes(job.remote)
    wanted = {job.people.name: job.people.path, name: job.model}
    missing = {one: path for one, path in wanted.items() if there.get(one) != path.stat().st_size}
    job.device.make_room(sum(path.stat().st_size for path in missing.values()), "the people and the model")
    for one, path in missing.items():
        job.device.push(path, f"{job.remote}/{one}")


def fetch(job: Job, folder: Path, mine: str, *, last: bool = False) -> None:
    """Bring the whole parts that are not here yet, with `last` the run's `result.json` too.

    A part of another run, which was cut in the same folder of the phone, goes where that one is kept.
    """
    there = job.device.sizes(job.remote)
    whole = [name for name in there if re.fullmatch(r"[0-9]{1,9}\.json", name) and not (folder / name).is_file()]
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
        if not run or (name == RESULT and run != mine):
            continue
        place, outputs = safe_path.inside(job.local, run[:16]), name.replace(".json", ".bin")
        place.mkdir(exist_ok=True)
        # the outputs first: where the JSON is, the part is whole, as on the phone
        for one in (outputs, name):
            if (incoming / one).is_file():
                os.replace(incoming / one, place / one)
    shutil.rmtree(incoming, ignore_errors=True)
    if last and not (folder / RESULT).is_file():
        raise ValueError(f"{job.device.serial}: its {RESULT} is of another run; is another computer measuring on it?")


def _identity(path: Path) -> str:
    """The run that a file of the phone belongs to: a sha256 in hex digits; empty if the file names none."""
    try:
        run = json.loads(safe_path.check_regular(path, MAX_RESULT_BYTES).read_text())["run"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return ""
    return run if isinstance(run, str) and re.fullmatch(r"[0-9a-f]{64}", run) else ""


def prepare(job: Job, folder: Path, description: Description) -> None:
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
    foreign = [name for name in there if re.fullmatch(r"[0-9]{1,9}\.json", name) and name not in kept]
    wrong = [RESULT, final, *foreign]
    for start in range(0, len(wrong), 50):  # a command line has an end
        job.device.shell("rm", "-f", *(f"{job.remote}/{name}" for name in wrong[start : start + 50]))


def read(path: Path) -> dict[str, Any]:
    """A result of the app; ValueError where it is none."""
    try:
        data = json.loads(safe_path.check_regular(path, MAX_RESULT_BYTES).read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); remove it, and it is measured again") from None
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise ValueError(f"{path}: is not of schema 1; install the app of this version with --apk")
    return data
