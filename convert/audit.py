"""Check whether calibration people are enough: how the ranges of every layer widen as people are added.

The width (largest minus smallest value) of the result of every operation of the float network is measured; an int8
file turns it into a scale. Widths are given as shares of the widths over all people.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport import pose
from poseport.convert import calibration
from poseport.data import batches
from poseport.data.people import People, Person
from poseport.records import to_data
from poseport.spec import PoseSpec
from poseport.tflite.inspection import inspect_bytes
from poseport.tflite.interpreter import Runner

COUNTS = (8, 16, 32, 64, 128, 256, 512)
# Ranges are settled when they reach this share of the whole ranges, on average over the layers.
ENOUGH = 0.95


@dataclass(frozen=True)
class Settled:
    """The ranges over some of the people, as shares of the ranges over all of them.

    Attributes:
        people: How many people.
        mean: The mean share over the layers, in [0, 1].
        least: The smallest share.
        layer: The layer that has it.
    """

    people: int
    mean: float
    least: float
    layer: str


@dataclass(frozen=True)
class Audit:
    """How ranges settle.

    Attributes:
        bundle: The bundle.
        people: How many people were run.
        seed: The seed that drew them.
        layers: How many layers were measured.
        preprocessing: The `pose.fingerprint` of the spec.
        settled: Ranges of more and more people, in the order in which `convert` draws them.
        halves: The narrower of two halves' ranges as a share of the wider.
    """

    bundle: str
    people: int
    seed: int
    layers: int
    preprocessing: str
    settled: tuple[Settled, ...]
    halves: Settled

    @property
    def enough(self) -> int | None:
        """The fewest of the counts whose ranges are settled; None if all of the people are needed."""
        return next((row.people for row in self.settled if row.mean >= ENOUGH and row.people < self.people), None)

    def data(self) -> dict[str, Any]:
        """The result as plain values, for `--json`."""
        return {**to_data(self), "enough": self.enough}

    def text(self) -> str:
        """The result as lines of text."""
        lines = [
            f"{self.bundle}: ranges of {self.layers} layers over {self.people} people (seed {self.seed}), "
            f"pre-processing {self.preprocessing}",
            "  people   mean width   narrowest",
        ]
        lines += [f"  {row.people:6d}{100 * row.mean:11.1f} %{100 * row.least:10.1f} %" for row in self.settled]
        count = self.enough
        return "\n".join(
            [
                *lines,
                f"  two halves of {self.halves.people}: the narrower range is {100 * self.halves.mean:.1f} % of the "
                f"wider on average, {100 * self.halves.least:.1f} % in {self.halves.layer}",
                f"  {f'{count} people are enough' if count else 'calibrate on all of them, or more'} "
                f"({100 * ENOUGH:g} % of the whole ranges on average)",
            ]
        )


def audit(
    flatbuffer: bytes,
    spec: PoseSpec,
    name: str,
    people: People,
    *,
    evaluation: People | None = None,
    most: int = COUNTS[-1],
    seed: int = 0,
    progress: Callable[[int], None] | None = None,
) -> Audit:
    """Run a float network on calibration people and measure how its ranges settle.

    Args:
        flatbuffer: The network in float32.
        spec: Its spec.
        name: Name of the network in messages.
        people: The people to calibrate on.
        evaluation: People on whom the file will be evaluated.
        most: Largest number of people to run.
        seed: Seed of the draw.
        progress: Called with the number of people just done.

    Returns:
        The ranges of more and more people, and of two halves.

    Raises:
        ValueError: If people have another skeleton or are on photos of the evaluation, if fewer than 16 are left, if an
            image cannot be read, or if the network's values do not vary or are not finite.
    """
    check_people(spec, people, name, evaluation)
    available = len(people.for_training())
    if min(most, available) < 2 * COUNTS[0]:
        raise ValueError(f"{people.path}: {available} people can calibrate; expected at least {2 * COUNTS[0]}")
    persons, _ = calibration.choose(people, min(most, available), seed)
    layers, lows, highs = extremes(flatbuffer, spec, persons, name, progress)
    whole = _widths(lows, highs)
    if not np.isfinite(whole).all():
        layer = layers[int((~np.isfinite(whole)).argmax())]
        raise ValueError(f"{name}: {layer} takes values that are not finite (NaN or infinity); train it again")
    varies = whole > 0
    if not varies.any():
        raise ValueError(f"{name}: no layer's values vary, so ranges cannot be measured; train it first")
    layers = [layer for layer, kept in zip(layers, varies, strict=True) if kept]

    def settled(count: int) -> Settled:
        return _settled(count, layers, _widths(lows[:count], highs[:count])[varies] / whole[varies])

    counts = [n for n in COUNTS if n < len(persons)] + [len(persons)]
    half = len(persons) // 2
    widths = np.stack([_widths(lows[part], highs[part])[varies] for part in (slice(half), slice(half, None))])
    return Audit(
        bundle=name,
        people=len(persons),
        seed=seed,
        layers=len(layers),
        preprocessing=pose.fingerprint(spec),
        settled=tuple(settled(count) for count in counts),
        halves=_settled(half, layers, widths.min(axis=0) / widths.max(axis=0)),
    )


def check_people(spec: PoseSpec, people: People, name: str, evaluation: People | None) -> None:
    """Check that people can calibrate a network and are not on photos of the evaluation.

    Args:
        spec: The network's spec.
        people: The people to calibrate on.
        name: Name of the network in messages.
        evaluation: The people of the evaluation; None to skip that check.

    Raises:
        ValueError: If the skeletons differ, or a photo is in both sets.
    """
    calibration.check_skeleton(people, spec, name)
    if evaluation is None:
        return
    others = set(calibration.on_other_photos(people.persons, evaluation))
    shared = [person for person in people.persons if person not in others]
    if shared:
        raise ValueError(
            f"{people.path}: {len(shared)} of {len(people)} people are on photos of {evaluation.path} too "
            f"({shared[0].image_path.name} …), so a score there would be too good; calibrate on others "
            "(`convert --exclude` leaves them out)"
        )


def extremes(
    flatbuffer: bytes,
    spec: PoseSpec,
    persons: Sequence[Person],
    name: str,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Measure the smallest and the largest value of every layer for each person.

    Args:
        flatbuffer: The network in float32.
        spec: Its spec.
        persons: N people.
        name: Name of the network in messages.
        progress: Called with the number of people just done.

    Returns:
        Names of T layers, and their smallest and largest values, (N, T) float32 each.
    """
    inspection = inspect_bytes(flatbuffer, name)
    runner = Runner(flatbuffer, name, keep=True)
    # a fused operation has the names of all its parts; the first is the activation
    computed = [(i, op.name.split(";")[0]) for op in inspection.ops for i in op.outputs]
    layers = {i: layer for i, layer in computed if inspection.tensors[i].dtype == "float32"}
    lows, highs = [], []
    for batch in batches.batches(spec, persons, batch=8):
        for crop in batch.crops:
            low_each, high_each = calibration.extremes(runner, pose.normalise(spec, crop[None]), list(layers))
            lows.append(low_each)
            highs.append(high_each)
        if progress is not None:
            progress(len(batch.persons))
    return list(layers.values()), np.array(lows), np.array(highs)


def _widths(lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """(T,) width of the range over people, 0 included, as TFLite's ranges always include it."""
    return np.maximum(highs.max(axis=0), 0) - np.minimum(lows.min(axis=0), 0)


def _settled(count: int, layers: list[str], shares: np.ndarray) -> Settled:
    worst = int(shares.argmin())
    return Settled(count, float(shares.mean()), float(shares[worst]), layers[worst])
