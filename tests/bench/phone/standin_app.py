"""What the app does on the stand-in phone: it measures with the host's interpreter and writes its files part by part,
as `core/Bench.kt` does.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poseport import pose
from poseport.tflite import model_file, runner
from poseport.tflite.inspection import inspect_bytes

if TYPE_CHECKING:
    from standin import StandIn

PART = 32


def measure(phone: StandIn, folder: Path, say: Callable[[str], None], alive: Callable[[], bool]) -> None:
    """Answer the run that lies in a folder. say: writes to the log; alive: whether the app still runs."""
    text = (folder / "run.json").read_text()
    run = json.loads(text)
    file = folder / run["model"]
    identity = hashlib.sha256(text.encode() + file.read_bytes()).hexdigest()
    refuses = phone.refuses
    if run["hardware"] not in phone.hardware:
        refuses = "no_delegate", f"{run['hardware']} cannot be used on this phone (it has none)"
    if refuses is not None:
        if not phone.old:
            said = {"schema": 1, "run": identity, "refused": refuses[0], "reason": refuses[1]}
            (folder / "result.json").write_text(json.dumps(said))
        raise ValueError(refuses[1])
    began = time.perf_counter_ns()
    model = runner.load(file, run["threads"])
    more = {"load_ms": (time.perf_counter_ns() - began) / 1e6, **_delegate(phone, run["hardware"], file)}
    count = len(run["images"]) if run["mode"] == "images" else run["count"]
    tensor = np.zeros(model.runner.input["shape"], model.runner.input["dtype"])

    def write(name: str, data: bytes) -> None:
        if not alive():
            raise InterruptedError
        failure = phone.take(len(data))
        if failure:
            raise ValueError(f"{name}: cannot be written (ENOSPC)")
        (folder / f".{name}.part").write_bytes(data)
        (folder / f".{name}.part").replace(folder / name)

    for number, first in enumerate(range(0, count, PART)):
        some = range(first, min(first + PART, count))
        part = {"schema": 1, "run": identity, "state": state()}
        known = folder / f"{first}.json"
        if not known.is_file() or json.loads(known.read_text())["run"] != identity:
            if run["mode"] == "images":
                part |= {key: [1000] * len(some) for key in ("prepare_ns", "invoke_ns", "decode_ns")}
                part["image_px"] = [_person(model, folder, run["images"][i]) for i in some]
            else:
                size, raw, times = tensor.nbytes, [], []
                with open(folder / "tensors.bin", "rb") as file:
                    for i in some:
                        file.seek(i * size)
                        tensor = np.frombuffer(file.read(size), tensor.dtype).reshape(tensor.shape)
                        began = time.perf_counter_ns()
                        raw.append([phone.answers(output) for output in model.runner.invoke_all(tensor)])
                        times.append(time.perf_counter_ns() - began)
                write(f"{first}.bin", b"".join(one.tobytes() for person in raw for one in person))
                points = pose.decode_input(model.spec, model.read(raw))
                part |= {"invoke_ns": times, "input_px": points.reshape(len(some), -1).tolist()}
            write(f"{first}.json", json.dumps(part).encode())
            phone.on_part.pop(number, lambda: None)()
        say(f"{some[-1] + 1} of {count}")
    before, times = state(), []
    more |= {"first_ms": 4.5, "runtime": "LiteRT", "tflite_version": "1.4.1", "xnnpack": True, "peak_memory_kb": 81920}
    for _ in range(run["warm_up"]):
        model.runner.invoke(tensor)
    for _ in range(run["repeat"]):
        began = time.perf_counter_ns()
        model.runner.invoke(tensor)
        times.append(time.perf_counter_ns() - began)
    result = {"schema": 1, "run": identity, "people": count, "part": PART, "latency_ns": times}
    result |= {} if phone.old else more
    write("result.json", json.dumps({**result, "before": before, "after": state()}).encode())


def _delegate(phone: StandIn, hardware: str, file: Path) -> dict[str, int]:
    """Log what the delegate takes, and tell how many steps are left."""
    operations = len(inspect_bytes(model_file.read_stages(file)[0][0], "m.tflite").ops)
    taken, pieces = phone.took or (operations, 1)
    name = {"CPU": "TfLiteXNNPackDelegate", "GPU": "TfLiteGpuDelegateV2", "NNAPI": "TfLiteNnapiDelegate"}[hardware]
    if phone.logs:
        phone.note(
            "tflite", "I", "Replacing 3 out of 9 node(s) with delegate (other) node, yielding 3 partitions.", pid=1
        )
        if phone.complains:
            phone.note("tflite", "E", phone.complains)
        if taken:
            phone.note(
                "tflite", "I", f"Replacing {taken} out of {operations} node(s) with delegate ({name}) node, yielding "
                f"{pieces} partitions for the whole graph."
            )  # fmt: skip
    return {"operations": operations, "steps": operations - taken + (pieces + 1) // 2 if taken else operations}


def _person(model: runner.Pose, folder: Path, image: dict) -> list[float]:
    h, w = image["height"], image["width"]
    pixels = np.fromfile(folder / "images.bin", np.uint8, h * w * 3, offset=image["offset"]).reshape(h, w, 3)
    return model(pixels, np.array(image["boxes_xywh"])).ravel().tolist()


def state() -> dict[str, object]:
    return {
        "device": "Stand-in", "time_ms": int(time.time() * 1e3), "temperatures": {"thermal_zone0 cpu": 41000},
        "clocks_khz": [1800000, 2400000], "battery": {"percent": 80.0, "temperature_c": 31.5, "plugged": True},
    }  # fmt: skip
