"""Turn the results of a phone into records, scored by the same evaluator as a host's outputs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poseport import __version__, crop, pose
from poseport.bench.measure import accuracy, checks
from poseport.bench.measure.boxes import Boxes
from poseport.bench.measure.describe import model_info
from poseport.bench.phone.files import Description
from poseport.bench.phone.handset import Phone
from poseport.bench.phone.parts import MAX_RESULT_BYTES, PART, RESULT, read
from poseport.bench.record import Environment, Latency, Minute, Result, Sustained
from poseport.data.people import People, Person
from poseport.files import safe_path
from poseport.predict import Variant
from poseport.scoring.score import score
from poseport.skeleton import rearrange
from poseport.tflite.runner import Pose

# thermal zones without a sensor report 0 or an impossible temperature
PLAUSIBLE_CELSIUS = (1.0, 130.0)


def accuracy_record(
    model: Pose, phone: Phone, run: Description, folder: Path, people: People, boxes: Boxes, only: tuple[str, ...]
) -> tuple[Result, float | None]:
    """Score the predictions of a run.

    Args:
        model: The loaded file.
        phone: The phone that ran it.
        run: What was measured.
        folder: What `run.measure` returned.
        people: The annotated people.
        boxes: Boxes whose crops were sent.
        only: Names of the keypoints to score; empty for all.

    Returns:
        The record, and the largest distance in input pixels between the keypoints of the app's decoder and of this
        package's (None if whole images were sent).

    Raises:
        ValueError: if a part is damaged or missing.
    """
    keypoints, apart = _keypoints(model, run, folder, boxes.cropped)
    checks.refuse_not_finite(keypoints, boxes.cropped, f"{phone.name}: {model.path.name}")
    by_name = rearrange(keypoints, model.spec.skeleton, people.skeleton)
    scored = score(people, boxes.scored, by_name, only, boxes.scores)
    measured = accuracy.record(people, boxes, Variant(), keypoints, scored, None)
    return Result(model_info(model), _environment(phone, run, read(folder / RESULT)), measured), apart


def latency_record(model: Pose, phone: Phone, run: Description, folder: Path, name: str) -> Result:
    """Collect the times of a run: of the network alone, or, for whole images, also of the crop and the decoder.

    Args:
        model: The loaded file.
        phone: The phone that ran it.
        run: What was measured.
        folder: What `run.measure` returned.
        name: Name of the people.

    Returns:
        The record, with times in microseconds.

    Raises:
        ValueError: if a part is damaged or missing.
    """
    result = read(folder / RESULT)
    part_results = [read(path) for path, _ in parts(folder, run)]
    prepare, invoke, decode = (_us(ns for part in part_results for ns in part.get(key, ())) for key in
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
    """Collect the pieces of a sustained run, which `run.sustain` left in a folder.

    Args:
        model: The loaded file.
        phone: The phone that ran it.
        run: What was measured.
        folder: The folder.
        name: Name of the people.
    """
    pieces = sorted(folder.glob("again-*.json"), key=lambda path: int(path.stem.removeprefix("again-")))
    results = [read(path) for path in pieces]
    measured = Sustained(kind="sustained", input=name, minutes=minutes(results))
    return Result(model_info(model), _environment(phone, run, results[0]), measured)


def minutes(results: Sequence[dict[str, Any]]) -> tuple[Minute, ...]:
    """Sort the samples of a sustained run into minutes by the phone's clock.

    The samples of a piece follow one another without a pause and end when the piece ends.

    Args:
        results: The app's result of each piece, in order.
    """
    begin = results[0]["after"]["time_ms"] / 1e3 - sum(results[0]["latency_ns"]) / 1e9
    samples: dict[int, list[float]] = {}
    states: dict[int, dict[str, Any]] = {}
    for piece in results:
        ns = np.asarray(piece["latency_ns"], np.float64)
        ends = piece["after"]["time_ms"] / 1e3 - begin - (ns.sum() - ns.cumsum()) / 1e9
        for us, second in zip(ns / 1e3, ends, strict=True):
            # a sample that ends exactly on a minute belongs to it
            minute = max(1, int(np.ceil(second / 60)))
            samples.setdefault(minute, []).append(round(float(us), 1))
            states[minute] = piece["after"]
    return tuple(
        Minute(minute, tuple(times_us), celsius(states[minute]), _battery(states[minute]), _clock_mhz(states[minute]))
        for minute, times_us in sorted(samples.items())
    )


def celsius(state: dict[str, Any]) -> float | None:
    """Temperature (°C) of the hottest plausible sensor that the app can read, else of the battery, else None.

    Args:
        state: The phone's state in the app's result.
    """
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
    """(N, K, 3) in image pixels: decoded here from raw outputs, or as the phone reports them for whole images."""
    spec, k = model.spec, len(model.spec.skeleton)
    keypoints, apart = [], 0.0
    for path, count in parts(folder, run):
        part, part_persons = read(path), persons[int(path.stem) : int(path.stem) + count]
        reported = np.array(part["image_px" if run.mode == "images" else "input_px"], np.float64).reshape(-1, k, 3)
        if len(reported) != len(part_persons):
            raise ValueError(
                f"{path}: {len(reported)} people, expected {len(part_persons)}; remove it, and it is measured again"
            )
        if run.mode == "images":
            keypoints.append(reported)
            continue
        maps = model.read([outputs(path, count, model.runner.outputs)])
        matrices = np.stack([crop.crop_matrix(np.array(p.box_xywh), spec.input_hw, spec.padding) for p in part_persons])
        keypoints.append(pose.decode(spec, maps, matrices))
        apart = max(apart, float(np.abs(pose.decode_input(spec, maps)[..., :2] - reported[..., :2]).max()))
    return np.concatenate(keypoints), None if run.mode == "images" else apart


def parts(folder: Path, run: Description) -> list[tuple[Path, int]]:
    """List the parts of a run in order, each with its number of people.

    Args:
        folder: Folder of the run.
        run: What was measured.

    Raises:
        ValueError: if one is missing.
    """
    files = [(folder / f"{first}.json", min(PART, run.count - first)) for first in range(0, run.count, PART)]
    missing = [path for path, _ in files if not path.is_file()]
    if missing:
        raise ValueError(f"{missing[0]}: is missing; remove {folder}, and it is measured again")
    return files


def outputs(part: Path, count: int, described: Sequence[dict[str, Any]]) -> list[np.ndarray]:
    """Read the raw outputs of a part: for each person, all output tensors one after the other.

    Args:
        part: The part's JSON file; the outputs lie beside it.
        count: Number of people in the part.
        described: Descriptions of the output tensors by the interpreter, in the spec's order.

    Returns:
        For each tensor (count, ...) in its own type.

    Raises:
        ValueError: if the file is missing or truncated.
    """
    path = part.with_suffix(".bin")
    raw = safe_path.read_file(path, MAX_RESULT_BYTES) if path.is_file() else b""
    row = np.dtype([(str(i), one["dtype"], tuple(one["shape"][1:])) for i, one in enumerate(described)])
    if len(raw) != count * row.itemsize:
        raise ValueError(f"{path}: is cut off; remove {part.name}, and it is measured again")
    rows = np.frombuffer(raw, row)
    return [rows[name] for name in row.names or ()]


def _scaled(result: dict[str, Any], key: str, factor: float) -> float | None:
    """A value of the app in another unit; None if this version of the app does not report it."""
    value = result.get(key)
    return None if value is None else round(value * factor, 3)


def _us(ns: Any) -> tuple[float, ...]:
    return tuple(round(value / 1e3, 3) for value in ns)


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
