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
_GRACE_S = 15.0  # time for the others to end by themselves once one has ended


def wanted(workers: int | None) -> bool:
    """Whether this process has to start the workers rather than be one.

    Args:
        workers: The value of `--workers`.
    """
    return (workers or 1) > 1 and os.environ.get("KERAS_BACKEND") == "jax" and COUNT not in os.environ


def this_command() -> list[str]:
    """The `poseport` command of this process, as an argument list for a worker."""
    return [sys.executable, "-P", "-c", "from poseport.train.workers.jax_launcher import work; work()", *sys.argv[1:]]


def work() -> None:
    """Run `poseport` in a worker process (see `this_command`)."""
    end_with_launcher()
    from poseport.command.cli import main

    main(prog_name="poseport")


def launch(command: Sequence[str], count: int, out: Path) -> None:
    """Run a command as `count` workers, which find each other by their environment, and wait for them.

    Worker 0, the chief, writes to the standard output of this process; its standard error is shown when it has
    ended. Ctrl-C reaches all workers, and this process then exits with 130.

    Args:
        command: The command of each worker.
        count: Number of workers.
        out: Folder of the run, for the error message.

    Raises:
        ValueError: If a worker fails or is lost; gives the reason, after the others have been stopped.
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
                process.kill()  # leaves no half-written file: every file is renamed once it is complete
                process.wait()
        texts = [path.read_text(errors="replace") for path in errors]
    failed = [i for i, code in enumerate(codes) if code]
    if failed and not interrupted:
        # JAX aborts (SIGABRT) the workers that wait for one that no longer answers
        first = min(failed, key=lambda i: codes[i] in (LOST_ANOTHER, -signal.SIGABRT))
        if codes[first] in (LOST_ANOTHER, -signal.SIGABRT) and None in codes:
            first = codes.index(None)
        raise ValueError(_reason(first, codes[first], texts[first], out))
    click.echo(texts[0], err=True, nl=False)
    if interrupted:
        sys.exit(130)


def end_with_launcher() -> None:
    """End this worker when its launcher is gone, even by kill -9, so that two runs never write into one folder."""

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
        "JAX_LOCAL_DEVICE_IDS": str(index),  # one GPU each; CPUs ignore it
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
    """Wait until all have ended, or until the grace time after a failure or Ctrl-C is over.

    Returns whether it was Ctrl-C.
    """
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
