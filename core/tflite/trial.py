"""Runs a file once in a process of its own, because some files make the interpreter end the whole process.

`flatbuffer.verify` finds damaged files, but not every graph that native code gives up on with `abort()`. A command that
measures several files would lose the results of all of them. The trial is over before anything is measured.
"""

from __future__ import annotations

import functools
from pathlib import Path

from poseport.files import own_process


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
    how = own_process.fault("poseport.tflite.trial", str(path.absolute()))
    return f"the TFLite interpreter {how}; convert it again" if how else ""


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


if __name__ == "__main__":
    own_process.main(run)
