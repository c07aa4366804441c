"""`poseport calibrate`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from poseport.command.options import (
    BUNDLE,
    answer,
    guarded,
    load_people,
    load_sets,
    output_options,
    people_options,
    progress,
    seed_option,
)


@click.command()
@click.argument("folder", metavar="BUNDLE", type=BUNDLE)
@people_options("calib", "Calibration people, whose crops would set the activation ranges", several=True)
@people_options("exclude", "Evaluation people, whose photos must not be used for calibration", required=False)
@click.option(
    "--count", default=512, show_default=True, type=click.IntRange(16), help="Largest number of people to examine."
)
@seed_option("people")
@output_options
@guarded
def calibrate(
    folder: Path,
    calib: tuple[Path, ...],
    calib_images: tuple[Path, ...],
    calib_share: str | None,
    exclude: Path | None,
    exclude_images: Path | None,
    count: int,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Check whether calibration people are enough for a BUNDLE: how its activation ranges settle as people are added,
    and how much two halves of the people differ. People on evaluation photos are refused, and so is a bundle whose
    pre-processing has changed since its training. A cascade's first stage is examined.

    Example: poseport calibrate runs/first --calib people --exclude unseen
    """
    from poseport import bundle
    from poseport.convert.recipes import recipe
    from poseport.tflite.quiet import quiet as quietly

    first = bundle.stages(folder)[0]
    own = (bundle.read_spec(first).skeleton,)
    people = load_sets(calib, calib_images, calib_share, more_skeletons=own)
    others = load_people(exclude, exclude_images, None, own) if exclude else None
    os.environ["KERAS_BACKEND"] = "tensorflow"  # TensorFlow converts, whichever backend trained
    with quietly():
        from poseport.convert import audit as audits
        from poseport.convert.engines import tflite_converter
        from poseport.convert.graph import frozen_graph

    audits.check_people(bundle.read_spec(first), people, str(first), others)  # before the network is converted
    network = frozen_graph.load_frozen(first)
    flatbuffer = tflite_converter.convert(network, recipe("float32"))
    total = min(count, len(people.for_training()))
    with progress("examining people", total, hidden=quiet or as_json) as advance:
        found = audits.audit(
            flatbuffer, network.spec, str(first), people, evaluation=others, most=count, seed=seed, progress=advance
        )
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)
