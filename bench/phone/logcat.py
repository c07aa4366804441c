"""The phone's log: what the app says of a run, and what the runtime says in the same process."""

from __future__ import annotations

import re
from dataclasses import dataclass

from poseport.bench.phone.parts import Job

# kept in the folder of a run
RUNTIME_LOG = "runtime.log"
_LINE = re.compile(r"^\S+ \S+ +(\d+) +\d+ ([VDIWEF]) (.*?) *: (.*)$")
_MOST_LINES = 200


@dataclass(frozen=True)
class LogLine:
    """One line of a log.

    Attributes:
        process: Number of the process that wrote it.
        level: V, D, I, W, E or F.
        tag: Who wrote it: `poseport` for the app, `tflite` for the runtime.
        text: What it says.
    """

    process: int
    level: str
    tag: str
    text: str


def parse(text: str) -> list[LogLine]:
    """Read what `adb logcat` printed in its format `threadtime`; other lines are left out.

    Args:
        text: The text.

    Returns:
        The lines in order.
    """
    found = (_LINE.match(line.rstrip()) for line in text.splitlines())
    return [LogLine(int(m[1]), m[2], m[3], m[4]) for m in found if m is not None]


def last_said(job: Job, since: str) -> str:
    """Read the last line that the app logged about a job; empty if the phone keeps no log.

    Args:
        job: The model and people.
        since: Seconds of the phone's clock at which the run began.

    Raises:
        ValueError: if the phone disconnects.
    """
    return next((line.text for line in reversed(_own(job, _read(job, since)))), "")


def runtime_log(job: Job, since: str) -> str:
    """Read what the runtime logged in the app's process while it measured a job.

    Args:
        job: The model and people.
        since: Seconds of the phone's clock at which the run began.

    Returns:
        The log's lines as they are; empty if the phone keeps no log.

    Raises:
        ValueError: if the phone disconnects.
    """
    text = _read(job, since, "tflite:V")
    processes = {line.process for line in _own(job, text)}
    lines = ((line, one) for line in text.splitlines() for one in parse(line))
    kept = [line for line, one in lines if one.tag == "tflite" and one.process in processes]
    return "\n".join(kept[:_MOST_LINES])


def _read(job: Job, since: str, *more: str) -> str:
    return job.device.shell("logcat", "-d", "-v", "threadtime", "-s", "poseport:I", *more, "-T", since, check=False)


def _own(job: Job, text: str) -> list[LogLine]:
    """The app's lines about a job, without the job's name."""
    start = f"{job.run_id}: "
    return [
        LogLine(one.process, one.level, one.tag, one.text.removeprefix(start).strip())
        for one in parse(text)
        if one.tag == "poseport" and one.text.startswith(start)
    ]
