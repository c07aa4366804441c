"""Convert the bundle of a person detector to a .tflite file: the short form of `to_tflite`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import keras

from poseport import bundle
from poseport.convert import calibration, recipes
from poseport.convert.conversion_card import detector_card
from poseport.convert.engines import ai_edge, budget_search, tflite_converter, tuning_people
from poseport.convert.engines.ai_edge import Quantized
from poseport.convert.float_file import FloatFile
from poseport.convert.graph.frozen_graph import freeze
from poseport.convert.graph.shrink_flatbuffer import shrink
from poseport.convert.request import Request
from poseport.convert.verify import box_parity, recipe_checks
from poseport.convert.verify.box_parity import BoxParity
from poseport.people.detector import CenterDetector
from poseport.records import write_whole
from poseport.tflite import model_file
from poseport.tflite.card import DetectorCard
from poseport.tflite.inspection import Inspection, inspect_bytes
from poseport.train.detector import network as networks

COMPARED_PHOTOS = 64


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
    tuning = tuning_people.choose_tuning_people(request) if request.budget else None
    persons, manifest = tuning_people.choose_calibration(request, tuning, COMPARED_PHOTOS)
    crops = calibration.CalibrationCrops(persons, manifest)

    frozen = freeze(spec, model, lambda image: model(image, training=False))
    recipe = request.recipe
    if request.budget is not None and tuning is not None:
        plain = partial(tflite_converter.convert, frozen, tuning.outcomes[0], crops, progress)
        weights = bundle.sha256(request.source / bundle.WEIGHTS)
        floats = FloatFile(spec, tflite_converter.convert(frozen, recipes.recipe("float32")), weights)
        made = budget_search.convert(floats, plain, request.budget, tuning, crops, progress)
        recipe = made.recipe
    elif recipe.engine == "TFLiteConverter":
        made = Quantized(tflite_converter.convert(frozen, recipe, crops, progress), recipe)
    else:
        floats = FloatFile(spec, tflite_converter.convert(frozen, recipes.recipe("float32")), "")
        made = ai_edge.convert(floats, recipe, crops, request.keep, progress)
    kept_ops = {op for layer in made.kept for op in layer.ops}
    recipe_checks.check_recipe(inspect_bytes(made.flatbuffer, str(request.out)), recipe, spec, kept_ops, ends=made.ends)
    card = detector_card(request.source, spec, made, manifest)

    data = model_file.pack(shrink(made.flatbuffer), card)
    parity = None
    if persons:
        photos = list({p.image_path: p for p in persons}.values())[:COMPARED_PHOTOS]
        file = CenterDetector(data, card, request.out, threads=2)
        parity = box_parity.compare(spec, box_parity.keras_network(spec, model), file, photos)
        if parity.passed is False:
            raise ValueError(
                f"{request.out}: {parity.text}; keep the last layers in float32 (recipe mixed-float32, --keep people), "
                "or calibrate on more photos"
            )
    write_whole(request.out, data)
    if tuning is not None:
        tuning.notes_path.unlink(missing_ok=True)
    return ConvertedDetector(request.out, card, inspect_bytes(data, str(request.out)), parity)


def _check(request: Request) -> None:
    recipe = request.recipe
    recipes.refuse_name(request.out.name, recipe, decided_by_search=request.budget is not None)
    if recipe.trained:
        raise ValueError(
            f"{request.source}: is a person detector, which recipe {recipe.name} cannot train; take another"
        )
    for given, option in (
        (request.head, "--head"), (request.training, "--data"),
        (request.spec_file, "--spec"), (request.io != "same", "--io"),
    ):  # fmt: skip
        if given:
            raise ValueError(f"{request.source}: is a person detector, to which {option} does not apply; remove it")
    if request.budget is not None:
        if request.keep or request.calib is None:
            raise ValueError("--max-ap-drop chooses the layers itself and needs --calib; leave --keep out")
        return
    if (recipe.kept is None) == bool(request.keep):
        raise ValueError("--keep goes with mixed-float32 and mixed-16x8, and these need it, such as --keep people")
    if recipe.full and request.calib is None:
        raise ValueError(f"recipe {recipe.name} needs people for its activation ranges; give --calib DIR")
