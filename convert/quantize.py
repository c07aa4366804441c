"""A bundle -> a .tflite file that was read back and found to be what its recipe says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from poseport import __version__, bundle, cascade, feed, pose
from poseport.card import Calibration, Conversion, FineTuning, ModelCard
from poseport.coco import People, Person
from poseport.convert import budget, calibration, edge, heads, recipes
from poseport.convert.graph import Deployment, deployment
from poseport.convert.parity import Parity, parity
from poseport.convert.promises import check_parity, verify
from poseport.convert.recipes import Recipe
from poseport.convert.steps import LayerSteps, layer_steps
from poseport.inspect import Inspection, inspect_bytes, macs_per_person
from poseport.quiet import quiet
from poseport.records import to_data
from poseport.runner import Network

PARITY_PEOPLE = 64
STEPS_PEOPLE = 4


@dataclass(frozen=True)
class Converted:
    """A file that was written, what is in it, and how far it is from the network that it came from.

    later: the same of each later stage of a cascade; their files lie inside the first one's. layers: of a network
    that was trained under rounding, against the file layer by layer.
    """

    path: Path
    card: ModelCard
    inspection: Inspection
    parity: Parity | None
    later: tuple[Converted, ...] = ()
    layers: tuple[LayerSteps, ...] = ()


def convert(
    directory: Path,
    recipe: Recipe,
    out: Path,
    calib: People | None = None,
    *,
    count: int = 300,
    seed: int = 0,
    exclude: People | None = None,
    finetune: Callable[[Path], tuple[Deployment, FineTuning]] | None = None,
    keep: Sequence[str] = (),
    limit: budget.Limit | None = None,
    head: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Converted:
    """Convert a bundle, or all bundles of a cascade into one file.

    calib: people that settle activation ranges (recipes with integer activations need them) and on whom
    parity is measured. exclude: evaluation people, whose images are not used. finetune: what trains a bundle's network
    for a recipe that needs it, see `poseport.convert.qat`. keep: layers of a mixed recipe that are not int8. limit: an
    accuracy budget, which chooses among recipes and layers. head: what leaves the file, see `heads.choose`. progress:
    called with 1 for each crop that calibrated, and with the number of crops on which parity was measured.
    Raises ValueError when the bundle or the people will not do, no file holds the budget, or the written file
    is not what the recipe promises; then nothing is left under `out`.
    """
    recipes.refuse_name(out.name, recipe, open_end=limit is not None)
    if bool(keep) != (recipe.kept is not None) and limit is None:
        raise ValueError(
            f"recipe {recipe.name} keeps no layer from being int8; take mixed-float32 or mixed-16x8" if keep else
            f"recipe {recipe.name} needs layers that are not int8; name them with --keep or let --max-ap-drop choose"
        )  # fmt: skip
    if recipe.trained and finetune is None:
        raise ValueError(f"recipe {recipe.name} trains the network further; give --data DIR and --epochs")
    if recipe.full and calib is None:
        raise ValueError(f"recipe {recipe.name} settles activation ranges on people; give --calib DIR")
    folders = bundle.stages(directory)
    spec = bundle.read_spec(directory)
    decode = heads.choose(spec, head)
    for people in (calib, limit.people if limit else None):
        if people is not None:
            calibration.check_skeleton(people, spec, str(directory))
    if len(folders) > 1 and (limit is not None or keep):
        raise ValueError(f"{directory} is a cascade, whose layers are not chosen one by one; take int8 or int8-p95")
    tuning = None
    if limit is not None:
        tuning = _tuning(limit, recipe, seed, exclude)
        exclude = replace(limit.people, persons=(*tuning.persons, *(exclude.persons if exclude else ())))
    persons: list[Person] = []
    manifest = None
    if calib is not None:
        wanted = count if recipe.calibrated else min(count, PARITY_PEOPLE, len(calib.for_training()))
        persons, manifest = calibration.choose(calib, wanted, seed, exclude)
    parts: list[tuple[bytes, Converted]] = []
    estimates = None
    for folder in folders:
        if parts and persons:
            # a later stage is calibrated on the crops that the converted stages before it will ask for
            before = Network(parts[-1][0], parts[-1][1].card, str(out), threads=2)
            estimates = cascade.predict([before.stage], persons, estimates=estimates)
        parts.append(
            _stage(folder, recipe, out, persons, manifest, estimates, finetune, keep, tuning, decode, progress)
        )
    (flatbuffer, first), *later = parts
    bundle.write_model(out, flatbuffer, first.card, [bundle.pack(data, done.card) for data, done in later])
    if tuning is not None:
        notes_path(out).unlink(missing_ok=True)
    data, card = bundle.read_model(out)
    return replace(first, card=card, inspection=inspect_bytes(data, str(out)), later=tuple(done for _, done in later))


@dataclass(frozen=True)
class _Tuning:
    """A budget, what it may end in, and the people on whom it is measured."""

    limit: budget.Limit
    ends: tuple[Recipe, Recipe, Recipe]
    persons: Sequence[Person]
    manifest: Calibration


def notes_path(out: Path) -> Path:
    """Where the search for `out` keeps what it has measured."""
    return out.with_name(f"{out.name}.search.json")


def _tuning(limit: budget.Limit, recipe: Recipe, seed: int, exclude: People | None) -> _Tuning:
    count = min(limit.count, len(limit.people.for_training()))
    return _Tuning(
        limit, recipes.within_budget(recipe), *calibration.choose(limit.people, count, seed, exclude, "tune")
    )


def _stage(
    folder: Path,
    recipe: Recipe,
    out: Path,
    persons: Sequence[Person],
    manifest: Calibration | None,
    estimates: np.ndarray | None,
    finetune: Callable[[Path], tuple[Deployment, FineTuning]] | None,
    keep: Sequence[str],
    tuning: _Tuning | None,
    decode: bool,
    progress: Callable[[int], None] | None,
) -> tuple[bytes, Converted]:
    """One network: its flatbuffer, and what was found in it."""
    network, finetuning = finetune(folder) if finetune is not None else (deployment(folder), None)
    boxes = cascade.windows(network.spec, np.array([p.box_xywh for p in persons]), estimates) if persons else None
    versions = {"poseport": __version__, "tensorflow": tf.__version__, "keras": version("keras")}
    weights = bundle.sha256(folder / bundle.WEIGHTS)
    if tuning is not None:
        chosen = _search(network, tuning, out, persons, manifest, weights, progress)
    else:
        chosen = _by_recipe(network, recipe, persons, boxes, keep, progress)
    recipe, flatbuffer = chosen.recipe, chosen.flatbuffer
    engine = f"{recipe.engine} of tensorflow {tf.__version__}"
    if recipe.percentile is not None:
        versions["litert-quantizer"] = version("litert-quantizer")
        engine = f"{recipe.engine} of litert-quantizer {versions['litert-quantizer']}"
    card = ModelCard(
        network.spec,
        Conversion(
            recipe=recipe.name,
            engine=engine,
            weights_sha256=weights,
            versions=versions,
            calibration=manifest if recipe.calibrated else None,
            kept=tuple(layer.name for layer in chosen.kept),
            budget=chosen.budget,
            finetuning=finetuning,
        ),
    )
    inspection = inspect_bytes(bundle.pack(flatbuffer, card), str(out))
    verify(inspection, recipe, network.spec, {op for layer in chosen.kept for op in layer.ops})
    layers: tuple[LayerSteps, ...] = ()
    if recipe.trained:
        crops = next(feed.batches(network.spec, persons[:STEPS_PEOPLE])).crops
        layers = layer_steps(network.model, flatbuffer, pose.normalise(network.spec, crops))
    if decode:
        flatbuffer, card = heads.decoded(flatbuffer, card)
        inspection = inspect_bytes(bundle.pack(flatbuffer, card), str(out))
    compared = None
    if boxes is not None:
        some = slice(PARITY_PEOPLE)
        ready = Network(flatbuffer, card, str(out), threads=2)
        compared = parity(network.model, ready, persons[some], progress, boxes[some], network.spec)
        check_parity(compared, recipe, out)
    return flatbuffer, Converted(out, card, inspection, compared, layers=layers)


def _by_recipe(
    network: Deployment,
    recipe: Recipe,
    persons: Sequence[Person],
    boxes: np.ndarray | None,
    keep: Sequence[str],
    progress: Callable[[int], None] | None,
) -> budget.Found:
    """The file that a recipe asks for, by the engine that makes it."""
    if recipe.percentile is None:
        return budget.Found(to_flatbuffer(network, recipe, persons, boxes, progress), recipe)
    plain = to_flatbuffer(network, recipes.recipe("float32"), ())
    every = edge.layers(inspect_bytes(plain, "float32"))
    kept = edge.named(every, keep)
    ranges = edge.settle(plain, network.spec, persons, recipe.percentile, boxes, progress)
    return budget.Found(edge.quantize(plain, ranges, edge.types(every, kept, recipe.kept), recipe.io), recipe, kept)


def _search(
    network: Deployment,
    tuning: _Tuning,
    out: Path,
    persons: Sequence[Person],
    manifest: Calibration | None,
    weights_sha256: str,
    progress: Callable[[int], None] | None,
) -> budget.Found:
    """The file that holds a budget; ranges are settled, and plain int8 converted, only when they are needed."""
    plain, clipped, _ = tuning.ends
    float_file = to_flatbuffer(network, recipes.recipe("float32"), ())
    settings = (weights_sha256, manifest, tuning.manifest, clipped.percentile, tf.__version__)
    bench = budget.Bench(network.spec, float_file, tuning.limit.people, tuning.persons, notes_path(out), settings)

    @cache
    def whole() -> bytes:
        return to_flatbuffer(network, plain, persons, None, progress)

    @cache
    def ranges() -> edge.Ranges:
        assert clipped.percentile is not None
        return edge.settle(float_file, network.spec, persons, clipped.percentile, None, progress)

    return budget.search(bench, float_file, whole, ranges, tuning.ends, tuning.limit, tuning.manifest)


def to_flatbuffer(
    network: Deployment,
    recipe: Recipe,
    persons: Sequence[Person],
    boxes_xywh: np.ndarray | None = None,
    progress: Callable[[int], None] | None = None,
) -> bytes:
    """The bare TFLite flatbuffer of a network; boxes_xywh: (N, B, 4), crops of the people that calibrate."""
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.function], network.module)
    if recipe.weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe.full:
        # not in its public interface, but the only way to one scale a tensor
        converter._experimental_disable_per_channel = not recipe.per_channel
        converter.inference_input_type = converter.inference_output_type = getattr(tf, recipe.io)
    if recipe.calibrated:
        ops = tf.lite.OpsSet
        wide = recipe.activations == "int16"
        converter.target_spec.supported_ops = [
            ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 if wide else ops.TFLITE_BUILTINS_INT8
        ]

        def representative() -> Iterator[dict[str, np.ndarray]]:
            for image in calibration.inputs(network.spec, persons, boxes_xywh):
                yield {"image": image}
                if progress is not None:
                    progress(1)

        converter.representative_dataset = representative
    with quiet():
        return bytes(converter.convert())


def summary(done: Converted) -> dict[str, Any]:
    """What the command prints, as plain data; macs: of all that runs for one person."""
    stages = (done, *done.later)
    shares = macs_per_person([(one.inspection, one.card.spec.crops_per_person) for one in stages])
    total = sum(shares.values())
    return {
        "file": str(done.path),
        "recipe": done.card.conversion.recipe,
        "bytes": done.inspection.bytes,
        "zipped_bytes": bundle.zipped_bytes(done.path.read_bytes()),
        "macs": total,
        "macs_share_by_dtype": {dtype: macs / max(total, 1) for dtype, macs in shares.items()},
        "ops": done.inspection.op_counts,
        "engine": done.card.conversion.engine,
        "kept": list(done.card.conversion.kept),
        "budget": None if done.card.conversion.budget is None else to_data(done.card.conversion.budget),
        "calibration_people": len(done.card.conversion.calibration.people) if done.card.conversion.calibration else 0,
        "parity": None if done.parity is None else vars(done.parity),
        "layers": [vars(layer) for layer in done.layers],
        "later": [
            {"ops": one.inspection.op_counts, "parity": None if one.parity is None else vars(one.parity)}
            for one in done.later
        ],
    }
