"""What a phone measured -> records, scored by the evaluator that scores a host's outputs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poseport import __version__, crop, pose
from poseport.bench import accuracy
from poseport.bench.boxes import Boxes
from poseport.bench.describe import model_info
from poseport.bench.phone.files import Description
from poseport.bench.phone.handset import Phone
from poseport.bench.phone.parts import PART, RESULT, read
from poseport.bench.record import Environment, Latency, Minute, Result, Sustained
from poseport.data.people import People, Person
from poseport.predict import Variant
from poseport.scoring.score import score
from poseport.skeleton import rearrange
from poseport.tflite.runner import Pose

# a kernel's zone without a sensor says 0, or a number that no phone survives
PLAUSIBLE_CELSIUS = (1.0, 130.0)


def accuracy_record(
    model: Pose, phone: Phone, run: Description, folder: Path, people: People, boxes: Boxes, only: tuple[str, ...]
) -> tuple[Result, float | None]:
    """The record of a run's predictions, and by how many input pixels the app's own decoder is off at most (None
    where whole images were sent).

    folder: what `run.measure` returned. boxes: whose crops were sent. Raises ValueError for a part that is
    damaged or missing.
    """
    keypoints, apart = _keypoints(model, run, folder, boxes.cropped)
    accuracy.refuse_not_finite(keypoints, boxes.cropped, f"{phone.name}: {model.path.name}")
    by_name = rearrange(keypoints, model.spec.skeleton, people.skeleton)
    scored = score(people, boxes.scored, by_name, only, boxes.scores)
    measured = accuracy.record(people, boxes, Variant(), keypoints, scored, None)
    return Result(model_info(model), _environment(phone, run, read(folder / RESULT)), measured), apart


def latency_record(model: Pose, phone: Phone, run: Description, folder: Path, name: str) -> Result:
    """The record of a run's times: of the network alone, or of whole images with their crop and decoder.

    name: of the people.
    """
    result = read(folder / RESULT)
    said = [read(path) for path, _ in parts(folder, run)]
    prepare, invoke, decode = (_us(ns for part in said for ns in part.get(key, ())) for key in
                               ("prepare_ns", "invoke_ns", "decode_ns"))  # fmt: skip
    whole = run.mode == "images"
    warmup = min(run.warm_up, run.count // 2) if whole else run.warm_up
    measured = Latency(
        kind="latency",
        input=f"{name}, whole images" if whole else name,
        load_us=_scaled(result, "load_ms", 1e3),
        first_us=_scaled(result, "first_ms", 1e3) or invoke[0],
        warmup=warmup,
        invoke_us=invoke[warmup:] if whole else _us(result["latency_ns"]),
        prepare_us=prepare[warmup:] if whole else (),
        decode_us=decode[warmup:] if whole else (),
        peak_bytes=None if (peak := _scaled(result, "peak_memory_kb", 1024)) is None else int(peak),
    )
    return Result(model_info(model), _environment(phone, run, result), measured)


def sustained_record(model: Pose, phone: Phone, run: Description, folder: Path, name: str) -> Result:
    """The record of a long run, whose pieces `run.sustain` left in a folder."""
    pieces = sorted(folder.glob("again-*.json"), key=lambda path: int(path.stem.removeprefix("again-")))
    results = [read(path) for path in pieces]
    measured = Sustained(kind="sustained", input=name, minutes=minutes(results))
    return Result(model_info(model), _environment(phone, run, results[0]), measured)


def minutes(results: Sequence[dict[str, Any]]) -> tuple[Minute, ...]:
    """Pieces of a long run as minutes, by the phone's clock: the samples of a piece follow one another without a
    pause and end with the piece.
    """
    begin = results[0]["after"]["time_ms"] / 1e3 - sum(results[0]["latency_ns"]) / 1e9
    samples: dict[int, list[float]] = {}
    states: dict[int, dict[str, Any]] = {}
    for piece in results:
        ns = np.asarray(piece["latency_ns"], np.float64)
        ends = piece["after"]["time_ms"] / 1e3 - begin - (ns.sum() - ns.cumsum()) / 1e9
        for us, second in zip(ns / 1e3, ends, strict=True):
            # the last sample of a minute ends on it
            minute = max(1, int(np.ceil(second / 60)))
            samples.setdefault(minute, []).append(round(float(us), 1))
            states[minute] = piece["after"]
    return tuple(
        Minute(minute, tuple(found), celsius(states[minute]), _battery(states[minute]), _clock_mhz(states[minute]))
        for minute, found in sorted(samples.items())
    )


def celsius(state: dict[str, Any]) -> float | None:
    """The hottest sensor that an app may read, else the battery's; None where the phone tells neither."""
    low, high = PLAUSIBLE_CELSIUS
    zones = [t / 1000 for t in (state.get("temperatures") or {}).values()]
    plausible = [t for t in zones if low <= t <= high]
    battery = (state.get("battery") or {}).get("temperature_c")
    return max(plausible) if plausible else battery or None


