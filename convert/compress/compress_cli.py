"""`poseport compress`: a smaller bundle from a trained one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poseport.command.groups import LazyGroup
from poseport.command.options import (
    BUNDLE,
    PATH,
    F,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
)

if TYPE_CHECKING:
    from poseport.convert.compress.compress import Compressed


HERE = "poseport.convert.compress.compress_cli"
COMMANDS = {
    "prune": (HERE, "prune", "Set the smallest weights to zero: the file zips smaller."),
    "cluster": (HERE, "cluster", "Share a few weight values per layer: the file zips smaller."),
    "narrow": (HERE, "narrow", "Remove the least important channels: smaller and faster."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS)
def compress() -> None:
    """Make a trained network smaller. Each command writes a new bundle."""


def training_options(command: F) -> F:
    """What `prune` and `cluster` have in common."""
    options: tuple[Callable[[F], F], ...] = (
        click.argument("bundle", type=BUNDLE),
        people_options("data", "People to go on training with"),
        people_options("exclude", "Evaluation people, whose images must not be trained on", required=False),
        click.option("--epochs", default=3, show_default=True, type=click.IntRange(1), help="How often all are seen."),
        click.option(
            "--learning-rate", type=click.FloatRange(0, min_open=True), help="Default: a tenth of the bundle's."
        ),
        click.option("--seed", default=0, show_default=True, type=click.IntRange(0)),
        click.option("--out", required=True, type=PATH, help="Folder of the new bundle."),
        output_options,
        guarded,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.option(
    "--sparsity", required=True, type=click.FloatRange(0, 1, min_open=True, max_open=True), help="Share of zeros."
)
@training_options
def prune(sparsity: float, **options: Any) -> None:
    """Train a BUNDLE on while its smallest weights become zero: a bundle whose int8 file compresses well, and is as
    fast as before. The network as it was teaches its heatmaps.

    Example: poseport compress prune runs/first --sparsity 0.5 --data people --out runs/pruned
    """
    _run("prune", sparsity, options)


@click.command()
@click.option("--clusters", required=True, type=int, help="Different weights a layer.")
@training_options
def cluster(clusters: int, **options: Any) -> None:
    """Train a BUNDLE on with few different weights a layer: a bundle whose files compress well, and are as fast as
    before. The network as it was teaches its heatmaps.

    Example: poseport compress cluster runs/first --clusters 32 --data people --out runs/clustered
    """
    _run("cluster", clusters, options)


@click.command()
@click.argument("bundle", type=BUNDLE)
@click.option("--width", required=True, type=click.FloatRange(0, min_open=True), help="As `poseport train --width`.")
@click.option("--out", required=True, type=PATH, help="Folder of the new bundle.")
@output_options
@guarded
def narrow(bundle: Path, width: float, out: Path, quiet: bool, as_json: bool) -> None:
    """Make a narrower network of a BUNDLE from the channels that count most: smaller and faster, and to be trained
    again with `poseport train --init`.

    \b
    Example: poseport compress narrow runs/first --width 64 --out runs/cut
             poseport train --preset mobile-hourglass --width 64 --init runs/cut --data people --out runs/narrow
    """
    from poseport.command.quiet import quiet as quietly

    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quietly():
        from poseport.convert.compress import narrow as narrowing

        done = narrowing.narrow(bundle, width, out)
    before, after = done.parameters
    found = {"bundle": str(out), "parameters_before": before, "parameters": after}
    text = f"{out}: {after:,} of {before:,} parameters; train it with --init {out}"
    answer(found, text, as_json=as_json, quiet=quiet)


def _run(how: str, amount: float, options: dict[str, Any]) -> None:
    folder, out = options["bundle"], options["out"]
    people = load_people(options["data"], options["data_images"], None)
    exclude = load_people(options["exclude"], options["exclude_images"], None) if options["exclude"] else None

    from poseport.command.quiet import quiet as quietly

    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quietly():
        from poseport.convert.compress import compress as compression
        from poseport.convert.engines import tf_keras_twin

    train = tf_keras_twin.settings(folder, options["epochs"], options["learning_rate"], options["seed"])
    chosen = tf_keras_twin.chosen(folder, train, people, exclude)
    silent = options["quiet"] or options["as_json"]
    with progress("training", train.epochs * len(chosen), hidden=silent) as advance, quietly():
        if how == "prune":
            done = compression.prune(folder, amount, train, chosen, out, progress=advance)
        else:
            done = compression.cluster(folder, int(amount), train, chosen, out, progress=advance)
    _tell(done, options)


def _tell(done: Compressed, options: dict[str, Any]) -> None:
    text = (
        f"{done.out}: of {done.weights:,} weights in {done.layers} layers {100 * done.zero:.1f} % are zero; "
        f"at most {done.distinct} different ones a layer"
    )
    found = {"bundle": str(done.out), **{k: v for k, v in vars(done).items() if k != "out"}}
    answer(found, text, as_json=options["as_json"], quiet=options["quiet"])
