"""Runs a file once in a process of its own, because some files make the interpreter end the whole process.

`flatbuffer.verify` finds damaged files, but not every graph that native code gives up on with `abort()`. A command that
measures several files would lose the results of all of them. The trial is over before anything is measured.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

SECONDS = 300
_SPARE_BYTES = 4 * 2**30  # libraries, and what a delegate allocates besides the activations


def check(path: Path) -> None:
    """Check that the networks of a file can be opened and run without ending the process.

    A file that raises an exception passes: whoever runs it next says what is wrong in better words.

    Args:
        path: a .tflite file, with its spec inside or beside it.

    Raises:
        ValueError: if the process was ended by a signal, or did not finish within 300 seconds.
    """
    if not Path(path).is_file():
        return  # whoever opens it says so
    status = Path(path).stat()
    fault = _fault(Path(path), status.st_mtime_ns, status.st_size)
    if fault:
        raise ValueError(f"{path}: {fault}")


@functools.cache  # one trial per file and process
def _fault(path: Path, mtime_ns: int, size: int) -> str:
    command = [sys.executable, "-P", "-m", "poseport.tflite.trial", str(path.absolute())]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS)
    except subprocess.TimeoutExpired:
        return f"one inference has not finished after {SECONDS} seconds"
    if done.returncode < 0:
        return f"the TFLite interpreter crashes on it ({signal.Signals(-done.returncode).name}); convert it again"
    return ""


def run(path: Path) -> None:
    """Run every network of a file once, on zeros."""
    import numpy as np

    from poseport.tflite import model_file
    from poseport.tflite.interpreter import open_interpreter

    data = model_file.read_bytes(path)
    networks = [data] if model_file.is_detector(data) else [stage for stage, _ in model_file.read_stages(path)]
    for data in networks:
        interpreter, _ = open_interpreter(data, str(path), 1)
        for detail in interpreter.get_input_details():
            interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
        interpreter.invoke()
        for detail in interpreter.get_output_details():
            interpreter.get_tensor(detail["index"])


def _main() -> None:
    with contextlib.suppress(ImportError, OSError, ValueError):  # not every system limits memory
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_DATA, (_SPARE_BYTES, _SPARE_BYTES))
    try:
        run(Path(sys.argv[1]))
    except Exception:
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    _main()
