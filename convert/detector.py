"""Convert the bundle of a person detector to a .tflite file: the short form of `to_tflite`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import pose
from poseport.convert import calibration, recipes
from poseport.convert.conversion_card import detector_card
from poseport.convert.engines import ai_edge, tflite_converter
from poseport.convert.engines.ai_edge import Quantized
from poseport.convert.float_file import FloatFile
from poseport.convert.graph.frozen_graph import freeze
from poseport.convert.graph.shrink_flatbuffer import shrink
from poseport.convert.request import Request
from poseport.convert.verify import recipe_checks
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.people import centers
from poseport.people.detector import CenterDetector
from poseport.people.detector_spec import DetectorSpec
from poseport.records import write_whole
from poseport.tflite import model_file
from poseport.tflite.card import DetectorCard
from poseport.tflite.inspection import Inspection, inspect_bytes
from poseport.train.detector import network as networks

COMPARED_PHOTOS = 64
# a file that loses a tenth of its network's people, or finds as many others, is not that network
_LEAST_FOUND = 0.9


@dataclass(frozen=True)
class BoxParity:
    """How far the boxes of a file are from those of its network.

    Attributes:
        photos: Number of photos compared.
        people: Number of people that the network finds.
        found: Number of them that the file finds at an intersection over union of 0.5, at half the threshold or more.
        extra: Number of people that only the file finds, and the network not even at half the threshold.
        iou: Mean intersection over union of the boxes found by both; None if there are none.
    """

    photos: int
    people: int
    found: int
    extra: int
    iou: float | None


@dataclass(frozen=True)
class ConvertedDetector:
    """A file that was written.

    Attributes:
        path: The file.
        card: The card inside it.
        inspection: Its contents.
        parity: Its boxes against its network's; None without calibration people.
    """

    path: Path
    card: DetectorCard
    inspection: Inspection
    parity: BoxParity | None


def convert(request: Request, progress: Callable[[int], None] | None = None) -> ConvertedDetector:
    """Convert a person detector.

    Args:
        request: What to convert, and how; its source is the bundle of a detector.
        progress: Called with 1 for each photo that calibrated.

    Returns:
        The file that was written.

    Raises:
        ValueError: If the request has parts that a detector has no use for, the bundle or the people are unsuitable, or
            the file is not what its recipe promises. Nothing is left under `request.out` then.
    """
    _check(request)
    spec, model = networks.load(request.source, keras)
    persons: Sequence[Person] = ()
    manifest = None
    if request.calib is not None:
        persons, manifest = calibration.choose(request.calib, request.calib_count, request.seed, request.exclude)
    crops = calibration.CalibrationCrops(persons, manifest)

    frozen = freeze(spec, model, lambda image: model(image, training=False))
    recipe = request.recipe
    if recipe.engine == "TFLiteConverter":
        made = Quantized(tflite_converter.convert(frozen, recipe, crops, progress), recipe)
    else:
        floats = FloatFile(spec, tflite_converter.convert(frozen, recipes.recipe("float32")), "")
        made = ai_edge.convert(floats, recipe, crops, request.keep, progress)
    kept_ops = {op for layer in made.kept for op in layer.ops}
    recipe_checks.check_recipe(inspect_bytes(made.flatbuffer, str(request.out)), recipe, spec, kept_ops)
    card = detector_card(request.source, spec, made, manifest)

    data = model_file.pack(shrink(made.flatbuffer), card)
    parity = _compare(spec, model, CenterDetector(data, card, request.out, threads=2), persons)
    if parity is not None and parity.people:
        share, extra = parity.found / parity.people, parity.extra / parity.people
        if share < _LEAST_FOUND or extra > 1 - _LEAST_FOUND:
            raise ValueError(
                f"{request.out}: finds {parity.found} of the {parity.people} people that the network finds in "
                f"{parity.photos} photos, and {parity.extra} others; keep the last layers in float32 (recipe "
                "mixed-float32, --keep people), or calibrate on more photos"
            )
    write_whole(request.out, data)
    return ConvertedDetector(request.out, card, inspect_bytes(data, str(request.out)), parity)


def _check(request: Request) -> None:
    recipe = request.recipe
    recipes.refuse_name(request.out.name, recipe, decided_by_search=False)
    if recipe.trained:
        raise ValueError(
            f"{request.source}: is a person detector, which recipe {recipe.name} cannot train; take another"
        )
    for given, option in (
        (request.budget, "--max-ap-drop"), (request.head, "--head"), (request.training, "--data"),
        (request.spec_file, "--spec"), (request.io != "same", "--io"),
    ):  # fmt: skip
        if given:
            raise ValueError(f"{request.source}: is a person detector, to which {option} does not apply; remove it")
    if (recipe.kept is None) == bool(request.keep):
        raise ValueError("--keep goes with mixed-float32 and mixed-16x8, and these need it, such as --keep people")
    if recipe.full and request.calib is None:
        raise ValueError(f"recipe {recipe.name} needs people for its activation ranges; give --calib DIR")


def _compare(spec: DetectorSpec, model: Any, file: CenterDetector, persons: Sequence[Person]) -> BoxParity | None:
    """Compare the boxes of the Keras network with those of the file on the photos of some people."""
    if not persons:
        return None
    people = found = extra = 0
    overlaps: list[float] = []
    # a score that rounding moves across the threshold is no other person
    lenient = replace(spec, threshold=spec.threshold / 2)
    shown = list({p.image_path: p for p in persons}.values())[:COMPARED_PHOTOS]
    for person in shown:
        picture, matrix = centers.letterbox(read_image(person.image_path, person.image_hw), spec.input_hw)
        output = np.asarray(model(pose.normalise(spec, picture[None]), training=False))[0]
        theirs = file.output(picture)
        (wanted, _), (got, _) = (centers.decode(spec, one, matrix) for one in (output, theirs))
        (unsure, _), (found_unsure, _) = (centers.decode(lenient, one, matrix) for one in (output, theirs))
        best = centers.iou(wanted, found_unsure).max(axis=1, initial=0)
        people, found = people + len(wanted), found + int((best >= 0.5).sum())
        extra += len(got) - int((centers.iou(got, unsure).max(axis=1, initial=0) >= 0.5).sum())
        overlaps += best[best >= 0.5].tolist()
    return BoxParity(len(shown), people, found, extra, float(np.mean(overlaps)) if overlaps else None)
