"""`poseport train`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from poseport.options import PATH, answer, guarded, load_people, output_options, people_options, skeleton_option

_EXAMPLE = "poseport train --preset mobile-hourglass --data people --val others --out runs/first --epochs 20"


@click.command(epilog=f"Example: {_EXAMPLE}")
@click.option("--preset", required=True, help="Network and recipe; a wrong name lists those that exist.")
@people_options("data", "People to train on")
@people_options("val", "People to score on", required=False)
@click.option("--out", required=True, type=PATH, help="Folder of the run; becomes a bundle.")
@skeleton_option
@click.option("--epochs", type=click.IntRange(1))
@click.option("--batch", type=click.IntRange(1))
@click.option("--learning-rate", type=float)
@click.option("--loss", type=click.Choice(["mse", "softmax", "l1"]))
@click.option("--input-size", type=click.IntRange(32), help="Side of the square input in pixels.")
@click.option("--rotation", "rotation_deg", type=float, help="Augmentation: rotate by up to +- degrees.")
@click.option("--scale", type=float, help="Augmentation: scale by up to 1 +- this.")
@click.option("--min-keypoints", type=click.IntRange(1), help="Fewest labels of a person to train on. Default: 5.")
@click.option("--eval-every", type=click.IntRange(1), help="Epochs between scores on --val.")
@click.option("--seed", type=click.IntRange(0))
@click.option(
    "--workers", type=click.IntRange(1), help="Share every batch: GPUs, or with JAX processes, of this machine."
)
@click.option("--resume", is_flag=True, help="Go on after the last whole epoch of the run in --out.")
@output_options
@guarded
def train(**options: Any) -> None:
    """Train a network and leave a bundle: spec.json, the weights of the best epoch (by OKS-AP on --val; the
    last without --val), train.json and log.csv. Fields that are not given come from the preset. Ctrl-C or a
    crash loses at most the running epoch; --resume goes on.
    """
    from poseport.train import launch, presets

    if launch.wanted(options["workers"]):
        return launch.launch(launch.this_command(), options["workers"], options["out"])
    preset = presets.preset(options["preset"])
    people = load_people(options["data"], options["data_images"], options["skeleton"])
    val = None
    if options["val"] is not None:
        val = load_people(options["val"], options["val_images"], options["skeleton"])
        if val.skeleton.names != people.skeleton.names:
            raise ValueError(f"{val.path}: other keypoints than {people.path}; validate on the same skeleton")
    preset = presets.customise(presets.with_skeleton(preset, people.skeleton), options)

    from poseport.quiet import quiet

    with quiet():  # TensorFlow's notices about processors and missing GPUs
        from poseport.train.fit import Interrupted, fit
        from poseport.train.workers import joined

    silent = options["quiet"] or options["as_json"]
    out: Path = options["out"]
    try:
        with joined(options["workers"]) as team:
            record = fit(
                preset.spec,
                preset.train,
                people,
                val,
                out,
                resume=options["resume"],
                echo=None if silent else click.echo,
                live=sys.stdout.isatty(),
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
        text += f"; best epoch {int(best['epoch'])}: OKS-AP {best['OKS-AP']:.3f}, PCK@0.1/box {best['PCK@0.1/box']:.3f}"
    found = {"bundle": str(out), "epochs": record.epochs_done, "parameters": record.parameters, "best": best or None}
    answer(found, text, as_json=options["as_json"], quiet=options["quiet"])
