"""Convert a bundle, or a float .tflite file of anybody, to a .tflite file. `convert` is the whole trip; read it first.

    calibration people -> network -> engine -> checks -> decoder -> smaller file -> parity -> file

Each stage of a cascade makes the trip, and the file of the first stage contains the others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from poseport import bundle, cascade, pose
from poseport.convert import calibration, float_file, recipes
from poseport.convert.conversion_card import card_of
from poseport.convert.engines import ai_edge, budget_search, equalize, tflite_converter, tuning_people
from poseport.convert.engines.ai_edge import Quantized
from poseport.convert.float_file import FloatFile
from poseport.convert.graph import decoder_head
from poseport.convert.graph.frozen_graph import FrozenNetwork, load_frozen
from poseport.convert.graph.shrink_flatbuffer import shrink
from poseport.convert.request import Request, check
from poseport.convert.verify import parity, recipe_checks
from poseport.convert.verify.layer_parity import LayerParity, compare_layers
from poseport.convert.verify.parity import Parity
from poseport.data import batches
from poseport.predict import PoseNetwork, predict
from poseport.spec import PoseSpec
from poseport.tflite import model_file
from poseport.tflite.card import FineTuning, ModelCard
from poseport.tflite.inspection import Inspection, inspect_bytes
from poseport.tflite.runner import Network
from poseport.train import evaluate

PARITY_PEOPLE = 64
LAYER_PARITY_PEOPLE = 4
EQUALIZED_PEOPLE = 32

Progress = Callable[[int], None] | None


@dataclass(frozen=True)
class Converted:
    """A file that was written: its contents, and how far its keypoints are from its network's.

    Attributes:
        path: The file.
        card: The card inside it.
        inspection: The contents of the file when it was read back.
        parity: Distance to the Keras network, or to the float file; None without calibration people.
        later: The same for each later stage of a cascade; their files are inside the first one's.
        layers: The comparison layer by layer, for a network that was trained under rounding (int8-qat).
    """

    path: Path
    card: ModelCard
    inspection: Inspection
    parity: Parity | None
    later: tuple[Converted, ...] = ()
    layers: tuple[LayerParity, ...] = ()


@dataclass(frozen=True)
class _Stage:
    """One converted network that is not written yet."""

    flatbuffer: bytes
    card: ModelCard
    parity: Parity | None
    layers: tuple[LayerParity, ...]


def convert(request: Request, progress: Progress = None) -> Converted:
    """Convert a bundle or a float file, or all bundles of a cascade into one file.

    Args:
        request: What to convert, and how.
        progress: Called with 1 for each crop that calibrated, with the number of crops on which parity was measured,
            and with the number of people of each training step.

    Returns:
        The file as it was read back.

    Raises:
        ValueError: If the network or the people are unsuitable, no file holds the accuracy budget, or the file is not
            what its recipe promises. Nothing is left under `request.out` then.
    """
    decoder_inside = decoder_head.wants_decoder(check(request), request.head)
    tuning = tuning_people.choose_tuning_people(request) if request.budget else None
    persons, manifest = tuning_people.choose_calibration(request, tuning, PARITY_PEOPLE)

    stages: list[_Stage] = []
    estimates = None
    for source in [request.source] if request.from_file else bundle.stages(request.source):
        if stages and persons:
            # a later stage is calibrated on the crops around the keypoints of the converted stages before it
            before = Network(stages[-1].flatbuffer, stages[-1].card, str(request.out), threads=2)
            if estimates is None:
                estimates = predict(before, persons)
            else:
                estimates = cascade.refine([before], persons, estimates[None])[0]
        spec = request.file_card.spec if request.file_card else bundle.read_spec(source)
        crops = calibration.CalibrationCrops.of_stage(spec, persons, manifest, estimates)
        stages.append(_convert_stage(source, request, crops, tuning, decoder_inside, progress))

    first, *later = stages
    inner_files = [model_file.pack(stage.flatbuffer, stage.card) for stage in later]
    model_file.write(request.out, first.flatbuffer, first.card, inner_files)
    if tuning is not None:
        tuning.notes_path.unlink(missing_ok=True)
    return _read_back(request.out, stages)


def _convert_stage(
    source: Path,
    request: Request,
    crops: calibration.CalibrationCrops,
    tuning: tuning_people.TuningPeople | None,
    decoder_inside: bool,
    progress: Progress,
) -> _Stage:
    """Convert one network, check it against its recipe and compare it with the network that it was."""
    network, made, finetuning = _make_flatbuffer(source, request, crops, tuning, progress)
    recipe = made.recipe
    name = str(request.out)

    kept_ops = {op for layer in made.kept for op in layer.ops}
    inspection = inspect_bytes(made.flatbuffer, name)
    outside = network.outside if isinstance(network, FloatFile) else ()
    recipe_checks.check_recipe(inspection, recipe, network.spec, kept_ops, outside=outside, ends=made.ends)
    layers: tuple[LayerParity, ...] = ()
    if recipe.trained and not isinstance(network, FloatFile):
        some = next(batches.batches(network.spec, crops.persons[:LAYER_PARITY_PEOPLE])).crops
        layers = compare_layers(network.model, made.flatbuffer, pose.normalise(network.spec, some))

    card = card_of(source, network, made, crops.manifest, finetuning)
    flatbuffer = made.flatbuffer
    if decoder_inside:
        flatbuffer, card = decoder_head.append_decoder(flatbuffer, card)
    flatbuffer = shrink(flatbuffer)

    compared = None
    if crops.persons:
        boxes = None if crops.boxes_xywh is None else crops.boxes_xywh[:PARITY_PEOPLE]
        reference: PoseNetwork
        if isinstance(network, FloatFile):
            reference = Network(network.flatbuffer, replace(card, spec=network.spec), str(source), threads=2)
        else:
            reference = evaluate.KerasNetwork(network.spec, network.model)
        converted = Network(flatbuffer, card, name, threads=2)
        compared = parity.compare(reference, converted, crops.persons[:PARITY_PEOPLE], boxes, progress)
        recipe_checks.check_parity(compared, recipe, request.out)
    return _Stage(flatbuffer, card, compared, layers)


def _make_flatbuffer(
    source: Path,
    request: Request,
    crops: calibration.CalibrationCrops,
    tuning: tuning_people.TuningPeople | None,
    progress: Progress,
) -> tuple[FrozenNetwork[PoseSpec] | FloatFile[PoseSpec], Quantized, FineTuning | None]:
    """Load the network and quantize it with the request's engine.

    Returns the network that the file is compared with, the flatbuffer, and how the network was trained further.
    """
    recipe = request.recipe
    network: FrozenNetwork[PoseSpec] | FloatFile[PoseSpec]
    match request.engine:
        case "TFLiteConverter":
            network = load_frozen(source)
            return network, Quantized(tflite_converter.convert(network, recipe, crops, progress), recipe), None
        case "AI Edge Quantizer":
            network, floats = _load_both(source, request, crops)
            return network, ai_edge.convert(floats, recipe, crops, request.keep, progress), None
        case "budget search":
            assert request.budget is not None
            assert tuning is not None
            network, floats = _load_both(source, request, crops)

            def plain() -> bytes:
                if isinstance(network, FloatFile):
                    return ai_edge.convert(floats, tuning.outcomes[0], crops, (), progress).flatbuffer
                return tflite_converter.convert(network, tuning.outcomes[0], crops, progress)

            return network, budget_search.convert(floats, plain, request.budget, tuning, crops, progress), None
        case "QAT":
            from poseport.convert.engines import qat  # needs tensorflow-model-optimization, the others do not

            assert request.training is not None
            trained, finetuning = qat.train(source, request.training, request.seed, request.exclude, progress)
            return trained, Quantized(tflite_converter.convert(trained, recipe), recipe), finetuning
        case engine:
            raise AssertionError(engine)


def _load_both(
    source: Path, request: Request, crops: calibration.CalibrationCrops
) -> tuple[FrozenNetwork[PoseSpec] | FloatFile[PoseSpec], FloatFile[PoseSpec]]:
    """The network of a bundle or a file as it is compared later, and its float32 flatbuffer."""
    if request.file_card is not None:
        floats = float_file.read(source, request.file_card, request.recipe, request.io)
        if request.recipe.full and request.recipe.per_channel:
            some = replace(crops, persons=crops.persons[:EQUALIZED_PEOPLE])
            images = list(calibration.inputs(floats.spec, some))
            equal = equalize.equalize(floats.flatbuffer, images, floats.outside)
            return floats, replace(floats, flatbuffer=equal)
        return floats, floats
    network = load_frozen(source)
    flatbuffer = tflite_converter.convert(network, recipes.recipe("float32"))
    return network, FloatFile(network.spec, flatbuffer, bundle.sha256(source / bundle.WEIGHTS))


def _read_back(out: Path, stages: Sequence[_Stage]) -> Converted:
    """Inspect the file that was written, stage by stage."""
    first, *later = (
        Converted(out, card, inspect_bytes(data, str(out)), stage.parity, layers=stage.layers)
        for (data, card), stage in zip(model_file.read_stages(out), stages, strict=True)
    )
    return replace(first, later=tuple(later))
