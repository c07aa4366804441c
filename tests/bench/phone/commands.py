"""What the tests of phones do: run adb, plug a stand-in in, run poseport and read what it wrote."""

from __future__ import annotations

import subprocess
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
    """Connect a phone; its serial number."""
    phone.plugged = True
    serial = f"127.0.0.1:{phone.port}"
    adb("disconnect", serial)
    adb("connect", serial)
    return serial


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
