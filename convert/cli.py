"""`poseport convert`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from poseport.command.options import (
    BUNDLE,
    PATH,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
)


@click.command()
@click.argument("bundle", type=BUNDLE)
@click.option("--recipe", "recipe_name", required=True, help="float32, float16, dynamic, int8, int8-qat, 16x8 …")
@people_options("calib", "People that settle activation ranges; not those you evaluate on", required=False)
@click.option("--calib-count", default=300, show_default=True, type=click.IntRange(1), help="How many of them to draw.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws the calibration people.")
@people_options("exclude", "Evaluation people, whose images must not calibrate", required=False)
@click.option("--keep", multiple=True, help="Layer of a mixed recipe that is not int8; as often as needed.")
@click.option("--max-ap-drop", type=float, help="Points of AP that the file may lose; layers are kept until it does.")
@people_options("tune-on", "People on whom that is measured; neither those that calibrate nor evaluate", required=False)
@click.option("--tune-count", default=500, show_default=True, type=click.IntRange(1), help="How many at most.")
@people_options("data", "int8-qat: people that the network is trained on, under int8's rounding", required=False)
@click.option(
    "--epochs", default=3, show_default=True, type=click.IntRange(1), help="int8-qat: how often it sees them."
)
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), help="int8-qat. Default: a tenth of the bundle's."
)
@click.option(
    "--teacher-weight",
    default=0.5,
    show_default=True,
    type=click.FloatRange(0, 1),
    help="int8-qat: share of a target that is the float network's heatmap.",
)
@click.option("--head", help="What leaves the file: keypoints (decoded inside), or heatmap or coords, as trained.")
@click.option("--out", required=True, type=PATH, help="File to write, NAME.RECIPE.tflite by custom.")
@output_options
@guarded
def convert(
    bundle: Path,
    recipe_name: str,
    calib: Path | None,
    calib_images: Path | None,
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
    out: Path,
    quiet: bool,
    as_json: bool,
) -> None:
    """Convert a trained BUNDLE to TFLite and read the file back: its operations, the share of multiply-adds
    by true type, and how many pixels its keypoints are from the Keras network's. A file that is not what its
    recipe says is not written. With --max-ap-drop the layers that int8 hurts most stay in float32 (recipe
    mixed-16x8: in 16 bits) until no more AP is lost on the people of --tune-on. int8-qat trains the network on first
    (docs/qat.md); it needs --data.

    Example: poseport convert runs/first --recipe int8 --calib people --calib-count 300 --out first.int8.tflite
    """
    from poseport import bundle as bundles
    from poseport.convert import recipes

    recipe = recipes.recipe(recipe_name)
    if (data is not None) != recipe.trained:
        raise ValueError(f"--data trains the network of recipe int8-qat and of no other; found {recipe.name}")
    learned = load_people(data, data_images, None) if data else None
    people = load_people(calib, calib_images, None) if calib else learned
    others = load_people(exclude, exclude_images, None) if exclude else None
    if (max_ap_drop is None) != (tune_on is None):
        raise ValueError("--max-ap-drop and --tune-on go together: points of AP, and the people to lose them on")
    tune = load_people(tune_on, tune_on_images, None) if tune_on else None

    from poseport.command.quiet import quiet as quietly

    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever trained the bundle, TensorFlow converts it
    with quietly():
        from poseport.convert import quantize, summary
        from poseport.convert.engines import budget, engines

        if recipe.trained:
            from poseport.convert.engines import tf_keras_twin

            tf_keras_twin.packages()  # says what to install
            from poseport.convert.engines import qat

    def say(line: str) -> None:
        if not (quiet or as_json):
            click.echo(line, err=True)

    limit = None if tune is None or max_ap_drop is None else budget.Limit(max_ap_drop, tune, tune_count, say)
    crops = sum(bundles.read_spec(stage).crops_per_person for stage in bundles.stages(bundle))
    steps = crops * (min(calib_count, quantize.PARITY_PEOPLE) + (calib_count if recipe.calibrated else 0))
    steps += epochs * len(learned) if learned is not None else 0
    with progress("converting", steps, hidden=quiet or as_json or people is None or limit is not None) as advance:
        finetune = None
        if learned is not None:
            finetune = qat.FineTuner(learned, epochs, learning_rate, teacher_weight, seed, others, advance)
        try:
            done = quantize.convert(
                bundle, recipe, out, people, count=calib_count, seed=seed, exclude=others, finetune=finetune,
                keep=keep, limit=limit, head=head, progress=advance,
            )  # fmt: skip
        except KeyboardInterrupt:
            if (notes := engines.notes_path(out)).is_file():
                say(f"\n{notes}: what was measured is kept there, and the same command goes on from it")
            raise
    found = summary.to_answer(done)
    answer(found, summary.text(done, found), as_json=as_json, quiet=quiet)
