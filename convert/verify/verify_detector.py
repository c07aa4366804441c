"""`poseport verify` for a person detector: its boxes against those of its network, photo by photo."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click
import numpy as np

from poseport import bundle as bundles
from poseport.command.options import answer, progress
from poseport.convert.verify import box_parity
from poseport.data.people import People
from poseport.files import escape
from poseport.people import detector
from poseport.people.detector import CenterDetector
from poseport.records import to_data
from poseport.tflite.quiet import quiet as quietly


def verify(file: Path, folder: Path | None, against: Path | None, people: People, options: dict[str, Any]) -> None:
    """Compare a detector with its bundle or with another file of the same network; exits with 1 if they differ.

    Args:
        file: The converted file.
        folder: The bundle that it was converted from, or None.
        against: Another file of the same network, or None.
        people: People whose photos both get.
        options: The other options of `poseport verify`.

    Raises:
        ValueError: If an option does not apply, or the two are not of one network.
    """
    for name in ("within", "arm", "serials", "apk"):
        if options[name] not in (None, ()):
            raise ValueError(f"{file}: is a person detector, to which --{name.rstrip('s')} does not apply; remove it")
    own = detector.load(file, 2)
    assert isinstance(own, CenterDetector)  # it has a card
    photos = list({p.image_path: p for p in people.persons}.values())
    order = np.random.default_rng(options["seed"]).permutation(len(photos))
    chosen = [photos[i] for i in order[: options["count"]]]
    if folder is not None:
        network, source = _of_bundle(file, own, folder), folder
    else:
        assert against is not None
        network, source = _of_file(file, own, against), against
    with progress("comparing", len(chosen), hidden=options["quiet"] or options["as_json"]) as advance:
        found = box_parity.compare(own.spec, network, own, chosen, advance)
    if found.passed is None:
        raise ValueError(f"{source}: finds nobody in {len(chosen)} photos, so nothing was compared; give others")
    verdict = "the same network" if found.passed else "differs: a tenth of the people or more"
    text = f"{escape.terminal(str(file))} against {escape.terminal(str(source))}: {found.text}: {verdict}"
    data = {"file": str(file), "against": str(source), **to_data(found), "passed": found.passed}
    answer(data, text, as_json=options["as_json"], quiet=options["quiet"])
    if not found.passed:
        raise click.exceptions.Exit(1)


def _of_bundle(file: Path, own: CenterDetector, folder: Path) -> box_parity.Network:
    if not bundles.is_detector(folder):
        raise ValueError(f"{folder}: is no person detector, but {file} is one; give the bundle that it came from")
    if own.card.conversion.weights_sha256 != bundles.weights_sha256(folder):
        raise ValueError(f"{file}: was converted from other weights than {folder} holds; convert it again")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # TensorFlow converted it, whichever backend trained
    with quietly():
        import keras

        from poseport.train.detector import network as networks
    return box_parity.keras_network(*networks.load(folder, keras))


def _of_file(file: Path, own: CenterDetector, against: Path) -> box_parity.Network:
    other = detector.load(against, 2)
    if not isinstance(other, CenterDetector) or other.spec != own.spec:
        raise ValueError(f"{against}: is not another conversion of {file}: its spec differs")
    return other.output
