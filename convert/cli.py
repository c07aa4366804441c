"""`poseport convert`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from poseport.command.memory import keep_freed_memory
from poseport.command.options import (
    BUNDLE,
    PATH,
    POSITIVE,
    answer,
    guarded,
    load_people,
    load_sets,
    output_options,
    people_options,
    progress,
    seed_option,
)
from poseport.command.parameters import LazyChoice

if TYPE_CHECKING:
    from poseport.convert.float_file import Io
    from poseport.skeleton import Skeleton


def _recipes() -> Iterable[str]:
    from poseport.convert.recipes import RECIPES

    return RECIPES


RECIPE = LazyChoice(_recipes)


@click.command()
@click.argument("source", metavar="BUNDLE|FILE", type=BUNDLE)
@click.option(
    "--recipe",
    "recipe_name",
    required=True,
    type=RECIPE,
    help="Types of weights and activations: float32, float16, dynamic, int8, int8-p95, 16x8, mixed-float32, int8-qat …",
)
@people_options(
    "calib",
    "People whose crops set the activation ranges (not the people you evaluate on)",
    required=False,
    several=True,
)
@click.option(
    "--calib-count",
    default=300,
    show_default=True,
    type=click.IntRange(1),
    help="Number of calibration people to draw.",
)
@seed_option("calibration people")
@people_options("exclude", "Evaluation people, whose photos must not be used for calibration", required=False)
@click.option(
    "--keep",
    multiple=True,
    help="Name of a layer that a mixed recipe keeps out of int8, or a pattern such as '*heatmap*'; may be repeated.",
)
@click.option(
    "--max-ap-drop",
    type=float,
    help="Budget: points of AP (0 to 100) that the file may lose. Layers are kept out of int8 until it holds.",
)
@people_options(
    "tune-on", "People on whom --max-ap-drop is measured (neither calibration nor evaluation people)", required=False
)
@click.option(
    "--tune-count", default=500, show_default=True, type=click.IntRange(1), help="Largest number of --tune-on people."
)
@people_options("data", "For int8-qat: people to train the network on under int8 rounding", required=False)
@click.option("--epochs", default=3, show_default=True, type=click.IntRange(1), help="For int8-qat: number of epochs.")
@click.option("--learning-rate", type=POSITIVE, help="For int8-qat. Default: a tenth of the bundle's learning rate.")
@click.option(
    "--teacher-weight",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="For int8-qat: weight of the float network's heatmap in the target.",
)
@click.option(
    "--head",
    type=click.Choice(["keypoints", "heatmap", "coords", "simcc"]),
    help="Output of the file: keypoints (decoded inside), or the network's own, which is the default.",
)
@click.option(
    "--spec", "spec_file", type=PATH, help="For a .tflite FILE: its spec. Default: its card, or the .json beside it."
)
@click.option(
    "--io",
    type=click.Choice(["same", "int8"]),
    default="same",
    show_default=True,
    help="For a .tflite FILE: types of its input and output. int8 makes the input int8, and the output unless the file "
    "decodes its keypoints itself.",
)
@click.option("--out", required=True, type=PATH, help="File to write, by convention NAME.RECIPE.tflite.")
@output_options
@guarded
def convert(
    source: Path,
    recipe_name: str,
    calib: tuple[Path, ...],
    calib_images: tuple[Path, ...],
    calib_share: str | None,
    calib_count: int,
    seed: int,
    exclude: Path | None,
    exclude_images: Path | None,
    keep: tuple[str, ...],
    max_ap_drop: float | None,
    tune_on: Path | None,
    tune_on_images: Path | None,
    tune_count: int,
    data: Path | None,
    data_images: Path | None,
    epochs: int,
    learning_rate: float | None,
    teacher_weight: float,
    head: str | None,
    spec_file: Path | None,
    io: Io,
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Convert a trained BUNDLE to TFLite, and check the file: its operations, the share of multiply-adds by true type,
    and the distance of its keypoints from the Keras network's. A file that is not what its recipe says is not written.
    A float .tflite FILE of anybody, with its spec beside it, is quantized without training; what decodes keypoints
    inside it stays in float. The bundle of a person detector is compared by its boxes.
    With --max-ap-drop, the layers that lose most in int8 stay in float32 (recipe mixed-16x8: 16 bits) until the loss on
    the people of --tune-on is within the budget. int8-qat trains the network further first and needs --data.

    Example: poseport convert runs/first --recipe int8 --calib people --calib-count 300 --out first.int8.tflite
    """
    keep_freed_memory()
    from poseport import bundle as bundles
    from poseport.convert import float_file, recipes
    from poseport.convert.request import AccuracyBudget, QatTraining, Request

    recipe = recipes.recipe(recipe_name)
    if (data is not None) != recipe.trained:
        raise ValueError(f"--data goes with recipe int8-qat, and int8-qat needs it; found recipe {recipe.name}")
    of_detector = source.suffix != ".tflite" and bundles.is_detector(source)
    own: tuple[Skeleton, ...] = ()
    if source.suffix == ".tflite":
        own = (float_file.read_card(source, spec_file).spec.skeleton,)
    elif not of_detector:
        own = (bundles.read_spec(bundles.stages(source)[0]).skeleton,)
    learned = load_people(data, data_images, None, own) if data else None
    people = load_sets(calib, calib_images, calib_share, more_skeletons=own) if calib else learned
    others = load_people(exclude, exclude_images, None, own) if exclude else None
    if (max_ap_drop is None) != (tune_on is None):
        raise ValueError("--max-ap-drop and --tune-on go together: a budget, and the people on whom it is measured")
    tune = load_people(tune_on, tune_on_images, None, own) if tune_on else None

    from poseport.tflite.quiet import quiet as quietly

    os.environ["KERAS_BACKEND"] = "tensorflow"  # TensorFlow converts, whichever backend trained
    with quietly():
        from poseport.convert import summary, to_tflite

        if recipe.trained:
            from poseport.convert.engines import tf_keras_twin

            tf_keras_twin.packages()  # fails early if they are missing

    def say(line: str) -> None:
        if not (quiet or as_json):
            click.echo(line, err=True)

    budget = None
    if tune is not None and max_ap_drop is not None:
        budget = AccuracyBudget(max_ap_drop, tune, tune_count, say)
    training = QatTraining(learned, epochs, learning_rate, teacher_weight) if learned is not None else None
    request = Request(
        source, recipe, out, people, calib_count, seed, others, keep, head, budget, training, spec_file, io
    )
    if of_detector:
        from poseport.convert import detector

        hide = quiet or as_json or not recipe.calibrated or budget is not None
        with progress("converting", calib_count, hidden=hide) as advance, _naming_notes(out, say):
            converted = detector.convert(request, advance)
        found = summary.detector_answer(converted)
        answer(found, summary.detector_text(converted, found), as_json=as_json, quiet=quiet)
        return
    card = request.file_card
    specs = [card.spec] if card else [bundles.read_spec(stage) for stage in bundles.stages(source)]
    crops = sum(spec.crops_per_person for spec in specs)
    steps = crops * (min(calib_count, to_tflite.PARITY_PEOPLE) + (calib_count if recipe.calibrated else 0))
    steps += epochs * len(learned) if learned is not None else 0
    hide = quiet or as_json or people is None or budget is not None
    with progress("converting", steps, hidden=hide) as advance, _naming_notes(out, say):
        done = to_tflite.convert(request, advance)
    found = summary.to_answer(done)
    answer(found, summary.text(done, found), as_json=as_json, quiet=quiet)


@contextmanager
def _naming_notes(out: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Name the file that keeps a search's measurements when it is interrupted."""
    from poseport.convert.engines import tuning_people

    try:
        yield
    except KeyboardInterrupt:
        if (notes := tuning_people.notes_path(out)).is_file():
            say(f"\n{notes}: keeps the measurements so far, and the same command continues from them")
        raise
