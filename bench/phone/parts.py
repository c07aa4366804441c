"""The files of a run on this machine and on the phone, and how the two sides are synchronised.

Each run has a local folder, named after its identity, with the parts that the phone has measured; every part in it is
complete.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poseport.bench.phone.adb import Device
from poseport.bench.phone.app import FILES
from poseport.bench.phone.files import Description, Sent
from poseport.files import safe_path
from poseport.files.json_text import decode_json, parse_json
from poseport.records import write_whole

# people or pictures per part; the app uses the same number
PART = 32
RESULT = "result.json"
# the samples of a long run take a few MB
MAX_RESULT_BYTES = 256 * 2**20


@dataclass(frozen=True, eq=False)
class Job:
    """A model and people on one phone.

    Attributes:
        device: The phone.
        model: The converted file.
        people: The file of people or pictures.
        local: Local folder of all runs on this phone.
        stop: Set when the results are no longer needed.
        detector: The file of the person detector before the model, or None.
    """

    device: Device
    model: Path
    people: Sent
    local: Path
    stop: threading.Event
    detector: Path | None = None

    @property
    def run_id(self) -> str:
        """Name of the run's folder on the phone; it depends on the people only, so that they are sent once."""
        return f"pp-{self.people.sha256[:16]}"

    @property
    def remote(self) -> str:
        """Path of that folder."""
        return f"{FILES}/runs/{self.run_id}"

    def folder(self, description: Description) -> Path:
        """Local folder of the results of a description.

        Args:
            description: The description.
        """
        return self.local / description.identity(self.model.read_bytes())[:16]


def send(job: Job, description: Description) -> None:
    """Copy the people, the model and the detector of a job to the phone, unless it has them already.

    Args:
        job: The model and people.
        description: What the app is to measure, with the names of the files on the phone.

    Raises:
        ValueError: if the phone is full or disconnected; files that were copied stay on it.
    """
    job.device.shell("mkdir", "-p", job.remote)
    remote_sizes = job.device.sizes(job.remote)
    files = {job.people.name: job.people.path, description.model: job.model}
    if job.detector is not None:
        files[description.detector] = job.detector
    missing = {
        file_name: path for file_name, path in files.items() if remote_sizes.get(file_name) != path.stat().st_size
    }
    job.device.make_room(
        sum(path.stat().st_size for path in missing.values()), f"the {description.items} and the model"
    )
    for file_name, path in missing.items():
        job.device.push(path, f"{job.remote}/{file_name}")


def fetch(job: Job, folder: Path, mine: str, *, last: bool = False) -> None:
    """Copy the complete parts that are missing here from the phone.

    The phone's folder may also hold parts of another interrupted run; each goes to the folder of its own run.

    Args:
        job: The model and people.
        folder: Local folder of the run.
        mine: Identity of the run.
        last: Copy the run's `result.json` too.

    Raises:
        ValueError: if the phone disconnects, or `last` is set and its `result.json` belongs to another run.
    """
    remote_sizes = job.device.sizes(job.remote)
    new_parts = [
        name for name in remote_sizes if re.fullmatch(r"[0-9]{1,9}\.json", name) and not (folder / name).is_file()
    ]
    file_names = [
        file_name
        for name in new_parts
        for file_name in (name, name.replace(".json", ".bin"))
        if file_name in remote_sizes
    ]
    if last:
        file_names.append(RESULT)
    incoming = job.local / ".incoming"
    shutil.rmtree(incoming, ignore_errors=True)
    incoming.mkdir(parents=True)
    if file_names:
        size = sum(remote_sizes.get(file_name, 0) for file_name in file_names)
        job.device.pull([f"{job.remote}/{file_name}" for file_name in file_names], incoming, size)
    for name in (*new_parts, *([RESULT] if last else [])):
        run = _identity(incoming / name)
        if not run or (name == RESULT and run != mine):
            continue
        run_folder, outputs = safe_path.inside(job.local, run[:16]), name.replace(".json", ".bin")
        run_folder.mkdir(exist_ok=True)
        # outputs before JSON: a part with its JSON is complete, as on the phone
        for file_name in (outputs, name):
            if (incoming / file_name).is_file():
                os.replace(incoming / file_name, run_folder / file_name)
    shutil.rmtree(incoming, ignore_errors=True)
    if last and not (folder / RESULT).is_file():
        raise ValueError(f"{job.device.serial}: its {RESULT} is of another run; is another computer measuring on it?")


def _identity(path: Path) -> str:
    """The identity (a sha256 in hex digits) of the run that a file belongs to; empty if the file has none."""
    try:
        run = parse_json(decode_json(safe_path.read_file(path, MAX_RESULT_BYTES)))["run"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return run if isinstance(run, str) and re.fullmatch(r"[0-9a-f]{64}", run) else ""


def prepare(job: Job, folder: Path, description: Description) -> None:
    """Put the description and the parts that were measured before on the phone, and remove those of other runs.

    The last part is measured again, because the timed inferences use the input that it leaves in the network.

    Args:
        job: The model and people.
        folder: Local folder of the run.
        description: What the app is to measure.

    Raises:
        ValueError: if the phone is full or disconnected.
    """
    write_whole(folder / "run.json", description.text.encode())
    job.device.push(folder / "run.json", f"{job.remote}/run.json")
    remote_sizes = job.device.sizes(job.remote)
    local_sizes = {part.name: part.stat().st_size for part in folder.glob("[0-9]*.json")}
    for name in (name for name, size in local_sizes.items() if remote_sizes.get(name) != size):
        job.device.push(folder / name, f"{job.remote}/{name}")
    final = f"{(description.count - 1) // PART * PART}.json"
    foreign = [name for name in remote_sizes if re.fullmatch(r"[0-9]{1,9}\.json", name) and name not in local_sizes]
    stale = [RESULT, final, *foreign]
    for start in range(0, len(stale), 50):  # the length of a command line is limited
        job.device.shell("rm", "-f", *(f"{job.remote}/{name}" for name in stale[start : start + 50]))


def read(path: Path) -> dict[str, Any]:
    """Read a result of the app.

    Args:
        path: The JSON file.

    Returns:
        Its contents.

    Raises:
        ValueError: if the file cannot be read or has another schema.
    """
    try:
        data = parse_json(decode_json(safe_path.read_file(path, MAX_RESULT_BYTES)))
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read ({error}); remove it, and it is measured again") from None
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise ValueError(f"{path}: is not of schema 1; install the app of this version with --apk")
    return data
