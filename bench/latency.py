"""How long one person takes on this machine: every sample kept, from fresh processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from poseport.bench.describe import host, model_info
from poseport.bench.record import Latency, Result
from poseport.bench.timing import WARMUP, Crop, Request, Samples
from poseport.data.people import Person
from poseport.records import dumps, loads
from poseport.tflite.runner import load

RUNS = 1024
MAX_SECONDS = 60.0
PROCESSES = 2
MOST_PEOPLE = 32


def measure(
    path: Path,
    threads: int,
    *,
    xnnpack: bool = True,
    runs: int = RUNS,
    max_seconds: float = MAX_SECONDS,
    persons: Sequence[Person] = (),
    name: str = "one drawn person",
) -> Result:
    """Time a file: the crop, the network and the decoder, apart, in two fresh processes one after the other.

    xnnpack: with that delegate, or with TFLite's own kernels. runs: timed people of both processes together,
    cut short after max_seconds (at least 10 in each). persons: whose crops (the first 32 with a box, in turns);
    nobody: one drawn person. name: what the record calls them.
    Raises ValueError when the file cannot be run.
    """
    model = load(path, threads, xnnpack=xnnpack)  # what is wrong with a file is said here
    environment = host(model)
    some = [p for p in persons if min(p.box_xywh[2:]) > 0][:MOST_PEOPLE]
    crops = tuple(Crop(str(p.image_path.absolute()), p.box_xywh) for p in some)
    file, share = str(Path(path).absolute()), -(-runs // PROCESSES)
    request = Request(file, threads, xnnpack, share, max_seconds / PROCESSES, crops)
    parts = [_fresh(request) for _ in range(PROCESSES)]
    measured = Latency(
        kind="latency",
        input=name if crops else "one drawn person",
        load_us=parts[0].load_us,
        first_us=parts[0].first_us,
        warmup=WARMUP,
        invoke_us=tuple(us for part in parts for us in part.invoke_us),
        prepare_us=tuple(us for part in parts for us in part.prepare_us),
        decode_us=tuple(us for part in parts for us in part.decode_us),
        before_bytes=parts[0].before_bytes,
        peak_bytes=parts[0].peak_bytes,
        repeats=tuple(len(part.invoke_us) for part in parts),
    )
    return Result(model_info(model), environment, measured)


def _fresh(request: Request) -> Samples:
    """A request answered by a process of its own."""
    command = [sys.executable, "-m", "poseport.bench.timing"]
    ran = subprocess.run(command, input=dumps(request), capture_output=True, text=True, check=False)
    if ran.returncode:
        lines = ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"]
        raise ValueError(f"{request.file}: the process that times it ended ({lines[-1]})")
    return loads(Samples, ran.stdout, "timing process")