def _battery(state: dict[str, Any]) -> float | None:
    return (state.get("battery") or {}).get("percent")


def _clock_mhz(state: dict[str, Any]) -> float | None:
    clocks = state.get("clocks_khz") or []
    return max(clocks) / 1000 if clocks else None


def _keypoints(
    model: Pose, run: Description, folder: Path, persons: Sequence[Person]
) -> tuple[np.ndarray, float | None]:
    """(N, K, 3) in image pixels: of raw outputs decoded here, or as the phone says them for whole images."""
    spec, k = model.spec, len(model.spec.skeleton)
    found, apart = [], 0.0
    for path, count in parts(folder, run):
        part, some = read(path), persons[int(path.stem) : int(path.stem) + count]
        said = np.array(part["image_px" if run.mode == "images" else "input_px"], np.float64).reshape(-1, k, 3)
        if len(said) != len(some):
            raise ValueError(f"{path}: {len(said)} people, expected {len(some)}; remove it, and it is measured again")
        if run.mode == "images":
            found.append(said)
            continue
        maps = model.read([outputs(path, count, model.runner.output)])
        matrices = np.stack([crop.crop_matrix(np.array(p.box_xywh), spec.input_hw, spec.padding) for p in some])
        found.append(pose.decode(spec, maps, matrices))
        apart = max(apart, float(np.abs(pose.decode_input(spec, maps)[..., :2] - said[..., :2]).max()))
    return np.concatenate(found), None if run.mode == "images" else apart


def parts(folder: Path, run: Description) -> list[tuple[Path, int]]:
    """All parts of a run in order, each with how many people it has; ValueError when one is missing."""
    found = [(folder / f"{first}.json", min(PART, run.count - first)) for first in range(0, run.count, PART)]
    missing = [path for path, _ in found if not path.is_file()]
    if missing:
        raise ValueError(f"{missing[0]}: is missing; remove {folder}, and it is measured again")
    return found


def outputs(part: Path, count: int, output: dict[str, Any]) -> np.ndarray:
    """Raw outputs (count, ...) of a part; output: the tensor as the runner describes it. ValueError when cut off."""
    path = part.with_suffix(".bin")
    raw, shape = path.read_bytes() if path.is_file() else b"", output["shape"][1:]
    if len(raw) != count * np.dtype(output["dtype"]).itemsize * int(np.prod(shape)):
        raise ValueError(f"{path}: is cut off; remove {part.name}, and it is measured again")
    return np.frombuffer(raw, output["dtype"]).reshape(-1, *shape)


def _scaled(result: dict[str, Any], key: str, factor: float) -> float | None:
    """A figure of the app in other units; None where it is of a version that does not give it."""
    value = result.get(key)
    return None if value is None else round(value * factor, 3)


def _us(ns: Any) -> tuple[float, ...]:
    return tuple(round(one / 1e3, 3) for one in ns)


def _environment(phone: Phone, run: Description, result: dict[str, Any]) -> Environment:
    return Environment(
        device=phone.name,
        processor=phone.soc,
        cores=phone.cores,
        system=f"Android {phone.android}, {phone.build}",
        runtime=" ".join(filter(None, ("TensorFlow Lite", result.get("tflite_version"), f"of the app {phone.app}"))),
        delegate=run.hardware,
        threads=run.threads,
        poseport=__version__,
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        celsius=celsius(result.get("before") or {}),
        xnnpack=result.get("xnnpack") if run.hardware == "CPU" else None,
    )
