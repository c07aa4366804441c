"""What all tools share: the values of gradle.properties, the places, and how a program is run.

These tools need Python's standard library alone.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
MAIN = APP / "src" / "main"
TESTS = APP / "src" / "test"
BUILD = ROOT / "build"
JARS = BUILD / "jars"
APK = BUILD / "poseport-demo.apk"


def values() -> dict[str, str]:
    """The `poseport.` values of gradle.properties, without that prefix."""
    lines = (ROOT / "gradle.properties").read_text().splitlines()
    pairs = (line.split("=", 1) for line in lines if line.startswith("poseport."))
    return {key.removeprefix("poseport."): value.strip() for key, value in pairs}


def jar(name: str) -> Path:
    """A fetched jar by the beginning of its name, or by the whole name without version; exits when it is missing."""
    found = sorted(path for path in JARS.iterdir() if path.name.startswith(name)) if JARS.is_dir() else []
    if not found:
        stop(f"no {name} in {JARS}; run python3 {ROOT.name}/tools/fetch.py")
    return found[0]


def run(*command: object, env: dict[str, str] | None = None) -> str:
    """Output of a program; exits with its last lines when it fails."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, env=env)
    if done.returncode:
        lines = (done.stdout + done.stderr).strip().splitlines()
        stop("\n".join([*lines[-40:], f"{Path(str(command[0])).name} failed with exit code {done.returncode}"]))
    return done.stdout


def java_home() -> Path:
    """Where the JDK on the path lives."""
    return Path(run("sh", "-c", 'readlink -f "$(command -v javac)"').strip()).parent.parent


def stop(message: str) -> None:
    """Say why and exit."""
    sys.exit(message)
