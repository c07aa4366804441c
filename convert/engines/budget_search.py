"""Search for the layers that must not be int8 if a network may lose at most some points of AP.

Layers are ranked by how far the keypoints move when each layer alone is quantized and the rest is float32. The
costliest layers are kept in float until the budget holds. The opposite, one layer float and the rest int8, does not
reveal a bad layer, because its neighbours quantize its activations, and because with two bad layers keeping one of
them changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import tensorflow as tf

from poseport.convert.calibration import CalibrationCrops
from poseport.convert.engines.ai_edge import Quantized, calibrated
from poseport.convert.engines.box_candidate import BoxMeasure
from poseport.convert.engines.candidates import Candidates, Measure
from poseport.convert.engines.file_layers import Layer, layers_by_name, layers_of, op_types
from poseport.convert.engines.pose_candidate import PoseMeasure
from poseport.convert.engines.ranges import MeasuredRanges, measure_ranges
from poseport.convert.engines.tuning_people import TuningPeople
from poseport.convert.float_file import FloatFile
from poseport.convert.recipes import Recipe
from poseport.convert.request import AccuracyBudget
from poseport.people.detector_spec import DetectorSpec
from poseport.spec import PoseSpec
from poseport.tflite.card import BudgetSearch, BudgetStep, LayerCost


def convert(
    network: FloatFile[PoseSpec] | FloatFile[DetectorSpec],
    make_plain: Callable[[], bytes],
    budget: AccuracyBudget,
    tuning: TuningPeople,
    crops: CalibrationCrops,
    progress: Callable[[int], None] | None = None,
) -> Quantized:
    """Find the file that holds a budget: plain int8, int8 with clipped ranges, or as few layers kept as possible.

    Args:
        network: The network.
        make_plain: Makes the plain int8 file.
        budget: The budget.
        tuning: The people on whom it is measured.
        crops: What determines activation ranges.
        progress: Called with 1 for each crop that calibrates.

    Returns:
        The file, its recipe and the search.

    Raises:
        ValueError: If no mix holds the budget, or the float32 network scores too little to measure a loss.
    """
    plain, clipped, mixed = tuning.outcomes
    settings = (
        network.weights_sha256, network.ends, crops.manifest, tuning.manifest, clipped.percentile, tf.__version__
    )  # fmt: skip
    measure: Measure
    if isinstance(network.spec, DetectorSpec):
        measure = BoxMeasure(network.spec, network.flatbuffer, budget.people, tuning.persons)
    else:
        measure = PoseMeasure(network.spec, network.flatbuffer, budget.people, tuning.persons)
    candidates = Candidates(measure, network.flatbuffer, tuning.notes_path, settings)
    search = _Search(network, make_plain, budget, tuning, crops, candidates, progress)

    search.check_baseline()
    if search.holds(plain, (), lambda: search.plain_int8):
        return search.result(search.plain_int8, plain)
    if search.holds(clipped, (), lambda: search.mix(())):
        return search.result(search.mix(()), clipped)
    costliest = search.rank_layers()
    count = _fewest(len(costliest) - 1, lambda n: search.holds(mixed, costliest[:n], lambda: search.mix(costliest[:n])))
    if count is None:
        raise search.nothing_holds()
    kept = costliest[:count]
    if search.curve[-1].kept != count:
        search.holds(mixed, kept, lambda: search.mix(kept))  # the curve ends with the file that is written
    return search.result(search.mix(kept), mixed, kept)


@dataclass(eq=False)
class _Search:
    """The state of a search; files and ranges are made when they are first needed."""

    network: FloatFile[PoseSpec] | FloatFile[DetectorSpec]
    make_plain: Callable[[], bytes]
    budget: AccuracyBudget
    tuning: TuningPeople
    crops: CalibrationCrops
    candidates: Candidates
    progress: Callable[[int], None] | None
    ranking: list[LayerCost] = field(default_factory=list)
    curve: list[BudgetStep] = field(default_factory=list)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        return layers_of(self.network.body)

    @cached_property
    def plain_int8(self) -> bytes:
        return self.make_plain()

    @cached_property
    def measured(self) -> MeasuredRanges:
        return measure_ranges(self.network.flatbuffer, self.network.spec, self.crops, self.progress)

    def mix(self, kept: Sequence[Layer]) -> bytes:
        """Make a file that is int8 except for the kept layers."""
        mixed = self.tuning.outcomes[2]
        return self._quantized(op_types(self.layers, kept, mixed.kept), self._ends(mixed, kept))

    def _ends(self, recipe: Recipe, kept: Sequence[Layer]) -> tuple[str, str]:
        return self.network.ends_of(recipe, [op for layer in kept for op in layer.ops])

    def only(self, layer: Layer) -> bytes:
        """Make a file that is float32 except for one layer."""
        return self._quantized(dict.fromkeys(layer.ops, "int8"), ("float32", "float32"))

    def _quantized(self, types: Mapping[str, str], ends: tuple[str, str]) -> bytes:
        percentile = self.tuning.outcomes[1].percentile
        assert percentile is not None
        return calibrated(self.network.flatbuffer, self.measured, percentile, types, ends)

    def check_baseline(self) -> None:
        """Refuse a network that scores so little that no file could exceed the budget.

        Raises:
            ValueError: If 100 x AP of the float file is not more than the budget.
        """
        float32, allowed, people = self.candidates.float32, self.budget.max_ap_drop, self.budget.people
        n = len(self.tuning.persons)
        if not 100 * float32.ap > allowed:
            self.tuning.notes_path.unlink(missing_ok=True)
            raise ValueError(
                f"{people.path}: a loss of {allowed:g} points of AP cannot be measured, because the float32 network "
                f"itself scores {100 * float32.ap:.2f} on these {n} people; nothing was written; tune on people whom "
                "it finds (poseport data check shows labels that cannot be right)"
            )
        self.budget.report(
            f"float32: AP {100 * float32.ap:.2f} on {n} people, {float32.bytes / 1e6:.2f} MB, {float32.ms:.1f} ms"
        )

    def holds(self, recipe: Recipe, kept: Sequence[Layer], make: Callable[[], bytes]) -> bool:
        """Measure a candidate, add it to the curve, and return whether it is within the budget."""
        result = self.candidates.measure(f"{recipe.name} keeping {len(kept)}", make)
        share = sum(layer.macs for layer in kept) / max(1, sum(layer.macs for layer in self.layers))
        ap_drop = round(self.candidates.ap_drop(result), 4)
        step = BudgetStep(recipe.name, len(kept), round(share, 4), ap_drop, result)
        self.curve.append(step)
        self.budget.report(describe(step))
        return step.ap_drop <= self.budget.max_ap_drop

    def rank_layers(self) -> list[Layer]:
        """Quantize each layer alone; returns the layers, the costliest first."""
        for i, layer in enumerate(self.layers, 1):
            result = self.candidates.measure(f"only {layer.name}", partial(self.only, layer))
            self.ranking.append(LayerCost(layer.name, layer.macs, result.moved, result.moved_px))
            self.budget.report(
                f"int8 in {layer.name} alone ({i} of {len(self.layers)}): "
                f"{self.candidates.measure_file.similarity} {-result.moved:+.4f}, {result.moved_px:.2f} px"
            )
        self.ranking.sort(key=lambda cost: (-cost.moved, -cost.moved_px))
        return list(layers_by_name(self.layers, [cost.layer for cost in self.ranking]))

    def result(self, data: bytes, recipe: Recipe, kept: Sequence[Layer] = ()) -> Quantized:
        """The chosen file and how it was found."""
        found = BudgetSearch(
            self.budget.max_ap_drop, self.tuning.manifest, self.candidates.float32, tuple(self.ranking),
            tuple(self.curve),
        )  # fmt: skip
        return Quantized(data, recipe, tuple(kept), found, self._ends(recipe, kept))

    def nothing_holds(self) -> ValueError:
        """The error that names the nearest candidate."""
        best = min(self.curve, key=lambda step: step.ap_drop)
        return ValueError(
            f"no mix of int8 and {self.tuning.outcomes[2].kept} loses at most {self.budget.max_ap_drop:g} points of AP "
            f"on these {len(self.tuning.persons)} people; nothing was written; the nearest lost "
            f"{best.ap_drop:.2f} ({best.recipe}, {best.kept} of {len(self.layers)} layers kept); a larger "
            f"--max-ap-drop continues from {self.tuning.notes_path.name}"
        )


def _fewest(most: int, holds: Callable[[int], bool]) -> int | None:
    """Find the smallest count in 1..most that holds: steps grow by half, then bisection between the last two."""
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
    """Describe a step of the search in one line."""
    result, share = step.measured, f"{100 * step.kept_macs_share:.1f} % of the multiply-adds"
    kept = f" keeping {step.kept} layers ({share})" if step.kept else ""
    size = f"{result.bytes / 1e6:.3f} MB, {result.ms:.1f} ms on one thread here"
    return f"{step.recipe}{kept}: {step.ap_drop:.2f} points of AP lost, {result.moved_px:.2f} px, {size}"
