"""Sound, damaged and hostile flatbuffers, and what Python says of each, for the app to be held to.

`python tests/android/write_mutants.py FOLDER` takes the models that write_models.py wrote there, and writes
FOLDER/mutants.bin and mutants.json: where each file lies, why it is refused (null where it is sound), and the memory
that its activations are estimated to take.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "core" / "tflite")]
import built  # noqa: E402
import fuzz  # noqa: E402
import mutants  # noqa: E402

from poseport.tflite import memory  # noqa: E402

MODELS = ("cpm.int8.tflite", "coords.float32.tflite", "hourglass.mixed-float32.tflite")
FAULTS = (100, 600)  # how often a converted network and a small graph are damaged


def plain_graphs() -> dict[str, bytes]:
    """Small files: one with every rule of the estimate, and the hostile ones."""
    found = {name: graph.data() for name, graph in built.bombs().items()}
    every = built.Graph().add("RELU").add("ADD", [1, 2, 3, 4]).add("CONCATENATION", [1, 2]).add("FILL", [3, 3])
    every.add("CONV_2D", [1, 2, 3]).add("PADV2", [[0, 0], [1, 1], [2, 2], [0, 0]]).add("PACK", [7])
    every.add("TRANSPOSE_CONV", [1, 4, 4, 4]).add("MIRROR_PAD", [[0, 0], [1, 1], [2, 2], [0, 0]])
    every.add("FULLY_CONNECTED", [5, 6]).add("DEPTHWISE_CONV_2D", [5, 6]).add("RESIZE_BILINEAR", [-4, 9])
    found["every"] = every.data()
    return found


def files(folder: Path) -> Iterator[bytes]:
    """All of them, one after another."""
    rng = random.Random(5)
    small = plain_graphs().values()
    for count, sources in zip(FAULTS, ([(folder / name).read_bytes() for name in MODELS], small), strict=True):
        for data in sources:
            yield data
            for _ in range(count):
                # most bytes of a network are weights; its tables lie at the end
                cut = rng.choice([0, len(data) - min(len(data), 4096)])
                yield data[:cut] + fuzz.damaged(data[cut:], rng)
    yield built.shared(20_000)
    yield built.Graph().add("TILE", [1, 1, 1, 1]).data({1: (64, 16)})  # its constant lies elsewhere
    for change in (mutants.aborts, mutants.fails):
        yield change(folder / "mutant.tflite").read_bytes()
    (folder / "mutant.tflite").unlink()
    yield from (b"", b"TFL3", b"....TFL3", bytes(100))


def judged(data: bytes) -> dict[str, object]:
    """What Python says of a file."""
    try:
        return {"refused": None, "peak_bytes": memory.peak_bytes(data, "m")}
    except ValueError as error:
        return {"refused": str(error).partition("damaged (")[2].rpartition("); ")[0]}


def main(folder: Path) -> None:
    """All files in one, what is said of them in the other."""
    cases, offset, reasons = [], 0, set()
    with open(folder / "mutants.bin", "wb") as whole:
        for data in files(folder):
            case = judged(data)
            reasons.add(case["refused"])
            cases.append({"offset": offset, "size": len(data), **case})
            offset += whole.write(data)
    sound = sum(case["refused"] is None for case in cases)
    assert 0.1 * len(cases) < sound < 0.9 * len(cases), f"{sound} of {len(cases)} are sound"
    assert len(reasons) > 20, reasons
    print(f"{len(cases)} files of {offset} bytes, {sound} of them sound, refused for {len(reasons) - 1} reasons")
    (folder / "mutants.json").write_text(json.dumps({"schema": 1, "cases": cases}, allow_nan=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
