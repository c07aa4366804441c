"""An accuracy budget: which layers must not be int8 for a network to lose at most so many points of AP.

Layers are ranked by what quantizing each one alone does to the keypoints, the rest being float32, and the costliest
are kept until the budget holds. The other way round, one layer float and the rest int8, cannot see a bad layer:
its activations are quantized by its neighbours all the same, and where two layers are bad, mending one shows nothing.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from poseport import pose, records
from poseport.convert.engines import ai_edge
from poseport.convert.engines.ai_edge import Layer, Ranges
from poseport.convert.recipes import Recipe
from poseport.data import batches
from poseport.data.people import People, Person
from poseport.scoring import metrics
from poseport.scoring.score import score
from poseport.spec import PoseSpec
from poseport.tflite.card import Budget, BudgetStep, Calibration, LayerCost, Measured
from poseport.tflite.inspection import inspect_bytes
from poseport.tflite.runner import Runner


@dataclass(frozen=True)
class Limit:
    """What was asked for.

    max_ap_drop: points of AP (100 x). people: on whom it is measured; count: how many of them at most.
    say: called with a line for each file that was measured.
    """

    max_ap_drop: float
    people: People
    count: int = 500
    say: Callable[[str], None] = lambda line: None

    def __post_init__(self) -> None:
        if not 0 <= self.max_ap_drop < 100:
            raise ValueError(f"--max-ap-drop is in points of AP, 0 to 100, found {self.max_ap_drop:g}")


@dataclass(frozen=True)
class Found:
    """What was chosen: the flatbuffer, its recipe, the layers that are not int8, and how that came about."""

    flatbuffer: bytes
    recipe: Recipe
    kept: tuple[Layer, ...] = ()
    budget: Budget | None = None


@dataclass(frozen=True)
class Notes:
    """What a search has measured so far, in a file, so that a search that was cut off goes on.

    settings: digest of all that the numbers depend on; the budget itself is not among them.
    """

    settings: str
    measured: dict[str, Measured] = field(default_factory=dict)


class Bench:
    """The people to tune on, cropped once, and what the float file finds in them.

    float_file: a float32 flatbuffer. persons: one a photo, so that nobody unseen counts as missed.
    notes_path: where measurements are kept; those made with the same settings are not made again.
    """

    def __init__(
        self,
        spec: PoseSpec,
        float_file: bytes,
        people: People,
        persons: Sequence[Person],
        notes_path: Path,
        settings: Sequence[object],
    ):
        self.spec, self.persons = spec, list(persons)
        self.people = replace(people, persons=tuple(persons))
        parts = list(batches.batches(spec, persons))
        self.crops = np.concatenate([part.crops for part in parts])
        self.matrices = np.concatenate([part.matrices for part in parts])
        digest = hashlib.sha256(float_file)
        digest.update(repr(settings).encode())
        self.path, self.notes = notes_path, _read_notes(notes_path, digest.hexdigest())
        keypoints, ms = self._run(float_file)
        seen = np.where(np.isfinite(keypoints[..., :1]), 2.0, 0.0)
        self.labels = np.concatenate([keypoints[..., :2], seen], axis=-1)
        self.float32 = self._kept("float32", lambda: self._judge(keypoints, ms, len(float_file)))

    def measure(self, name: str, make: Callable[[], bytes]) -> Measured:
        """A file by the name of what was done; it is made and run unless the notes know it."""

        def run() -> Measured:
            data = make()
            return self._judge(*self._run(data), len(data))

        return self._kept(name, run)

    def drop(self, measured: Measured) -> float:
        """Points of AP lost against float32."""
        return 100 * (self.float32.ap - measured.ap)

    def _kept(self, name: str, run: Callable[[], Measured]) -> Measured:
        if name not in self.notes.measured:
            self.notes.measured[name] = run()
            records.write_json(self.notes, self.path)
        return self.notes.measured[name]

    def _run(self, data: bytes) -> tuple[np.ndarray, float]:
        """Keypoints (N, K, 3) in image pixels, and the median ms of one inference."""
        runner = Runner(data, "candidate")
        outputs, spent = [], []
        for crop in self.crops:
            tensor = runner.quantize(pose.normalise(self.spec, crop[None]))
            began = time.perf_counter()
            outputs.append(runner.invoke(tensor))
            spent.append(time.perf_counter() - began)
        raw = runner.dequantize(np.concatenate(outputs)).reshape(-1, *self.spec.output_shape)
        return pose.decode(self.spec, raw, self.matrices), 1000 * float(np.median(spent))

    def _judge(self, keypoints: np.ndarray, ms: float, size: int) -> Measured:
        """AP on the labels; what moved by the float file's keypoints, which have no labelling noise."""
        sigmas, areas = np.asarray(self.people.skeleton.sigmas), np.array([p.area for p in self.persons])
        scale = np.linalg.norm(self.matrices[:, 0, :2], axis=1)  # input pixels an image pixel
        away = np.linalg.norm(keypoints[..., :2] - self.labels[..., :2], axis=-1) * scale[:, None]
        ap = score(self.people, self.persons, keypoints).values["OKS-AP"]
        moved = 1 - float(np.nanmean(metrics.oks(keypoints, self.labels, areas, sigmas)))
        lost = float(np.hypot(*self.spec.input_hw))  # a keypoint that is no longer found is as far as one can be
        return Measured(round(float(ap), 6), round(moved, 6), round(float(np.nan_to_num(away, nan=lost).mean()), 4),
                        round(ms, 3), size)  # fmt: skip


