"""What the app does on the stand-in phone: it measures with the host's interpreter and writes its files part by part,
as `core/bench/Bench.kt` does.
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
from poseport.people import centers, detector, everyone
from poseport.tflite import runner
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
    if phone.old and run["mode"] not in ("tensors", "images"):
        raise ValueError(f'run.json: mode "{run["mode"]}" is not one of tensors, images')
    refuses = phone.refuses
    if run["hardware"] not in phone.hardware:
        refuses = "no_delegate", f"{run['hardware']} cannot be used on this phone (it has none)"
    if refuses is not None:
        if not phone.old:
            said = {"schema": 1, "run": identity, "refused": refuses[0], "reason": refuses[1]}
            (folder / "result.json").write_text(json.dumps(said))
        raise ValueError(refuses[1])
    began = time.perf_counter_ns()
    on_pictures = run["mode"] in ("detector", "pictures")
    subject = Pictures(phone, folder, run) if on_pictures else runner.load(file, run["threads"])
    more = {"load_ms": (time.perf_counter_ns() - began) / 1e6, **_delegate(phone, run["hardware"], file)}
    count = len(run["images"]) if run["images"] else run["count"]

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
            if isinstance(subject, Pictures):
                part |= subject.look(some)
            elif run["mode"] == "images":
                part |= {key: [1000] * len(some) for key in ("prepare_ns", "invoke_ns", "decode_ns")}
                part["image_px"] = [_person(subject, folder, run["images"][i]) for i in some]
            else:
                tensor, raw, times = subject.runner.input, [], []
                size = int(np.prod(tensor["shape"])) * np.dtype(tensor["dtype"]).itemsize
                with open(folder / "tensors.bin", "rb") as file:
                    for i in some:
                        file.seek(i * size)
                        fed = np.frombuffer(file.read(size), tensor["dtype"]).reshape(tensor["shape"])
                        began = time.perf_counter_ns()
                        raw.append([phone.answers(output) for output in subject.runner.invoke_all(fed)])
                        times.append(time.perf_counter_ns() - began)
                write(f"{first}.bin", b"".join(one.tobytes() for person in raw for one in person))
                points = pose.decode_input(subject.spec, subject.read(raw))
                part |= {"invoke_ns": times, "input_px": points.reshape(len(some), -1).tolist()}
            write(f"{first}.json", json.dumps(part).encode())
            phone.on_part.pop(number, lambda: None)()
        say(f"{some[-1] + 1} of {count}")
    before = state()
    more |= {"first_ms": 4.5, "runtime": "LiteRT", "tflite_version": "1.4.1", "xnnpack": True, "peak_memory_kb": 81920}
    result = {"schema": 1, "run": identity, "people": count, "part": PART}
    result |= subject.time(run["repeat"]) if isinstance(subject, Pictures) else _time(subject, run)
    result |= {} if phone.old else more
    write("result.json", json.dumps({**result, "before": before, "after": state()}).encode())


class Pictures:
    """A detector alone, or with a pose network behind it, on whole pictures."""

    def __init__(self, phone: StandIn, folder: Path, run: dict):
        self.phone, self.folder, self.images = phone, folder, run["images"]
        alone = run["mode"] == "detector"
        self.detector = detector.load(folder / run["model" if alone else "detector"], run["threads"])
        self.model = None if alone else runner.load(folder / run["model"], run["threads"])
        if self.model is not None:
            least = everyone.least_score(self.model.spec)
            self.everyone = everyone.Everyone(self.model, self.model.spec.skeleton, self._detect, unsure=least)

    def _detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        spec = self.detector.spec
        picture, matrix = centers.letterbox(image, spec.input_hw)
        self.found = centers.decode(spec, self.phone.answers(self.detector.output(picture)), matrix)
        self.clock.append(time.perf_counter_ns())
        return self.found

    def _once(self, number: int) -> everyone.Found | None:
        image = _picture(self.folder, self.images[number % len(self.images)])
        self.clock = [time.perf_counter_ns()]
        found = self.everyone(image) if self.model else self._detect(image) and None
        self.clock.append(time.perf_counter_ns())
        return found

    def look(self, some: range) -> dict[str, object]:
        boxes, people = [], []
        for i in some:
            found = self._once(i)
            boxes.append(np.column_stack(self.found).ravel().tolist())
            if found is not None:
                pairs = zip(found.boxes, found.keypoints, strict=True)
                people.append([[*box.tolist(), *keypoints.ravel().tolist()] for box, keypoints in pairs])
        times = {key: [1000] * len(some) for key in ("prepare_ns", "invoke_ns", "decode_ns")}
        return {"boxes_xywhs": boxes, **({"found": people} if self.model else times)}

    def time(self, repeat: int) -> dict[str, object]:
        if not self.model:
            return {"prepare_ns": [10**6] * repeat, "invoke_ns": [4 * 10**6] * repeat, "decode_ns": [10**6] * repeat}
        rows = []
        for i in range(repeat):
            found = self._once(i)
            begin, detected, end = self.clock
            looked = min(len(self.found[0]), everyone.MOST_PEOPLE)
            rows.append((detected - begin, end - detected, looked, len(found.scores)))
        return dict(zip(("detect_ns", "people_ns", "boxes", "found"), zip(*rows, strict=True), strict=True))


def _time(model: runner.Pose, run: dict) -> dict[str, list[int]]:
    tensor, times = np.zeros(model.runner.input["shape"], model.runner.input["dtype"]), []
    for i in range(run["warm_up"] + run["repeat"]):
        began = time.perf_counter_ns()
        model.runner.invoke(tensor)
        times += [time.perf_counter_ns() - began] if i >= run["warm_up"] else []
    return {"latency_ns": times}


def _delegate(phone: StandIn, hardware: str, file: Path) -> dict[str, int]:
    """Log what the delegate takes, and tell how many steps are left."""
    operations = len(inspect_bytes(file.read_bytes(), "m.tflite").ops)
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
    return model(_picture(folder, image), np.array(image["boxes_xywh"])).ravel().tolist()


def _picture(folder: Path, image: dict) -> np.ndarray:
    h, w = image["height"], image["width"]
    return np.fromfile(folder / "images.bin", np.uint8, h * w * 3, offset=image["offset"]).reshape(h, w, 3)


def state() -> dict[str, object]:
    return {
        "device": "Stand-in", "time_ms": int(time.time() * 1e3), "temperatures": {"thermal_zone0 cpu": 41000},
        "clocks_khz": [1800000, 2400000], "battery": {"percent": 80.0, "temperature_c": 31.5, "plugged": True},
    }  # fmt: skip
