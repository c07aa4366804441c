"""Turn the results of a phone into records, scored by the same evaluator as a host's outputs."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
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
from poseport.bench.phone.results.agreement import agreement
from poseport.bench.phone.results.what_ran import what_ran
from poseport.bench.record import Environment, Latency, Minute, Model, Result, Sustained
from poseport.data.people import People, Person
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


def latency_record(about: Model, where: Environment, run: Description, folder: Path, name: str) -> Result:
    """Collect the times of a run: of the network alone, or, for whole images, also of the crop and the decoder.

    Args:
        about: The file, as `model_info` describes it.
        where: The phone, as `environment` describes it.
        run: What was measured.
        folder: What `run.measure` returned.
        name: Name of the people.

    Returns:
        The record, with times in microseconds.

    Raises:
        ValueError: if a part is damaged or missing.
    """
    result = read(folder / RESULT)
    part_results = [read(path) for path, _ in predictions.parts(folder, run)]
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
    return Result(about, where, measured)


def sustained_record(about: Model, where: Environment, folder: Path, name: str) -> Result:
    """Collect the pieces of a sustained run, which `run.sustain` left in a folder.

    Args:
        about: The file, as `model_info` describes it.
        where: The phone, as `environment` describes it.
        run: What was measured.
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


def _scaled(result: dict[str, Any], key: str, factor: float) -> float | None:
    """A value of the app in another unit; None if this version of the app does not report it."""
    value = result.get(key)
    return None if value is None else round(value * factor, 3)


def _us(ns: Any) -> tuple[float, ...]:
    return tuple(round(value / 1e3, 3) for value in ns)


def environment(
    model: Pose, about: Model, phone: Phone, run: Description, folder: Path, persons: Sequence[Person]
) -> Environment:
    """Describe where a run was measured, what ran it, and whether its first answers are right.

    Args:
        model: The loaded file.
        about: The same as `model_info` describes it.
        phone: The phone that ran it.
        run: What was measured.
        folder: What `run.measure` returned.
        persons: The people whose crops were sent.

    Returns:
        The description.

    Raises:
        ValueError: if a part is damaged or missing.
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
        ran=what_ran(model.path, run.hardware, folder, result),
        agreement=agreement(model, run, folder, persons, about.macs),
    )
