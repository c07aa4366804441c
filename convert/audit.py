"""How many calibration people are enough, and which: the ranges of every layer as people are added.

What is measured is the width (largest minus smallest value) of what every operation of the float network computes,
which is what an int8 file turns into a scale. Whole is the range over everybody who was looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from poseport import pose
from poseport.convert import calibration, spread
from poseport.data import batches
from poseport.data.people import People, Person
from poseport.records import to_data
from poseport.spec import PoseSpec
from poseport.tflite.inspection import inspect_bytes
from poseport.tflite.runner import Runner

COUNTS = (8, 16, 32, 64, 128, 256, 512)
# Settled: on average over the layers a range is this share of the whole.
ENOUGH = 0.95


@dataclass(frozen=True)
class Settled:
    """Ranges of so many people as shares of the whole ranges: the mean over layers, the least and its layer."""

    people: int
    mean: float
    least: float
    layer: str


@dataclass(frozen=True)
class Audit:
    """random: in the order of the seed, as `convert` draws. spread: every next one unlike those before (`spread`).

    halves: the narrower of two halves' ranges as share of the wider. preprocessing: `pose.fingerprint`.
    """

    bundle: str
    people: int
    seed: int
    layers: int
    preprocessing: str
    random: tuple[Settled, ...]
    spread: tuple[Settled, ...]
    halves: Settled

    def enough(self, rows: tuple[Settled, ...]) -> int | None:
        """The fewest of the counts whose ranges are settled; None where no proper part of the people will do."""
        return next((row.people for row in rows if row.mean >= ENOUGH and row.people < self.people), None)

    def data(self) -> dict[str, Any]:
        """For `--json`."""
        return {**to_data(self), "enough": {"random": self.enough(self.random), "spread": self.enough(self.spread)}}

    def text(self) -> str:
        """For a person."""
        lines = [
            f"{self.bundle}: ranges of {self.layers} layers over {self.people} people (seed {self.seed}), "
            f"pre-processing {self.preprocessing}",
            "  people   drawn at random          spread over size, pose, brightness",
            "           mean width   narrowest   mean width   narrowest",
        ]
        for a, b in zip(self.random, self.spread, strict=True):
            widths = "".join(f"{100 * share:11.1f} %" for share in (a.mean, a.least, b.mean, b.least))
            lines.append(f"  {a.people:6d}{widths}")
        lines.append(
            f"  two halves of {self.halves.people}: the narrower range is {100 * self.halves.mean:.1f} % of the wider "
            f"on average, {100 * self.halves.least:.1f} % in {self.halves.layer}"
        )
        for word, rows in (("at random", self.random), ("spread", self.spread)):
            count = self.enough(rows)
            said = f"{count} people settle the ranges" if count else "take all of them, or more"
            lines.append(f"  {word}: {said} ({100 * ENOUGH:g} % of the whole on average)")
        return "\n".join(lines)


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
    """Run a float network on calibration people and see how its ranges settle.

    flatbuffer: the network in float32. evaluation: people on whom the file will be judged. progress: called with the
    number of people just done. Raises ValueError for people of another skeleton, ones that are in the evaluation set
    too, fewer than 16, or an image that cannot be read.
    """
    check_people(spec, people, name, evaluation)
    available = len(people.for_training())
    if min(most, available) < 2 * COUNTS[0]:
        raise ValueError(f"{people.path}: {available} people can calibrate; expected at least {2 * COUNTS[0]}")
    persons, _ = calibration.choose(people, min(most, available), seed)
    layers, lows, highs, tones = extremes(flatbuffer, spec, persons, name, progress)
    counts = [n for n in COUNTS if n < len(persons)] + [len(persons)]
    whole = _widths(lows, highs)
    alive = whole > 0
    layers = [layer for layer, kept in zip(layers, alive, strict=True) if kept]

    def settled(order: np.ndarray, count: int) -> Settled:
        some = order[:count]
        return _settled(count, layers, (_widths(lows[some], highs[some]) / np.where(alive, whole, 1))[alive])

    drawn, apart = np.arange(len(persons)), spread.order(persons, tones)
    half = len(persons) // 2
    widths = np.stack([_widths(lows[part], highs[part])[alive] for part in (drawn[:half], drawn[half:])])
    return Audit(
        bundle=name,
        people=len(persons),
        seed=seed,
        layers=len(layers),
        preprocessing=pose.fingerprint(spec),
        random=tuple(settled(drawn, count) for count in counts),
        spread=tuple(settled(apart, count) for count in counts),
        halves=_settled(half, layers, widths.min(axis=0) / np.maximum(widths.max(axis=0), 1e-30)),
    )


def check_people(spec: PoseSpec, people: People, name: str, evaluation: People | None) -> None:
    """ValueError when people cannot calibrate a network, or would be judged by themselves."""
    calibration.check_skeleton(people, spec, name)
    if evaluation is None:
        return
    others = set(calibration.on_other_photos(people.persons, evaluation))
    shared = [person for person in people.persons if person not in others]
    if shared:
        raise ValueError(
            f"{people.path}: {len(shared)} of {len(people)} people are on photos of {evaluation.path} too "
            f"({shared[0].image_path.name} …), so a score there would say too much; calibrate on others "
            "(`convert --exclude` leaves them out)"
        )


def extremes(
    flatbuffer: bytes,
    spec: PoseSpec,
    persons: Sequence[Person],
    name: str,
    progress: Callable[[int], None] | None = None,
) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    """Names of the layers (T), what each one's smallest and largest values are on every person, (N, T) float32 each,
    and mean and standard deviation (N, 2) of the pixels of each crop.
    """
    found = inspect_bytes(flatbuffer, name)
    runner = Runner(flatbuffer, name, keep=True)
    # a fused operation is called by all that it was; the first is the activation
    layers = {i: op.name.split(";")[0] for op in found.ops for i in op.outputs if found.tensors[i].dtype == "float32"}
    lows, highs, tones = [], [], []
    for batch in batches.batches(spec, persons, batch=8):
        for crop in batch.crops:
            low_each, high_each = calibration.extremes(runner, pose.normalise(spec, crop[None]), list(layers))
            lows.append(low_each)
            highs.append(high_each)
            tones.append((crop.mean(), crop.std()))
        if progress is not None:
            progress(len(batch.persons))
    return list(layers.values()), np.array(lows), np.array(highs), np.array(tones)


def _widths(lows: np.ndarray, highs: np.ndarray) -> np.ndarray:
    """(T,) width of the range over people; TFLite's ranges hold 0."""
    return np.maximum(highs.max(axis=0), 0) - np.minimum(lows.min(axis=0), 0)


def _settled(count: int, layers: list[str], shares: np.ndarray) -> Settled:
    worst = int(shares.argmin())
    return Settled(count, float(shares.mean()), float(shares[worst]), layers[worst])
