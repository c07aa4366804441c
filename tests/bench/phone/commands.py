"""What the tests of phones do: run adb, plug a stand-in in, run poseport and read what it wrote."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from click.testing import CliRunner
from standin import StandIn

from poseport.bench.record import Result
from poseport.command.cli import main
from poseport.records import read_json


def adb(*words: str) -> None:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    subprocess.run(["adb", *words], check=False, timeout=60, **quiet)


def plug(phone: StandIn) -> str:
    """Connect a phone, and wait until adb has left an old connection and knows the new one; its serial number."""
    phone.plugged = True
    serial = f"127.0.0.1:{phone.port}"
    adb("disconnect", serial)
    for _ in range(100):
        adb("connect", serial)
        words = ["adb", "-s", serial, "get-state"]
        state = subprocess.run(words, check=False, timeout=60, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if state.stdout.strip() == "device" or (not phone.trusts and "unauthorized" in state.stderr):
            return serial
        time.sleep(0.05)
    raise AssertionError(f"adb does not connect {serial}: {state.stderr}")


def run(*arguments: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(a) for a in arguments])
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.output


def bench(model: Path, drawn: Path, out: Path, *more: object, code: int = 0) -> str:
    return run("bench", "phone", model, "--data", drawn, "--runs", 20, "--out", out, *more, "--json", code=code)


def records(out: Path) -> dict[str, Result]:
    return {r.measured.kind: r for r in (read_json(Result, path) for path in sorted(out.glob("*.json")))}
