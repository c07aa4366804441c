"""Who makes the flatbuffer of a recipe: TFLiteConverter, the AI Edge Quantizer, or an accuracy budget out of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

import numpy as np
import tensorflow as tf

from poseport.convert import calibration, recipes
from poseport.convert.engines import ai_edge, budget
from poseport.convert.engines.budget import Found
from poseport.convert.engines.converter import to_flatbuffer
from poseport.convert.graph import Deployment
from poseport.convert.recipes import Recipe
from poseport.data.people import People, Person
from poseport.tflite.card import Calibration
from poseport.tflite.inspection import inspect_bytes

Progress = Callable[[int], None] | None
# (network, people who calibrate, their crops, progress) -> the chosen file
Maker = Callable[[Deployment, Sequence[Person], np.ndarray | None, Progress], Found]


@dataclass(frozen=True)
class Tuning:
    """A budget, what it may end in, the people on whom it is measured, and where what was measured is kept."""

    limit: budget.Limit
    ends: tuple[Recipe, Recipe, Recipe]
    persons: Sequence[Person]
    manifest: Calibration
    notes_path: Path


def notes_path(out: Path) -> Path:
    """Where the search for `out` keeps what it has measured."""
    return out.with_name(f"{out.name}.search.json")


def tuning(limit: budget.Limit, recipe: Recipe, out: Path, seed: int, exclude: People | None) -> Tuning:
    """Draw the people to tune on; exclude: people whose images are not used. ValueError as `calibration.choose`."""
    ends = recipes.within_budget(recipe)
    count = min(limit.count, len(limit.people.for_training()))
    return Tuning(limit, ends, *calibration.choose(limit.people, count, seed, exclude, "tune"), notes_path(out))


def versions(recipe: Recipe) -> tuple[str, dict[str, str]]:
    """Who made a file of this recipe, and the versions of the packages in which they come."""
    if recipe.percentile is None:
        return f"{recipe.engine} of tensorflow {tf.__version__}", {}
    made_by = version("litert-quantizer")
    return f"{recipe.engine} of litert-quantizer {made_by}", {"litert-quantizer": made_by}


def by_recipe(
    network: Deployment,
    persons: Sequence[Person],
    boxes_xywh: np.ndarray | None,
    progress: Progress,
    *,
    recipe: Recipe,
    keep: Sequence[str] = (),
) -> Found:
    """The file that a recipe asks for. persons: who calibrate; boxes_xywh: (N, B, 4), see `calibration.inputs`.

    keep: layers of a mixed recipe that are not int8. ValueError when there is no such layer.
    """
    if recipe.percentile is None:
        return Found(to_flatbuffer(network, recipe, persons, boxes_xywh, progress), recipe)
    plain = to_flatbuffer(network, recipes.recipe("float32"), ())
    every = ai_edge.layers(inspect_bytes(plain, "float32"))
    kept = ai_edge.named(every, keep)
    ranges = ai_edge.settle(plain, network.spec, persons, recipe.percentile, boxes_xywh, progress)
    return Found(ai_edge.quantize(plain, ranges, ai_edge.types(every, kept, recipe.kept), recipe.io), recipe, kept)


def by_budget(
    network: Deployment,
    persons: Sequence[Person],
    boxes_xywh: np.ndarray | None,
    progress: Progress,
    *,
    tuning: Tuning,
    calibrated: Calibration | None,
    weights_sha256: str,
) -> Found:
    """The file that holds a budget; ranges are settled, and plain int8 converted, only when they are needed.

    persons, boxes_xywh: as for `by_recipe`. calibrated: names these people, and weights_sha256 the network, so that
    the notes of another search are not believed. ValueError when no mix holds the budget.
    """
    plain, clipped, _ = tuning.ends
    float_file = to_flatbuffer(network, recipes.recipe("float32"), ())
    settings = (weights_sha256, calibrated, tuning.manifest, clipped.percentile, tf.__version__)
    bench = budget.Bench(network.spec, float_file, tuning.limit.people, tuning.persons, tuning.notes_path, settings)

    @cache
    def whole() -> bytes:
        return to_flatbuffer(network, plain, persons, boxes_xywh, progress)

    @cache
    def ranges() -> ai_edge.Ranges:
        assert clipped.percentile is not None
        return ai_edge.settle(float_file, network.spec, persons, clipped.percentile, boxes_xywh, progress)

    return budget.search(bench, float_file, whole, ranges, tuning.ends, tuning.limit, tuning.manifest)
