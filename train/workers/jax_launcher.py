"""`--workers N` with JAX (experimental): runs the same command in N processes of this machine and waits for them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import click

# what Keras itself reads; on several machines a user or a job scheduler sets them
ADDRESSES, COUNT, INDEX = (f"KERAS_DISTRIBUTION_{name}" for name in ("JOB_ADDRESSES", "NUM_PROCESSES", "PROCESS_ID"))
LOST_ANOTHER = 75  # exit code of a worker that ended because another one did
_LAUNCHED = "POSEPORT_LAUNCHED"
_GRACE_S = 15.0  # for the others to end by themselves once one has


def wanted(workers: int | None) -> bool:
    """Whether this process is to start the workers rather than be one."""
    return (workers or 1) > 1 and os.environ.get("KERAS_BACKEND") == "jax" and COUNT not in os.environ


def this_command() -> list[str]:
    """The `poseport` command that this process runs, for a worker."""
    return [sys.executable, "-c", "from poseport.train.workers.jax_launcher import work; work()", *sys.argv[1:]]


def work() -> None:
    """What `this_command` runs."""
    end_with_launcher()
    from poseport.command.cli import main

    main(prog_name="poseport")


def launch(command: Sequence[str], count: int, out: Path) -> None:
    """Run a command as `count` workers, which find each other by their environment, and wait for them.

    Worker 0, the chief, writes to the standard output of this process; what it writes to standard error is
    shown when it has ended. Ctrl-C reaches all of them, and then exits with 130. Raises ValueError when one
    fails or is lost, with its reason and after the others have been stopped; out: the run it speaks of.
    """
    with tempfile.TemporaryDirectory() as folder:
        errors = [Path(folder) / f"worker-{i}" for i in range(count)]
        processes: list[subprocess.Popen[bytes]] = []
        try:
            port = _free_port()
            for i in range(count):
                processes.append(_start(command, i, count, port, errors[i].open("wb")))
            interrupted = _wait(processes)
            codes = [process.poll() for process in processes]
        finally:
            for process in processes:
                process.kill()  # nothing is half-written: every file is written beside and renamed
                process.wait()
        texts = [path.read_text(errors="replace") for path in errors]
    failed = [i for i, code in enumerate(codes) if code]
    if failed and not interrupted:
        # JAX aborts (SIGABRT) those who wait for one that no longer answers
        first = min(failed, key=lambda i: codes[i] in (LOST_ANOTHER, -signal.SIGABRT))
        if codes[first] in (LOST_ANOTHER, -signal.SIGABRT) and None in codes:
            first = codes.index(None)
        raise ValueError(_reason(first, codes[first], texts[first], out))
    click.echo(texts[0], err=True, nl=False)
    if interrupted:
        sys.exit(130)


def end_with_launcher() -> None:
    """End this worker when whoever launched it is gone, even by kill -9: two runs would write into one folder."""

    def watch() -> None:
        os.read(0, 1)  # returns when the launcher's end of the pipe is closed; sys.stdin would be locked at exit
        os._exit(1)

    if os.environ.get(_LAUNCHED):
        threading.Thread(target=watch, name="launcher", daemon=True).start()


def _start(command: Sequence[str], index: int, count: int, port: int, errors: IO[bytes]) -> subprocess.Popen[bytes]:
    address = f"127.0.0.1:{port}"
    environment = {
        **os.environ,
        ADDRESSES: address,
        COUNT: str(count),
        INDEX: str(index),
        _LAUNCHED: "1",
        "JAX_COORDINATOR_BIND_ADDRESS": address,  # its default is every interface of the machine
        "JAX_LOCAL_DEVICE_IDS": str(index),  # one GPU each; a CPU has no use for it
    }
    with errors:
        return subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=None if index == 0 else subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,  # Ctrl-C comes once, from here
        )


def _wait(processes: list[subprocess.Popen[bytes]]) -> bool:
    """Until all have ended, or the grace is over that begins when one fails or on Ctrl-C: whether it was that."""
    interrupted, deadline = False, float("inf")
    while None in (codes := [process.poll() for process in processes]) and time.monotonic() < deadline:
        try:
            time.sleep(0.1)
            if deadline == float("inf") and any(codes):
                deadline = time.monotonic() + _GRACE_S
        except KeyboardInterrupt:
            interrupted, deadline = True, time.monotonic() + _GRACE_S
            for process in processes:
                process.send_signal(signal.SIGINT)
    return interrupted


def _reason(index: int, code: int | None, text: str, out: Path) -> str:
    resume = f"{out} keeps its whole epochs, and the same command with --resume continues from there"
    if code is None:
        return f"worker {index} no longer answers; {resume}"
    said = [line for line in text.splitlines() if line.startswith("Error: ")]
    if not said:
        click.echo(text, err=True, nl=False)
        how = f"failed with exit code {code}" if code > 0 else f"was lost ({signal.Signals(-code).name})"
        return f"worker {index} {how}; {resume}"
    message = said[-1].removeprefix("Error: ")
    return message if index == 0 else f"worker {index}: {message}; {resume}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
