"""`poseport verify`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from poseport.command.options import (
    BUNDLE,
    MODEL,
    PATH,
    answer,
    guarded,
    load_people,
    output_options,
    people_options,
    progress,
    seed_option,
)


@click.command()
@click.argument("file", type=MODEL)
@click.option("--bundle", "folder", type=BUNDLE, help="Compare with the bundle that FILE was converted from.")
@click.option("--against", type=MODEL, help="Compare with another .tflite file of the same network.")
@people_options("data", "People whose crops both networks get")
@click.option(
    "--count",
    default=64,
    show_default=True,
    type=click.IntRange(1, 512),
    help="Largest number of people to compare on.",
)
@seed_option("people")
@click.option(
    "--within",
    type=click.FloatRange(0),
    help="Largest distance of keypoints, in input pixels. Default: 0.5 for 99 % of a float file's keypoints, 4 for "
    "90 % of an integer file's.",
)
@click.option(
    "--arm", type=PATH, help="Also run FILE on an emulated Arm processor: the folder that `make arm-parity` made."
)
@click.option(
    "--serial",
    "serials",
    multiple=True,
    help="Also run FILE on the CPU of this phone (see `poseport phone list`), or `all`; may be repeated.",
)
@click.option(
    "--apk", type=PATH, help="With --serial: the app's file, installed if the phone has no app or another version."
)
@output_options
@guarded
def verify(
    file: Path,
    folder: Path | None,
    against: Path | None,
    data: Path,
    data_images: Path | None,
    count: int,
    seed: int,
    within: float | None,
    arm: Path | None,
    serials: tuple[str, ...],
    apk: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Compare a .tflite FILE with the network it was converted from, on the same crops: input tensors must be equal
    bit for bit, keypoints within some pixels, on this machine, an Arm processor and phones. Of a person detector the
    boxes are compared. The exit code is 1 if they differ.

    Example: poseport verify first.int8.tflite --bundle runs/first --data people
    """
    from dataclasses import replace

    from poseport import bundle as bundles
    from poseport.convert import calibration
    from poseport.convert.verify import arm as arms
    from poseport.convert.verify import verification
    from poseport.predict import PoseNetwork
    from poseport.tflite import model_file
    from poseport.tflite.quiet import quiet as quietly
    from poseport.tflite.runner import load

    if (folder is None) == (against is None):
        raise ValueError(
            "name what to compare with: the bundle that FILE was converted from (--bundle), or another file (--against)"
        )
    if model_file.is_detector(model_file.read_bytes(file)):
        from poseport.convert.verify import verify_detector

        verify_detector.verify(
            file, folder, against, load_people(data, data_images, None), click.get_current_context().params
        )
        return
    card = model_file.read(file)[1]
    people = load_people(data, data_images, None, (card.spec.skeleton,))
    persons, _ = calibration.choose(people, min(count, len(people.for_training())), seed)
    places = {} if arm is None else {"arm64": arms.place(arm)}
    if serials:
        # the one place where convert imports bench, which runs a file on a phone
        from poseport.bench.phone import app, connected, handset, raw_outputs

        if card.later:
            raise ValueError(
                f"{file}: is a cascade, whose later crops are made on the phone; measure it with `poseport bench phone`"
            )
        for device in connected.choose(serials):
            app.provide(device, apk)
            places[handset.look(device).name] = raw_outputs.on_phone(device)
    if folder is not None:
        if card.conversion.weights_sha256 != bundles.sha256(bundles.stages(folder)[0] / bundles.WEIGHTS):
            raise ValueError(f"{file}: was converted from other weights than {folder} holds; convert it again")
        os.environ["KERAS_BACKEND"] = "tensorflow"  # TensorFlow converted it, whichever backend trained
        with quietly():
            import keras

            from poseport.train import evaluate
            from poseport.train.networks import models
        reference: list[PoseNetwork] = [
            evaluate.KerasNetwork(*models.load(one, keras)) for one in bundles.stages(folder)
        ]
        tolerance = verification.tolerance_for(card)
    else:
        assert against is not None
        other = load(against, threads=2)
        reference = [other, *other.later]
        tolerance = verification.tolerance_for(card, other.card)
    tolerance = tolerance if within is None else replace(tolerance, px=within)
    with progress("comparing", len(persons), hidden=quiet or as_json) as advance:
        found = verification.verify(
            file, reference, str(folder or against), persons, tolerance=tolerance, places=places, progress=advance
        )
    answer(verification.to_answer(found), found.text(), as_json=as_json, quiet=quiet)
    if not found.passed:
        raise click.exceptions.Exit(1)
