"""What all tools share: the values of gradle.properties, the places, and how a program is run.

These tools need Python's standard library alone.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / "app"
MAIN = APP / "src" / "main"
# what Gradle takes for the flavour that is built here: sources of all, and of TFLite
KOTLIN = tuple(APP / "src" / part / "kotlin" for part in ("main", "interpreter", "tflite"))
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


def once(target: Path, make: Callable[[], None], *inputs: object) -> None:
    """Make a file or folder, unless it is there and was made of the same inputs: paths count by what they hold, in
    folders too, everything else by its text. Fetched jars are named by jars.txt.
    """
    digest = hashlib.sha256()
    for one in (*inputs, ROOT / "jars.txt", Path(__file__), Path(__file__).with_name("apk.py")):
        if isinstance(one, Path):
            for path in [one] if one.is_file() else sorted(path for path in one.rglob("*") if path.is_file()):
                digest.update(f"{path.name if path == one else path.relative_to(one)} {path.stat().st_size} ".encode())
                digest.update(path.read_bytes())
        else:
            digest.update(f"{one} ".encode())
    stamp = target.with_name(f"{target.name}.inputs")
    if target.exists() and stamp.is_file() and stamp.read_text() == digest.hexdigest():
        return
    stamp.unlink(missing_ok=True)  # what is cut off from here on is made again
    if target.is_dir():
        shutil.rmtree(target)
    target.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    make()
    stamp.write_text(digest.hexdigest())


def java_home() -> Path:
    """Where the JDK on the path lives."""
    return Path(run("sh", "-c", 'readlink -f "$(command -v javac)"').strip()).parent.parent


def stop(message: str) -> None:
    """Say why and exit."""
    sys.exit(message)
