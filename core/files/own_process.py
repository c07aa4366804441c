"""Try a file in a process of its own, because some files make native code end the whole process.

A reader that is written in C may crash on a damaged file, which no `except` catches. The trial runs the same reader
once elsewhere, so that a crash costs one line.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SECONDS = 300
_SPARE_BYTES = 4 * 2**30  # libraries, and what native code allocates besides the file


def fault(module: str, *arguments: str) -> str:
    """Run a module of this package on a file, in a process of its own.

    Args:
        module: Name of the module, which calls `main` when it is run.
        *arguments: What it gets.

    Returns:
        How the process ended, such as "crashes on it (SIGSEGV)"; empty if it ended by itself, with an error or without.
    """
    command = [sys.executable, "-P", "-m", module, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"has not finished after {SECONDS} seconds"
    if done.returncode < 0:
        return f"crashes on it ({signal.Signals(-done.returncode).name})"
    return ""


def main(run: Callable[[Path], object]) -> None:
    """Try the file that the command line names, with bounded memory, and end this process.

    Args:
        run: Reads the file; what it raises is no crash.
    """
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system limits memory
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (_SPARE_BYTES, _SPARE_BYTES))
    try:
        run(Path(sys.argv[1]))
    except Exception:
        os._exit(1)
    os._exit(0)
