"""`poseport compress`: a smaller bundle from a trained one."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from poseport.command.groups import LazyGroup
from poseport.command.memory import keep_freed_memory
from poseport.command.options import (
    BUNDLE,
    PATH,
    POSITIVE,
    F,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
    seed_option,
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
    """Add the options that `prune` and `cluster` share.

    Args:
        command: The function of the command.

    Returns:
        The function with the options.
    """
    options: tuple[Callable[[F], F], ...] = (
        click.argument("bundle", type=BUNDLE),
        people_options("data", "People to train on"),
        people_options("exclude", "Evaluation people, whose photos must not be used for training", required=False),
        click.option("--epochs", default=3, show_default=True, type=click.IntRange(1), help="Number of epochs."),
        click.option(
            "--learning-rate", type=POSITIVE, help="Learning rate. Default: a tenth of the bundle's learning rate."
        ),
        seed_option("order and augmentation"),
        click.option("--out", required=True, type=PATH, help="Folder for the new bundle."),
        output_options,
        guarded,
    )
    for option in reversed(options):
        command = option(command)
    return command


@click.command()
@click.option(
    "--sparsity",
    required=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Share of the weights to set to zero.",
)
@training_options
def prune(sparsity: float, **options: Any) -> None:
    """Train a BUNDLE further while its smallest weights are set to zero. The int8 file of the new bundle zips to a
    smaller size; it is not faster. The original network's heatmaps are part of the training targets.

    Example: poseport compress prune runs/first --sparsity 0.5 --data people --out runs/pruned
    """
    _run("prune", sparsity, options)


@click.command()
@click.option("--clusters", required=True, type=int, help="Number of different weights per layer.")
@training_options
def cluster(clusters: int, **options: Any) -> None:
    """Train a BUNDLE further with few different weights per layer. The files of the new bundle zip to a smaller size;
    they are not faster. The original network's heatmaps are part of the training targets.

    Example: poseport compress cluster runs/first --clusters 32 --data people --out runs/clustered
    """
    _run("cluster", clusters, options)


@click.command()
@click.argument("bundle", type=BUNDLE)
@click.option(
    "--width",
    required=True,
    type=POSITIVE,
    help="New width: channels, or for deeppose the multiplier of the trunk's channels (architecture.width).",
)
@click.option("--out", required=True, type=PATH, help="Folder for the new bundle.")
@output_options
@guarded
def narrow(bundle: Path, width: float, out: Path, quiet: bool, as_json: bool) -> None:
    """Keep the most important channels of a BUNDLE's network: the new bundle is smaller and faster, and must be
    trained again, with `poseport train --init` and `--set architecture.width` at the same value.

    Example: poseport compress narrow runs/first --width 64 --out runs/cut
    """
    from poseport.tflite.quiet import quiet as quietly

    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quietly():
        from poseport.convert.compress import narrow as narrowing

        done = narrowing.narrow(bundle, width, out)
    before, after = done.parameters
    found = {"bundle": str(out), "parameters_before": before, "parameters": after}
    text = f"{out}: {after:,} of {before:,} parameters are left; train it with `poseport train --init {out}`"
    answer(found, text, as_json=as_json, quiet=quiet)


def _run(how: str, amount: float, options: dict[str, Any]) -> None:
    keep_freed_memory()
    from poseport import bundle as bundles

    folder, out = options["bundle"], options["out"]
    own = (bundles.read_spec(folder).skeleton,)
    people = load_people(options["data"], options["data_images"], None, own)
    exclude = load_people(options["exclude"], options["exclude_images"], None, own) if options["exclude"] else None

    from poseport.tflite.quiet import quiet as quietly

    os.environ["KERAS_BACKEND"] = "tensorflow"
    with quietly():
        from poseport.convert.compress import compress as compression
        from poseport.convert.engines import tf_keras_twin

    train = tf_keras_twin.settings(folder, options["epochs"], options["learning_rate"], options["seed"])
    chosen = tf_keras_twin.choose_people(folder, train, people, exclude)
    silent = options["quiet"] or options["as_json"]
    with progress("training", train.epochs * len(chosen), hidden=silent) as advance, quietly():
        if how == "prune":
            done = compression.prune(folder, amount, train, chosen, out, progress=advance)
        else:
            done = compression.cluster(folder, int(amount), train, chosen, out, progress=advance)
    _tell(done, options)


def _tell(done: Compressed, options: dict[str, Any]) -> None:
    text = (
        f"{done.out}: {100 * done.zero:.1f} % of {done.weights:,} weights in {done.layers} layers are zero; "
        f"at most {done.distinct} different weights per layer"
    )
    found = {"bundle": str(done.out), **{k: v for k, v in vars(done).items() if k != "out"}}
    answer(found, text, as_json=options["as_json"], quiet=options["quiet"])
