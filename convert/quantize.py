"""A bundle -> a .tflite file that was read back and found to be what its recipe says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from poseport import __version__, bundle, cascade, pose
from poseport.convert import calibration, heads, recipes
from poseport.convert.compact import compact
from poseport.convert.engines import budget, engines
from poseport.convert.engines.layer_steps import LayerSteps, layer_steps
from poseport.convert.graph import Deployment, deployment
from poseport.convert.recipes import Recipe
from poseport.convert.verify.parity import Parity, parity
from poseport.convert.verify.promises import check_parity, verify
from poseport.data import batches
from poseport.data.people import People, Person
from poseport.predict import predict
from poseport.tflite import model_file
from poseport.tflite.card import Calibration, Conversion, FineTuning, ModelCard
from poseport.tflite.inspection import Inspection, inspect_bytes
from poseport.tflite.runner import Network

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
    for a recipe that needs it, see `poseport.convert.engines.qat`. keep: layers of a mixed recipe that are not int8. limit:
    an accuracy budget, which chooses among recipes and layers. head: what leaves the file, see `heads.choose`. progress:
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
        tuning = engines.tuning(limit, recipe, out, seed, exclude)
        exclude = replace(limit.people, persons=(*tuning.persons, *(exclude.persons if exclude else ())))
    persons: list[Person] = []
    manifest = None
    if calib is not None:
        wanted = count if recipe.calibrated else min(count, PARITY_PEOPLE, len(calib.for_training()))
        persons, manifest = calibration.choose(calib, wanted, seed, exclude)
    make: engines.Maker = partial(engines.by_recipe, recipe=recipe, keep=keep)
    if tuning is not None:
        weights = bundle.sha256(directory / bundle.WEIGHTS)
        make = partial(engines.by_budget, tuning=tuning, calibrated=manifest, weights_sha256=weights)
    parts: list[tuple[bytes, Converted]] = []
    estimates = None
    for folder in folders:
        if parts and persons:
            # a later stage is calibrated on the crops that the converted stages before it will ask for
            before = Network(parts[-1][0], parts[-1][1].card, str(out), threads=2)
            if estimates is None:
                estimates = predict(before, persons)
            else:
                estimates = cascade.refine([before], persons, estimates[None])[0]
        parts.append(_stage(folder, out, make, persons, manifest, estimates, finetune, decode, progress))
    (flatbuffer, first), *later = parts
    model_file.write(out, flatbuffer, first.card, [model_file.pack(data, done.card) for data, done in later])
    if tuning is not None:
        tuning.notes_path.unlink(missing_ok=True)
    data, card = model_file.read(out)
    return replace(first, card=card, inspection=inspect_bytes(data, str(out)), later=tuple(done for _, done in later))


def _stage(
    folder: Path,
    out: Path,
    make: engines.Maker,
    persons: Sequence[Person],
    manifest: Calibration | None,
    estimates: np.ndarray | None,
    finetune: Callable[[Path], tuple[Deployment, FineTuning]] | None,
    decode: bool,
    progress: Callable[[int], None] | None,
) -> tuple[bytes, Converted]:
    """One network: its flatbuffer, and what was found in it."""
    network, finetuning = finetune(folder) if finetune is not None else (deployment(folder), None)
    boxes = None  # each person's own
    if estimates is not None:
        boxes = cascade.windows(network.spec, np.array([p.box_xywh for p in persons]), estimates)
    chosen = make(network, persons, boxes, progress)
    recipe, flatbuffer = chosen.recipe, chosen.flatbuffer
    engine, packages = engines.versions(recipe)
    card = ModelCard(
        network.spec,
        Conversion(
            recipe=recipe.name,
            engine=engine,
            weights_sha256=bundle.sha256(folder / bundle.WEIGHTS),
            versions={"poseport": __version__, "tensorflow": tf.__version__, "keras": keras.__version__} | packages,
            calibration=manifest if recipe.calibrated else None,
            kept=tuple(layer.name for layer in chosen.kept),
            budget=chosen.budget,
            finetuning=finetuning,
        ),
    )
    inspection = inspect_bytes(model_file.pack(flatbuffer, card), str(out))
    verify(inspection, recipe, network.spec, {op for layer in chosen.kept for op in layer.ops})
    layers: tuple[LayerSteps, ...] = ()
    if recipe.trained:
        crops = next(batches.batches(network.spec, persons[:STEPS_PEOPLE])).crops
        layers = layer_steps(network.model, flatbuffer, pose.normalise(network.spec, crops))
    if decode:
        flatbuffer, card = heads.decoded(flatbuffer, card)
    flatbuffer = compact(flatbuffer)
    inspection = inspect_bytes(model_file.pack(flatbuffer, card), str(out))
    compared = None
    if persons:
        some = slice(PARITY_PEOPLE)
        ready = Network(flatbuffer, card, str(out), threads=2)
        crops = None if boxes is None else boxes[some]
        compared = parity(network.model, ready, persons[some], progress, crops, network.spec)
        check_parity(compared, recipe, out)
    return flatbuffer, Converted(out, card, inspection, compared, layers=layers)
