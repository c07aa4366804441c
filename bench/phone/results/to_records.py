"""Turn the results of a phone into records, scored by the same evaluator as a host's outputs."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from poseport import __version__
from poseport.bench.measure import accuracy, checks
from poseport.bench.measure.boxes import Boxes
from poseport.bench.phone.files import Description
from poseport.bench.phone.handset import Phone
from poseport.bench.phone.parts import RESULT, read
from poseport.bench.phone.results import predictions
from poseport.bench.phone.results.what_ran import what_ran
from poseport.bench.record import Agreement, BoxAgreement, Environment, Latency, Minute, Model, Result, Sustained
from poseport.data.people import People
from poseport.predict import Variant
from poseport.scoring.score import score
from poseport.skeleton import rearrange
from poseport.tflite.runner import Pose

# thermal zones without a sensor report 0 or an impossible temperature
PLAUSIBLE_CELSIUS = (1.0, 130.0)


def accuracy_record(
    model: Pose,
    about: Model,
    where: Environment,
    run: Description,
    folder: Path,
    people: People,
    boxes: Boxes,
    only: tuple[str, ...],
) -> tuple[Result, float | None]:
    """Score the predictions of a run.

    Args:
        model: The loaded file.
        about: The same as `model_info` describes it.
        where: The phone, as `environment` describes it.
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
    keypoints, apart = predictions.keypoints(model, run, folder, boxes.cropped)
    checks.refuse_not_finite(keypoints, boxes.cropped, f"{where.device}: {model.path.name}")
    by_name = rearrange(keypoints, model.spec.skeleton, people.skeleton)
    scored = score(people, boxes.scored, by_name, only, boxes.scores)
    measured = accuracy.record(people, boxes, Variant(), keypoints, scored, None)
    return Result(about, where, measured), apart


def latency(run: Description, folder: Path, name: str) -> Latency:
    """Collect the times of a run: of the network alone, or, for whole images, also of the input and the decoder.

    Args:
        run: What was measured.
        folder: What `run.measure` returned.
        name: Name of the people.

    Returns:
        The times in microseconds.

    Raises:
        ValueError: if a part is damaged or missing.
    """
    result, whole = read(folder / RESULT), run.mode == "images"
    parts = [read(path) for path, _ in predictions.parts(folder, run)]
    # people in whole images are timed once each, where they are predicted
    prepare, invoke, decode = (microseconds(ns for part in (parts if whole else [result]) for ns in part.get(key, ()))
                               for key in ("prepare_ns", "invoke_ns", "decode_ns"))  # fmt: skip
    if run.mode == "tensors":
        invoke = microseconds(result["latency_ns"])
    skipped = min(run.warm_up, run.count // 2) if whole else 0
    return Latency(
        kind="latency",
        input=f"{name}, whole images" if whole else name,
        load_us=scaled(result, "load_ms", 1e3),
        first_us=scaled(result, "first_ms", 1e3) or parts[0]["invoke_ns"][0] / 1e3,
        warmup=skipped if whole else run.warm_up,
        invoke_us=invoke[skipped:],
        prepare_us=prepare[skipped:],
        decode_us=decode[skipped:],
        peak_bytes=peak_bytes(result),
    )


def sustained_record(about: Model, where: Environment, folder: Path, name: str) -> Result:
    """Collect the pieces of a sustained run, which `run.sustain` left in a folder.

    Args:
        about: The file, as `model_info` describes it.
        where: The phone, as `environment` describes it.
        folder: The folder.
        name: Name of the people.
    """
    pieces = sorted(folder.glob("again-*.json"), key=lambda path: int(path.stem.removeprefix("again-")))
    results = [read(path) for path in pieces]
    measured = Sustained(kind="sustained", input=name, minutes=minutes(results))
    return Result(about, replace(where, celsius=celsius(results[0].get("before") or {})), measured)


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


def scaled(result: dict[str, Any], key: str, factor: float) -> float | None:
    """Read a value of the app in another unit.

    Args:
        result: The app's result.
        key: Name of the value.
        factor: What it is multiplied by.

    Returns:
        The value; None if this version of the app does not report it.
    """
    value = result.get(key)
    return None if value is None else round(value * factor, 3)


def peak_bytes(result: dict[str, Any]) -> int | None:
    """Read the app's highest memory; None if this version of the app does not report it.

    Args:
        result: The app's result.
    """
    peak = scaled(result, "peak_memory_kb", 1024)
    return None if peak is None else int(peak)


def microseconds(ns: Iterable[float]) -> tuple[float, ...]:
    """Convert nanoseconds.

    Args:
        ns: The times.
    """
    return tuple(round(value / 1e3, 3) for value in ns)


def environment(
    model: Path, phone: Phone, run: Description, folder: Path, *, agreement: Agreement | None = None,
    boxes: BoxAgreement | None = None,
) -> Environment:  # fmt: skip
    """Describe where a run was measured, what ran it, and whether its first answers are right.

    Args:
        model: The file.
        phone: The phone that ran it.
        run: What was measured.
        folder: What `run.measure` returned.
        agreement: How far its keypoints are from this machine's, or None.
        boxes: The same of its boxes.

    Returns:
        The description.

    Raises:
        ValueError: if the result is damaged or missing.
    """
    result = read(folder / RESULT)
    name = result.get("runtime", "TensorFlow Lite")  # which older apps do not say
    return Environment(
        device=phone.name,
        processor=phone.soc,
        cores=phone.cores,
        system=f"Android {phone.android}, {phone.build}",
        runtime=" ".join(filter(None, (name, result.get("tflite_version"), f"of the app {phone.app}"))),
        delegate=run.hardware,
        threads=run.threads,
        poseport=__version__,
        time=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        celsius=celsius(result.get("before") or {}),
        xnnpack=result.get("xnnpack") if run.hardware == "CPU" else None,
        ran=what_ran(model, run.hardware, folder, result),
        agreement=agreement,
        boxes=boxes,
    )
