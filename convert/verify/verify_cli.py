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
)


@click.command()
@click.argument("file", type=MODEL)
@click.option("--bundle", "run", type=BUNDLE, help="The bundle that it was converted from; needs TensorFlow.")
@click.option("--against", type=MODEL, help="Another .tflite of the same network, instead of a bundle.")
@people_options("data", "People whose crops both are shown")
@click.option("--count", default=64, show_default=True, type=click.IntRange(1, 512), help="How many of them.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Draws the people.")
@click.option("--within", type=click.FloatRange(0), help="Pixels of the input. Default: float 0.5 (99 % of the "
              "keypoints), else 4 (90 %).")  # fmt: skip
@click.option("--arm", type=PATH, help="Also on an emulated Arm processor: the folder that `make arm-parity` made.")
@click.option("--phone", help="Also on this phone, as `poseport phone list` names it, by its CPU.")
@click.option("--apk", type=PATH, help="With --phone: the app, installed where it is missing or another one.")
@output_options
@guarded
def verify(
    file: Path,
    run: Path | None,
    against: Path | None,
    data: Path,
    data_images: Path | None,
    count: int,
    seed: int,
    within: float | None,
    arm: Path | None,
    phone: str | None,
    apk: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Hold a .tflite FILE to the network that it comes from, on the same crops: input tensors bit by bit, keypoints
    within some pixels, here, on other processors and on a phone. Exit code 1 when it is another network, or is fed
    otherwise.

    Example: poseport verify first.int8.tflite --bundle runs/first --data people
    """
    from dataclasses import replace

    from poseport import bundle as bundles
    from poseport.command.quiet import quiet as quietly
    from poseport.convert import calibration
    from poseport.convert.verify import arm as arms
    from poseport.convert.verify import verify as verifies
    from poseport.tflite import model_file
    from poseport.tflite.runner import load

    if (run is None) == (against is None):
        raise ValueError("give the bundle that the file comes from (--bundle), or another file (--against)")
    card = model_file.read(file)[1]
    people = load_people(data, data_images, None)
    persons, _ = calibration.choose(people, min(count, len(people.for_training())), seed)
    places = {} if arm is None else {"arm64": arms.place(arm)}
    if phone is not None:
        # the one place where a conversion asks bench: who measures on phones can run a file there
        from poseport.bench.phone import adb, app, handset
        from poseport.bench.phone import place as phones

        if card.later:
            raise ValueError(f"{file}: is a cascade, whose later crops the phone makes; see `poseport bench phone`")
        for device in adb.choose([phone]):
            app.provide(device, apk)
            places[handset.look(device).name] = phones.place(device)
    if run is not None:
        if card.conversion.weights_sha256 != bundles.sha256(bundles.stages(run)[0] / bundles.WEIGHTS):
            raise ValueError(f"{file}: was converted from other weights than {run} has; convert it again")
        os.environ["KERAS_BACKEND"] = "tensorflow"  # whatever trained the bundle, TensorFlow converted it
        with quietly():
            import keras

            from poseport.train import evaluate
            from poseport.train.networks import models
        reference = [evaluate.stage(*models.load(one, keras)) for one in bundles.stages(run)]
        limit = verifies.limit_of(card)
    else:
        assert against is not None
        other = load(against, threads=2)
        reference = [network.stage for network in other.networks]
        limit = verifies.limit_of(card, other.card)
    limit = limit if within is None else replace(limit, px=within)
    with progress("comparing", len(persons), hidden=quiet or as_json) as advance:
        found = verifies.verify(
            file, reference, str(run or against), persons, limit=limit, places=places, progress=advance
        )
    answer(verifies.to_answer(found), found.text(), as_json=as_json, quiet=quiet)
    if not found.passed:
        raise click.exceptions.Exit(1)
