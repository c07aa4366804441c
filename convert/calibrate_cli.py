"""`poseport calibrate`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from poseport.command.options import BUNDLE, answer, guarded, load_people, output_options, people_options, progress


@click.command()
@click.argument("run", metavar="BUNDLE", type=BUNDLE)
@people_options("calib", "People that shall settle activation ranges")
@people_options("exclude", "Evaluation people: none of their photos may calibrate", required=False)
@click.option("--most", default=512, show_default=True, type=click.IntRange(16), help="How many people to look at.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws the people.")
@output_options
@guarded
def calibrate(
    run: Path,
    calib: Path,
    calib_images: Path | None,
    exclude: Path | None,
    exclude_images: Path | None,
    most: int,
    seed: int,
    quiet: bool,
    as_json: bool,
) -> None:
    """Say how the activation ranges of a BUNDLE's network settle as people are added, drawn at random and spread over
    size, pose and brightness, and how much two halves differ. Refuses people who are on evaluation photos too, and a
    bundle whose pre-processing is not that of its training. Of a cascade the first stage is looked at.

    Example: poseport calibrate runs/first --calib people --exclude unseen
    """
    from poseport import bundle
    from poseport.command.quiet import quiet as quietly
    from poseport.convert.recipes import recipe

    first = bundle.stages(run)[0]
    people = load_people(calib, calib_images, None)
    others = load_people(exclude, exclude_images, None) if exclude else None
    os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever trained the bundle, TensorFlow converts it
    with quietly():
        from poseport.convert import audit as audits
        from poseport.convert import graph
        from poseport.convert.engines import converter

    audits.check_people(bundle.read_spec(first), people, str(first), others)  # before the network is converted
    network = graph.deployment(first)
    flatbuffer = converter.to_flatbuffer(network, recipe("float32"), [])
    total = min(most, len(people.for_training()))
    with progress("looking at people", total, hidden=quiet or as_json) as advance:
        found = audits.audit(
            flatbuffer, network.spec, str(first), people, evaluation=others, most=most, seed=seed, progress=advance
        )
    answer(found.data(), found.text(), as_json=as_json, quiet=quiet)
