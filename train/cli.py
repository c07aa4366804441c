"""`poseport train`."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from poseport.command.groups import Sections, section
from poseport.command.memory import keep_freed_memory
from poseport.command.options import (
    BUNDLE,
    DECODER,
    MODEL,
    PATH,
    POSITIVE,
    answer,
    guarded,
    load_people,
    load_sets,
    output_options,
    people_options,
    skeleton_option,
)
from poseport.train.presets_cli import PRESET, settings_option

if TYPE_CHECKING:
    from poseport.data.people import People
    from poseport.train.begin.teacher import Teacher
    from poseport.train.presets import Preset
    from poseport.train.record import TrainRecord

_EXAMPLE = "poseport train --preset mobile-hourglass --data people --val others --out runs/first --epochs 20"


@click.command(cls=Sections, epilog=f"\b\nExample: {_EXAMPLE}")
@click.option(
    "--preset", type=PRESET, help="Network and recipe, one of `poseport presets`. Default: those of an imported --init."
)
@people_options("data", "People to train on", several=True)
@people_options("val", "People to score on during the training (not used for training)", required=False)
@click.option("--out", required=True, type=PATH, help="Folder of the run, which becomes a bundle.")
@skeleton_option
@settings_option
@section(
    "Length",
    click.option("--epochs", type=click.IntRange(1), help="Number of epochs (passes over the people)."),
    click.option("--batch", type=click.IntRange(1), help="Batch size (people per step)."),
    click.option(
        "--patience",
        type=click.IntRange(0),
        help="Early stopping: end after this many evaluations without improvement (0 disables it).",
    ),
    click.option("--seed", type=click.IntRange(0), help="Seed of the first weights, the order and the augmentation."),
    click.option(
        "--workers",
        type=click.IntRange(1),
        help="Split every batch among this many GPUs of this machine, or with JAX among this many processes.",
    ),
    click.option(
        "--data-processes",
        default=0,
        type=click.IntRange(0),
        help="Make the batches in this many processes, where two threads cannot keep a GPU busy. The batches are the "
        "same. Default: 0, two threads.",
    ),
    click.option("--resume", is_flag=True, help="Continue the run in --out after its last complete epoch."),
    click.option(
        "--dry-run",
        is_flag=True,
        help="Report parameters, memory and time, train two steps, and leave --out untouched.",
    ),
)
@section(
    "Optimization",
    click.option("--loss", type=click.Choice(["mse", "softmax", "l1", "laplace"]), help="Loss function."),
    click.option("--optimizer", type=click.Choice(["adam", "adamw", "rmsprop", "sgd"]), help="Optimizer."),
    click.option("--learning-rate", type=POSITIVE, help="Learning rate (the highest of the schedule)."),
    click.option(
        "--schedule",
        type=click.Choice(["constant", "cosine", "step"]),
        help="Course of the learning rate; step drops it after the epochs of train.drop_at.",
    ),
    click.option(
        "--warmup", type=click.FloatRange(0), help="Epochs over which the learning rate rises from 0, such as 0.5."
    ),
    click.option(
        "--precision",
        type=click.Choice(["float32", "mixed_bfloat16", "mixed_float16"]),
        help="Type in which layers compute; weights stay float32.",
    ),
)
@section(
    "Start from another network",
    click.option(
        "--init",
        type=BUNDLE,
        help="Bundle to begin from, such as one that `poseport import` wrote: weights are copied by name where their "
        "shapes fit. A mobilenet-hourglass also takes a .tflite file that contains a MobileNetV2 (for its encoder).",
    ),
    click.option(
        "--freeze-epochs",
        type=click.IntRange(0),
        help="Number of first epochs that train only the heads (in a mobilenet-hourglass all but the encoder).",
    ),
    click.option(
        "--refine",
        type=BUNDLE,
        help="For a -refine preset: the bundle of the stage before, whose keypoints it corrects.",
    ),
)
@section(
    "Learn from a teacher as well",
    click.option(
        "--teacher", type=MODEL, help="Trained network to learn from: a .tflite file with its spec, or a bundle."
    ),
    click.option(
        "--teacher-targets",
        type=click.Choice(["keypoints", "heatmaps"]),
        help="What is mixed with the labels: its keypoints, found once per person (default), or its heatmaps of each "
        "augmented crop.",
    ),
    click.option("--teacher-cache", type=PATH, help="File that stores the teacher's keypoints. Default: in --out."),
)
@section(
    "Network and crops",
    click.option("--input-size", type=click.IntRange(32), help="Side of the square input, in pixels."),
    click.option(
        "--decoder", type=DECODER, help="How a heatmap becomes a point: argmax, quarter, dark, centroid, oks or seed."
    ),
    click.option("--augment", help="Augmentation: none, light, medium, heavy, or a .json file. Default: the preset's."),
    click.option(
        "--backgrounds",
        type=PATH,
        help="Folder of photos without people for the share of crops augment.background. Default: free regions of the "
        "photos of --data.",
    ),
)
@section(
    "Monitoring",
    click.option("--eval-every", type=click.IntRange(1), help="Number of epochs between evaluations on --val."),
    click.option(
        "--pictures",
        default=0,
        show_default=True,
        type=click.IntRange(0),
        help="Draw this many people of --val after each evaluation.",
    ),
    click.option("--tensorboard", is_flag=True, help="Also write the log as TensorBoard events (needs TensorBoard)."),
    output_options,
)
@guarded
def train(**options: Any) -> None:
    """Train a network and write a bundle: spec.json, the weights of the best epoch (by OKS-AP on --val, without flip
    averaging; without --val, the last epoch), train.json, log.csv and curves.png.

    Every setting that is not given comes from the preset; `--set` changes the settings that have no option. After
    Ctrl-C or a crash, --resume continues after the last complete epoch and ends with the same weights.
    """
    keep_freed_memory()
    from poseport.train.begin import imported_preset
    from poseport.train.detector import command as detector_command
    from poseport.train.workers import jax_launcher

    backend = os.environ["KERAS_BACKEND"]  # `poseport.train` sets it where the user does not
    if backend not in ("tensorflow", "jax", "torch"):
        raise ValueError(f"KERAS_BACKEND={backend}: nothing trains by that name; set it to tensorflow or jax")
    if options["dry_run"] and (options["resume"] or (options["workers"] or 1) > 1):
        raise ValueError("--dry-run tries the start of a run on one worker; remove --resume and --workers")
    if jax_launcher.wanted(options["workers"]):
        return jax_launcher.launch(jax_launcher.this_command(), options["workers"], options["out"])
    if options["preset"] == detector_command.PRESET:
        return detector_command.train_detector(options)
    people, val = _people(options)
    preset, teacher = _customised(imported_preset.chosen(options["preset"], options["init"]), people, options)
    if not options["dry_run"]:
        return _train(preset, people, val, teacher, options)

    from poseport.records import to_data
    from poseport.train.begin import teacher as teachers
    from poseport.train.dryrun import dry_run

    if options["teacher"] is not None:
        teachers.load(options["teacher"], **teacher)  # a teacher that cannot be read would end the true run
    tried = dry_run(preset.spec, preset.train, people, val, options["init"])
    answer(to_data(tried), tried.text(), as_json=options["as_json"], quiet=options["quiet"])


def _people(options: dict[str, Any]) -> tuple[People, People | None]:
    """The people of --data and --val."""
    people = load_sets(options["data"], options["data_images"], options["data_share"], options["skeleton"])
    if options["val"] is None:
        return people, None
    val = load_people(options["val"], options["val_images"], options["skeleton"])
    if val.skeleton.names != people.skeleton.names:
        raise ValueError(f"{val.path}: its keypoints differ from those of {people.path}; give --val the same skeleton")
    return people, val


def _customised(preset: Preset, people: People, options: dict[str, Any]) -> tuple[Preset, dict[str, Any]]:
    """The preset with the options and `--set`, and the fields of the teacher's configuration that were given."""
    from poseport.train import overrides

    teacher, settings = overrides.teacher_settings(options["settings"])
    if options["teacher_targets"] is not None:
        teacher["targets"] = options["teacher_targets"]
    if options["teacher"] is None and (teacher or options["teacher_cache"] is not None):
        raise ValueError(f"the setting {next(iter(teacher), 'cache')} of a teacher was given; name one with --teacher")
    return overrides.customise(overrides.with_skeleton(preset, people.skeleton), options, settings), teacher