def search(
    bench: Bench,
    float_file: bytes,
    plain: Callable[[], bytes],
    ranges: Callable[[], Ranges],
    recipes: tuple[Recipe, Recipe, Recipe],
    limit: Limit,
    tune: Calibration,
) -> Found:
    """The least that holds the budget: plain int8, int8 with clipped ranges, or as few layers kept as will do.

    plain: makes the file of `recipes[0]`, and ranges what `edge.settle` says, when they are needed. recipes: of
    `recipes.within_budget`. tune: names the people of the bench.
    Raises ValueError when no mix holds it.
    """
    whole, clipped, mixed = recipes
    layers = ai_edge.layers(inspect_bytes(float_file, "float32"))
    macs = max(1, sum(layer.macs for layer in layers))
    ranking: list[LayerCost] = []
    curve: list[BudgetStep] = []

    def tried(recipe: Recipe, kept: Sequence[Layer], make: Callable[[], bytes]) -> bool:
        measured = bench.measure(f"{recipe.name} keeping {len(kept)}", make)
        share = sum(layer.macs for layer in kept) / macs
        step = BudgetStep(recipe.name, len(kept), round(share, 4), round(bench.drop(measured), 4), measured)
        curve.append(step)
        limit.say(describe(step))
        return step.ap_drop <= limit.max_ap_drop

    def mix(kept: Sequence[Layer]) -> bytes:
        return ai_edge.quantize(float_file, ranges(), ai_edge.types(layers, kept, mixed.kept), mixed.io)

    def done(data: bytes, recipe: Recipe, kept: Sequence[Layer] = ()) -> Found:
        budget = Budget(limit.max_ap_drop, tune, bench.float32, tuple(ranking), tuple(curve))
        return Found(data, recipe, tuple(kept), budget)

    f = bench.float32
    limit.say(f"float32: AP {100 * f.ap:.2f} on {len(bench.persons)} people, {f.bytes / 1e6:.2f} MB, {f.ms:.1f} ms")
    if tried(whole, (), plain):
        return done(plain(), whole)
    if tried(clipped, (), lambda: mix(())):
        return done(mix(()), clipped)
    for i, layer in enumerate(layers, 1):
        m = bench.measure(f"only {layer.name}", partial(_only, float_file, ranges, layer))
        ranking.append(LayerCost(layer.name, layer.macs, m.moved, m.moved_px))
        limit.say(f"int8 in {layer.name} alone ({i} of {len(layers)}): OKS {-m.moved:+.4f}, {m.moved_px:.2f} px")
    ranking.sort(key=lambda cost: (-cost.moved, -cost.moved_px))
    by_name = {layer.name: layer for layer in layers}
    worst = [by_name[cost.layer] for cost in ranking]

    def holds(count: int) -> bool:
        return tried(mixed, worst[:count], lambda: mix(worst[:count]))

    count = _fewest(len(worst) - 1, holds)
    if count is not None:
        if curve[-1].kept != count:
            holds(count)  # the curve ends with the file that is written
        return done(mix(worst[:count]), mixed, worst[:count])
    best = min(curve, key=lambda step: step.ap_drop)
    raise ValueError(
        f"no mix of int8 and {mixed.kept} loses at most {limit.max_ap_drop:g} points of AP on these "
        f"{len(bench.persons)} people; nothing was written; the nearest lost {best.ap_drop:.2f} ({best.recipe}, "
        f"{best.kept} of {len(worst)} layers kept); a larger --max-ap-drop goes on from {bench.path.name}"
    )


def _only(float_file: bytes, ranges: Callable[[], Ranges], layer: Layer) -> bytes:
    """A file that is float32 but for one layer."""
    return ai_edge.quantize(float_file, ranges(), dict.fromkeys(layer.ops, "int8"), "float32")


def _fewest(most: int, holds: Callable[[int], bool]) -> int | None:
    """The smallest count in 1..most that holds, by steps that grow by half and bisection between the last two."""
    low, high = 0, 1
    while not holds(high):
        if high >= most:
            return None
        low, high = high, min(most, max(high + 1, 3 * high // 2))
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def describe(step: BudgetStep) -> str:
    """One step of the curve as a line."""
    m, share = step.measured, f"{100 * step.kept_macs_share:.1f} % of the multiply-adds"
    kept = f" keeping {step.kept} layers ({share})" if step.kept else ""
    size = f"{m.bytes / 1e6:.3f} MB, {m.ms:.1f} ms on one thread here"
    return f"{step.recipe}{kept}: {step.ap_drop:.2f} points of AP lost, {m.moved_px:.2f} px, {size}"


def _read_notes(path: Path, settings: str) -> Notes:
    """Notes of the same search, or empty ones."""
    try:
        notes = records.read_json(Notes, path)
    except ValueError:
        return Notes(settings)
    return notes if notes.settings == settings else Notes(settings)
