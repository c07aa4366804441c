"""`poseport train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from poseport.command.groups import Sections, section
from poseport.command.options import (
    BUNDLE,
    MODEL,
    PATH,
    answer,
    guarded,
    load_people,
    load_sets,
    output_options,
    people_options,
    skeleton_option,
)

_EXAMPLE = "poseport train --preset mobile-hourglass --data people --val others --out runs/first --epochs 20"
_POSITIVE = click.FloatRange(0, min_open=True)
_SHARE = click.FloatRange(0, 1, max_open=True)


@click.command(cls=Sections, epilog=f"Example: {_EXAMPLE}")
@click.option("--preset", required=True, help="Network and recipe; a wrong name lists those that exist.")
@people_options("data", "People to train on", several=True)
@people_options("val", "People to score on", required=False)
@click.option("--out", required=True, type=PATH, help="Folder of the run; becomes a bundle.")
@click.option("--refine", type=BUNDLE, help="Bundle whose keypoints a -refine preset corrects: the stage before.")
@skeleton_option
@click.option("--min-keypoints", type=click.IntRange(1), help="Fewest labels of a person to train on. Default: 5.")
@click.option(
    "--require-all-visible/--no-require-all-visible",
    default=None,
    help="Train and validate only on people all of whose keypoints are visible.",
)
@section(
    "Length",
    click.option("--epochs", type=click.IntRange(1), help="How often every person is seen."),
    click.option("--batch", type=click.IntRange(1), help="People a step."),
    click.option("--patience", type=click.IntRange(0), help="Stop after this many scores without a better; 0: never."),
    click.option("--seed", type=click.IntRange(0), help="Of first weights, order and augmentation."),
    click.option(
        "--workers", type=click.IntRange(1), help="Share every batch: GPUs, or with JAX processes, of this machine."
    ),
    click.option("--resume", is_flag=True, help="Go on after the last whole epoch of the run in --out."),
    click.option("--dry-run", is_flag=True, help="Say what it costs, train two steps, leave nothing in --out."),
)
@section(
    "Optimization",
    click.option("--loss", type=click.Choice(["mse", "softmax", "l1", "laplace"]), help="What the network learns by."),
    click.option("--optimizer", type=click.Choice(["adam", "adamw", "rmsprop", "sgd"])),
    click.option("--learning-rate", type=_POSITIVE, help="The highest of the schedule."),
    click.option("--schedule", type=click.Choice(["constant", "cosine", "step"]), help="Course of the learning rate."),
    click.option("--drop-at", help="For step: epochs after which the rate is divided by ten, like 70 or 170,200."),
    click.option("--warmup", type=click.FloatRange(0), help="Epochs over which the rate rises from 0; may be 0.5."),
    click.option("--momentum", type=_SHARE, help="Of sgd; 0: plain."),
    click.option("--weight-decay", type=click.FloatRange(0), help="Decoupled: this times the rate a step."),
    click.option("--clip-norm", type=click.FloatRange(0), help="Cut gradients to this global norm; 0: never."),
    click.option("--ema", type=_SHARE, help="Score and keep a moving average of the weights, like 0.999; 0: none."),
    click.option(
        "--precision",
        type=click.Choice(["float32", "mixed_bfloat16", "mixed_float16"]),
        help="Type that layers compute in; weights stay float32.",
    ),
)
@section(
    "Start from another network",
    click.option(
        "--init",
        type=BUNDLE,
        help="A bundle whose weights are taken over as far as they fit, by name; for a mobilenet-hourglass also a "
        ".tflite file with a MobileNetV2 inside, such as MoveNet's, whose weights its encoder gets.",
    ),
    click.option(
        "--freeze-epochs",
        type=click.IntRange(0),
        help="First epochs in which only the heads learn, of a mobilenet-hourglass all but the encoder.",
    ),
)
@section(
    "Learn from a trained network too",
    click.option("--teacher", type=MODEL, help="A .tflite file with its spec, or a bundle."),
    click.option(
        "--teacher-targets",
        type=click.Choice(["keypoints", "heatmaps"]),
        help="What is mixed with the labels: found once a person, or in every crop. Default: keypoints.",
    ),
    click.option(
        "--teacher-weight",
        type=click.FloatRange(0, 1),
        help="Its share where there is a label; where there is none it teaches alone. Default: 0.5.",
    ),
    click.option("--teacher-threshold", type=_POSITIVE, help="Score under which it is not believed. Default: 0.3."),
    click.option(
        "--teacher-agree",
        type=click.FloatRange(0),
        help="Farther from its label, in sides of the box, its keypoint does not count. Default: 0.1.",
    ),
    click.option("--teacher-flip", is_flag=True, help="Average its answers with those of the mirrored crops."),
    click.option("--teacher-cache", type=PATH, help="File of its keypoints. Default: in --out."),
)
@section(
    "Network",
    click.option("--input-size", type=click.IntRange(32), help="Side of the square input in pixels."),
    click.option("--padding", type=_POSITIVE, help="The person's box is enlarged by this factor."),
    click.option("--sigma", type=_POSITIVE, help="Of the target Gaussians, in heatmap cells."),
    click.option(
        "--decode",
        type=click.Choice(["argmax", "quarter", "dark", "centroid", "seed"]),
        help="How a heatmap becomes a point.",
    ),
    click.option("--stacks", type=click.IntRange(1), help="Hourglass: how many in a row."),
    click.option("--depth", type=click.IntRange(0), help="Hourglass: poolings inside each."),
    click.option("--multiplier", type=_POSITIVE, help="MobileNet hourglass: of the encoder's channels."),
    click.option("--blocks", type=click.IntRange(1), help="MobileNet hourglass: how many the encoder has."),
    click.option("--stages", type=click.IntRange(1), help="Pose machine: how many in a row."),
    click.option("--width", type=_POSITIVE, help="Channels. DeepPose: multiplier of the trunk's channels."),
    click.option("--block", type=click.Choice(["bottleneck", "plain", "separable"]), help="Form of the convolutions."),
    click.option(
        "--head", type=click.Choice(["linear", "sigmoid", "relu"]), help="Hourglass: activation of the heatmaps."
    ),
    click.option("--trunk", type=click.Choice(["alexnet", "resnet18", "mobile"]), help="DeepPose: convolutions."),
    click.option("--dense-units", type=click.IntRange(0), help="DeepPose: size of the hidden layers; 0: none."),
    click.option("--dropout", type=_SHARE, help="DeepPose: after each hidden layer."),
)
@section(
    "Augmentation",
    click.option("--augment", help="none, light, medium, heavy, or a .json file of ranges. Default: the preset's."),
    click.option("--rotation", "rotation_deg", type=float, help="Rotate by up to +- degrees."),
    click.option("--scale", type=float, help="Scale by up to 1 +- this."),
    click.option("--background", type=float, help="Share of crops that show no person, say 0.05."),
    click.option("--backgrounds", type=PATH, help="Photos without people for these. Default: free regions of --data."),
)
@section(
    "Looking on",
    click.option("--eval-every", type=click.IntRange(1), help="Epochs between scores on --val."),
    click.option(
        "--pictures", default=0, type=click.IntRange(0), help="Draw this many people of --val after each scoring."
    ),
    click.option("--tensorboard", is_flag=True, help="Also write the log as TensorBoard events, if it is installed."),
    output_options,
)
@guarded
def train(**options: Any) -> None:
    """Train a network and leave a bundle: spec.json, the weights of the best epoch (by OKS-AP on --val without
    flip averaging; the last without --val), train.json, log.csv and curves.png. What is not given comes from
    the preset. Ctrl-C or a crash loses at most the running epoch; --resume goes on and ends with the same weights.
    """
    from poseport.train import overrides, presets
    from poseport.train.workers import jax_launcher

    if options["dry_run"] and (options["resume"] or (options["workers"] or 1) > 1):
        raise ValueError("--dry-run looks at the start of a run on one worker; leave --resume and --workers away")
    if jax_launcher.wanted(options["workers"]):
        return jax_launcher.launch(jax_launcher.this_command(), options["workers"], options["out"])
    preset = presets.preset(options["preset"])
    people = load_sets(options["data"], options["data_images"], options["data_share"], options["skeleton"])
    val = None
    if options["val"] is not None:
        val = load_people(options["val"], options["val_images"], options["skeleton"])
        if val.skeleton.names != people.skeleton.names:
            raise ValueError(f"{val.path}: other keypoints than {people.path}; validate on the same skeleton")
    asked = options.pop("teacher")
    options["drop_at"] = _epochs(options["drop_at"])
    preset = overrides.customise(overrides.with_skeleton(preset, people.skeleton), options)

    words = ("targets", "weight", "threshold", "agree", "flip")
    how = {word: value for word in words if (value := options[f"teacher_{word}"]) is not None and value is not False}
    if asked is None and (how or options["teacher_cache"] is not None):
        raise ValueError(f"--teacher-{next(iter(how), 'cache')} belongs to a teacher; name one with --teacher")

    from poseport.command.quiet import quiet

    with quiet():  # TensorFlow's notices about processors and missing GPUs
        from poseport.train.begin import teacher as teachers
        from poseport.train.fit import Interrupted, fit
        from poseport.train.workers.strategy import joined

    silent = options["quiet"] or options["as_json"]
    out: Path = options["out"]
    if options["dry_run"]:
        from poseport.records import to_data
        from poseport.train.dryrun import dry_run

        tried = dry_run(preset.spec, preset.train, people, val, options["init"])
        answer(to_data(tried), tried.text(), as_json=options["as_json"], quiet=options["quiet"])
        return
    try:
        with joined(options["workers"]) as team:
            with quiet():
                teacher = teachers.load(asked, **how) if asked is not None else None
            record = fit(
                preset.spec,
                preset.train,
                people,
                val,
                out,
                init=options["init"],
                previous=options["refine"],
                resume=options["resume"],
                pictures=options["pictures"],
                tensorboard=options["tensorboard"],
                echo=None if silent else click.echo,
                live=sys.stdout.isatty(),
                teacher=teacher,
                teacher_cache=options["teacher_cache"],
                backgrounds=options["backgrounds"],
                team=team,
            )
    except Interrupted as stopped:
        click.echo(f"\n{stopped}", err=True)
        sys.exit(130)
    if not team.chief:
        return
    best = record.best or {}
    text = f"{out}: {record.epochs_done} epochs, {record.parameters:,} parameters, {record.data.people} people"
    if best:
        text += f"; best epoch {int(best['epoch'])}: OKS-AP {best['OKS-AP']:.3f} ({best['OKS-AP+flip']:.3f} with flip)"
        text += f", PCK@0.1/box {best['PCK@0.1/box']:.3f} ({best['PCK@0.1/box+flip']:.3f})"
    text += "".join(f"\n  {s.people} people of {s.file}, share {s.share:g}" for s in record.data.sources)
    found = {"bundle": str(out), "epochs": record.epochs_done, "parameters": record.parameters, "best": best or None}
    answer(found, text, as_json=options["as_json"], quiet=options["quiet"])


def _epochs(text: str | None) -> tuple[int, ...] | None:
    try:
        return None if text is None else tuple(int(epoch) for epoch in text.split(","))
    except ValueError:
        raise ValueError(f"--drop-at {text!r}: expected epochs like 70 or 170,200") from None