def _train(
    preset: Preset, people: People, val: People | None, teacher_fields: dict[str, Any], options: dict[str, Any]
) -> None:
    """Run the training, and print what came out."""
    from poseport.tflite.quiet import quiet

    with quiet():  # TensorFlow's notices about processors and missing GPUs
        from poseport.train.begin import teacher as teachers
        from poseport.train.fit import Interrupted, fit
        from poseport.train.request import Reporting, Start, TrainingData
        from poseport.train.workers.strategy import joined

    processes = options["data_processes"]
    echo = None if options["quiet"] or options["as_json"] else click.echo
    try:
        with joined(options["workers"]) as team:
            teacher: Teacher | None = None
            if options["teacher"] is not None:
                with quiet():
                    teacher = teachers.load(options["teacher"], **teacher_fields)
            record = fit(
                preset.spec,
                preset.train,
                TrainingData(people, val, teacher, options["teacher_cache"], options["backgrounds"], processes),
                options["out"],
                start=Start(options["init"], options["refine"], options["resume"]),
                reporting=Reporting(echo, sys.stdout.isatty(), options["pictures"], options["tensorboard"]),
                team=team,
            )
    except Interrupted as stopped:
        click.echo(f"\n{stopped}", err=True)
        sys.exit(130)
    if team.chief:
        _report(record, options)


def _report(record: TrainRecord, options: dict[str, Any]) -> None:
    out, best = options["out"], record.best or {}
    text = f"{out}: {record.epochs_done} epochs, {record.parameters:,} parameters, {record.data.people} people"
    if best:
        text += f"; best epoch {int(best['epoch'])}: OKS-AP {best['OKS-AP']:.3f} ({best['OKS-AP+flip']:.3f} with flip)"
        text += f", PCK@0.1/box {best['PCK@0.1/box']:.3f} ({best['PCK@0.1/box+flip']:.3f})"
    text += "".join(f"\n  {s.people} people of {s.file}, share {s.share:g}" for s in record.data.sources)
    data = {"bundle": str(out), "epochs": record.epochs_done, "parameters": record.parameters, "best": best or None}
    answer(data, text, as_json=options["as_json"], quiet=options["quiet"])
