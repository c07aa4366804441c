"""The people of a budget search: those on whom the budget is measured, and others for calibration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poseport.convert import calibration, recipes
from poseport.convert.recipes import Recipe
from poseport.convert.request import Request
from poseport.data.people import Person
from poseport.tflite.card import Calibration


@dataclass(frozen=True)
class TuningPeople:
    """The people on whom a budget is measured, and the recipes that the search chooses from.

    Attributes:
        persons: The people; of a detector, everybody on their photos counts.
        manifest: Names them in the card.
        outcomes: The recipes int8, int8-p95 and the mixed one.
        notes_path: File of the measurements so far.
    """

    persons: Sequence[Person]
    manifest: Calibration
    outcomes: tuple[Recipe, Recipe, Recipe]
    notes_path: Path


def notes_path(out: Path) -> Path:
    """Name the file in which the search for `out` keeps its measurements.

    Args:
        out: The file to write.

    Returns:
        Its path, OUT.search.json.
    """
    return out.with_name(f"{out.name}.search.json")


def choose_tuning_people(request: Request) -> TuningPeople:
    """Draw the people to tune on.

    Args:
        request: A request with a budget.

    Returns:
        The people.

    Raises:
        ValueError: As `calibration.choose` does, or if the recipe has no int8 layers.
    """
    assert request.budget is not None
    outcomes = recipes.within_budget(request.recipe)
    people = request.budget.people
    count = min(request.budget.count, len(people.for_training()))
    persons, manifest = calibration.choose(people, count, request.seed, request.exclude, "tune")
    return TuningPeople(persons, manifest, outcomes, notes_path(request.out))


def choose_calibration(
    request: Request, tuning: TuningPeople | None, compared: int
) -> tuple[list[Person], Calibration | None]:
    """Draw the people to calibrate and compare on; none is on a photo of the evaluation or of the tuning.

    Args:
        request: A request.
        tuning: The people to tune on, if it has a budget.
        compared: Number of people that are enough for a recipe that calibrates nothing.

    Returns:
        The people and their manifest; nobody and None without a calibration set.

    Raises:
        ValueError: As `calibration.choose` does.
    """
    if request.calib is None:
        return [], None
    exclude = request.exclude
    if request.budget is not None and tuning is not None:
        excluded = request.exclude.persons if request.exclude else ()
        exclude = replace(request.budget.people, persons=(*tuning.persons, *excluded))
    count = request.calib_count
    if not request.recipe.calibrated:
        count = min(count, compared, len(request.calib.for_training()))
    return calibration.choose(request.calib, count, request.seed, exclude)
