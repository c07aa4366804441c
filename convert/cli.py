"""`poseport convert`, `poseport inspect` and `poseport doctor`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poseport.options import BUNDLE, MODEL, PATH, answer, guarded, load_people, output_options, people_options, progress

if TYPE_CHECKING:
    from poseport.card import ModelCard
    from poseport.inspect import Inspection


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

    from poseport.quiet import quiet as quietly

    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever trained the bundle, TensorFlow converts it
    with quietly():
        from poseport.convert import budget, quantize

        if recipe.trained:
            from poseport.convert import mirror

            mirror.packages()  # says what to install
            from poseport.convert import qat

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
            if (notes := quantize.notes_path(out)).is_file():
                say(f"\n{notes}: what was measured is kept there, and the same command goes on from it")
            raise
    found = quantize.summary(done)
    shares = ", ".join(f"{100 * share:.1f} % {dtype}" for dtype, share in found["macs_share_by_dtype"].items())
    sizes = f"{found['bytes'] / 1e6:.2f} MB ({found['zipped_bytes'] / 1e6:.2f} zipped)"
    lines = [f"{out}: {sizes}, {found['macs'] / 1e6:.0f} M multiply-adds ({shares})"]
    reference = "the trained network with its rounding" if recipe.trained else "Keras"
    for one in (done, *done.later):
        if (p := one.parity) is not None:
            lines.append(
                f"  keypoints of {one.card.spec.name} against {reference}: mean {p.mean_px:.3f} px, "
                f"99th percentile {p.p99_px:.3f} px ({p.keypoints} keypoints of {p.people} people)"
            )
    conversion = done.card.conversion
    lines.append(f"  recipe {conversion.recipe}, by {conversion.engine}")
    if conversion.kept:
        lines.append(f"  not int8: {', '.join(conversion.kept)}")
    if conversion.budget is not None:
        step, people_tuned = conversion.budget.curve[-1], len(conversion.budget.tune.people)
        lines.append(f"  {budget.describe(step)}; of {max_ap_drop:g} allowed, on {people_tuned} people to tune on")
    if found["calibration_people"]:
        lines.append(f"  calibrated on {found['calibration_people']} people, seed {seed}")
    if (learning := done.card.conversion.finetuning) is not None:
        equal = 100 * min(layer.equal for layer in done.layers)
        lines.append(
            f"  trained on {learning.people} people, {learning.epochs} epochs; each of {len(done.layers)} layers is "
            f"within one step of the trained one, {equal:.1f} % or more of its values equal"
        )
    answer(found, "\n".join(lines), as_json=as_json, quiet=quiet)


@click.command()
@click.argument("file", type=MODEL)
@click.option("--ops", "list_ops", is_flag=True, help="List every operation with its type and multiply-adds.")
@output_options
@guarded
def inspect(file: Path, list_ops: bool, quiet: bool, as_json: bool) -> None:
    """Say what a .tflite FILE truly is: spec and provenance from its card, operations, types and sizes from
    its flatbuffer. Works without TensorFlow.

    Example: poseport inspect first.int8.tflite
    """
    from poseport import bundle
    from poseport import inspect as inspection
    from poseport.records import to_data

    stages = [(inspection.inspect_bytes(data, str(file)), card) for data, card in bundle.read_stages(file)]
    per_person = inspection.macs_per_person((found, card.spec.crops_per_person) for found, card in stages)

    def plain(found: Inspection, card: ModelCard) -> dict[str, Any]:
        return {
            **to_data(found), "macs": found.macs, "macs_by_dtype": found.macs_by_dtype,
            "op_counts": found.op_counts, "card": to_data(card),
        }  # fmt: skip

    data: dict[str, Any] = {
        "file": str(file), "sha256": bundle.sha256(file), **plain(*stages[0]),
        "later": [plain(*stage) for stage in stages[1:]], "macs_per_person": per_person,
    }  # fmt: skip
    text = [_text(str(file), *stages[0], list_ops)]
    for number, (found, card) in enumerate(stages[1:], 2):
        text.append(_text(f"stage {number}, a crop around each keypoint", found, card, list_ops))
    if len(stages) > 1:
        text.append(f"whole cascade: {sum(per_person.values()) / 1e6:.1f} M multiply-adds a person")
    answer(data, "\n".join(text), as_json=as_json, quiet=quiet)


@click.command()
@click.argument("file", type=MODEL)
@people_options("data", "People to run through the file", required=False)
@click.option("--count", default=64, show_default=True, type=click.IntRange(8), help="How many of them to run.")
@click.option("--runtime", help="The TFLite version that must load the file, such as 2.16.")
@output_options
@guarded
def doctor(
    file: Path, data: Path | None, data_images: Path | None, count: int, runtime: str | None, quiet: bool, as_json: bool
) -> None:
    """Say what is wrong with a .tflite FILE for a phone, ours or anybody's: each finding with its numbers and how
    to mend it. Exit code 1 when one is an error. Works without TensorFlow.

    Example: poseport doctor first.int8.tflite --data people --runtime 2.16
    """
    from poseport.convert import doctor as doctors
    from poseport.convert.runtimes import parse_runtime

    wanted = None if runtime is None else parse_runtime(runtime)
    people = load_people(data, data_images, None) if data else None
    total = 0 if people is None else min(count, len(people))
    with progress("running people", total, hidden=quiet or as_json or people is None) as advance:
        found = doctors.diagnose(file, people, count=count, runtime=wanted, progress=advance)
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)
    if found.count("error"):
        raise click.exceptions.Exit(1)


def _text(file: str, found: Inspection, card: ModelCard, list_ops: bool) -> str:
    spec, conversion = card.spec, card.conversion
    box = f"box padded {spec.padding:g} times" if spec.refine is None else f"{spec.refine.box_sigma:g} diameters wide"
    lines = [
        f"{file}: {spec.name}, {spec.family}, recipe {conversion.recipe}, {found.bytes / 1e6:.2f} MB",
        f"  input      {spec.input_hw[1]}x{spec.input_hw[0]} {spec.channel_order.upper()}, "
        f"mean {_list(spec.mean)}, std {_list(spec.std)}, {box}",
        f"  output     {spec.output.kind}, skeleton {spec.skeleton.name} ({len(spec.skeleton)} keypoints)",
    ]
    for word, tensors in (("in", found.inputs), ("out", found.outputs)):
        for t in tensors:
            scale = "" if t.scale is None else f", scale {t.scale:.6g}, zero point {t.zero_point}"
            lines.append(f"  tensor {word:<4}{t.name} {t.dtype} {list(t.shape)}{scale}")
    versions = ", ".join(f"{k} {v}" for k, v in conversion.versions.items())
    macs = ", ".join(f"{100 * n / max(found.macs, 1):.1f} % {dtype}" for dtype, n in found.macs_by_dtype.items())
    lines += [
        f"  compute    {found.macs / 1e6:.1f} M multiply-adds: {macs}",
        f"  operations {', '.join(f'{kind} {count}' for kind, count in found.op_counts.items())}",
        f"  runtime    TFLite {found.min_runtime or 'not noted'} or later",
        "  made by    " + "; ".join(filter(None, [conversion.engine, versions])),
        *([f"  not int8   {', '.join(conversion.kept)}"] if conversion.kept else []),
        f"  weights    sha256 {conversion.weights_sha256}",
    ]
    if conversion.calibration is not None:
        c = conversion.calibration
        lines.append(f"  calibrated {len(c.people)} people, seed {c.seed}, annotations sha256 {c.annotations_sha256}")
    if (learned := conversion.finetuning) is not None:
        lines.append(
            f"  trained    {learned.people} people, {learned.epochs} epochs, rate {learned.learning_rate:g}, teacher's "
            f"share {learned.teacher:g}, seed {learned.seed}, annotations sha256 {learned.annotations_sha256}"
        )
    if list_ops:
        lines += [f"    {op.kind:<24}{op.dtype:<24}{op.macs:>12,}  {op.name}" for op in found.ops]
    return "\n".join(lines)


def _list(values: tuple[float, ...]) -> str:
    return "/".join(f"{v:g}" for v in values)
