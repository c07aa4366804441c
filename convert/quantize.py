"""A bundle -> a .tflite file that was read back and found to be what its recipe says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from poseport import __version__, bundle, cascade
from poseport.coco import People, Person
from poseport.convert import calibration, heads
from poseport.convert.graph import Deployment, deployment
from poseport.convert.inspect import Inspection, inspect_bytes, macs_per_person
from poseport.convert.parity import Parity, parity
from poseport.convert.recipes import Recipe
from poseport.quiet import quiet
from poseport.runner import Network
from poseport.spec import Calibration, Conversion, ModelCard, PoseSpec

PARITY_PEOPLE = 64
# Above this distance to its own Keras network a float file is not the same network any more.
FLOAT_LIMIT_PX = 0.5


@dataclass(frozen=True)
class Converted:
    """A file that was written, what is in it, and how far it is from the network that it came from.

    later: the same of each later stage of a cascade; their files lie inside the first one's.
    """

    path: Path
    card: ModelCard
    inspection: Inspection
    parity: Parity | None
    later: tuple[Converted, ...] = ()


def convert(
    directory: Path,
    recipe: Recipe,
    out: Path,
    calib: People | None = None,
    *,
    count: int = 300,
    seed: int = 0,
    exclude: People | None = None,
    head: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> Converted:
    """Convert a bundle, or all bundles of a cascade into one file.

    calib: people that settle activation ranges (recipes with int8 activations need them) and on whom
    parity is measured. exclude: evaluation people, whose images are not used. head: what leaves the file, see
    `heads.choose`. progress: called with 1 for each crop that calibrated, and with the number of crops on
    which parity was measured.
    Raises ValueError when the bundle or the people will not do, or the written file is not what the
    recipe promises; then nothing is left under `out`.
    """
    if recipe.full and calib is None:
        raise ValueError(f"recipe {recipe.name} settles activation ranges on people; give --calib DIR")
    folders = bundle.stages(directory)
    decode = heads.choose(bundle.read_spec(directory), head)
    skeleton = bundle.read_spec(directory).skeleton
    if calib is not None and calib.skeleton.names != skeleton.names:
        raise ValueError(
            f"{calib.path}: skeleton {calib.skeleton.name!r}, but {directory} was trained for "
            f"{skeleton.name!r}; calibrate on people of the same keypoints"
        )
    persons: list[Person] = []
    manifest = None
    if calib is not None:
        wanted = count if recipe.full else min(count, PARITY_PEOPLE, len(calib.for_training()))
        persons, manifest = calibration.choose(calib, wanted, seed, exclude)
    parts: list[tuple[bytes, Converted]] = []
    estimates = None
    for folder in folders:
        if parts and persons:
            # a later stage is calibrated on the crops that the converted stages before it will ask for
            before = Network(parts[-1][0], parts[-1][1].card, str(out), threads=2)
            estimates = cascade.predict([before.stage], persons, estimates=estimates)
        parts.append(_stage(folder, recipe, out, persons, manifest, estimates, decode, progress))
    (flatbuffer, first), *later = parts
    bundle.write_model(out, flatbuffer, first.card, [bundle.pack(data, done.card) for data, done in later])
    data, card = bundle.read_model(out)
    return replace(first, card=card, inspection=inspect_bytes(data, str(out)), later=tuple(done for _, done in later))


def _stage(
    folder: Path,
    recipe: Recipe,
    out: Path,
    persons: Sequence[Person],
    manifest: Calibration | None,
    estimates: np.ndarray | None,
    decode: bool,
    progress: Callable[[int], None] | None,
) -> tuple[bytes, Converted]:
    """One network: its flatbuffer, and what was found in it."""
    network = deployment(folder)
    boxes = cascade.windows(network.spec, np.array([p.box_xywh for p in persons]), estimates) if persons else None
    flatbuffer = to_flatbuffer(network, recipe, persons, boxes, progress)
    card = ModelCard(
        network.spec,
        Conversion(
            recipe=recipe.name,
            engine=f"TFLiteConverter of tensorflow {tf.__version__}",
            weights_sha256=bundle.sha256(folder / bundle.WEIGHTS),
            versions={"poseport": __version__, "tensorflow": tf.__version__, "keras": version("keras")},
            calibration=manifest if recipe.full else None,
        ),
    )
    inspection = inspect_bytes(bundle.pack(flatbuffer, card), str(out))
    verify(inspection, recipe, network.spec)
    if decode:
        flatbuffer, card = heads.decoded(flatbuffer, card)
        inspection = inspect_bytes(bundle.pack(flatbuffer, card), str(out))
    compared = None
    if boxes is not None:
        some = slice(PARITY_PEOPLE)
        ready = Network(flatbuffer, card, str(out), threads=2)
        compared = parity(network.model, ready, persons[some], progress, boxes[some], network.spec)
        check_parity(compared, recipe, out)
    return flatbuffer, Converted(out, card, inspection, compared)


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
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = getattr(tf, recipe.io)

        def representative() -> Iterator[dict[str, np.ndarray]]:
            for image in calibration.inputs(network.spec, persons, boxes_xywh):
                yield {"image": image}
                if progress is not None:
                    progress(1)

        converter.representative_dataset = representative
    with quiet():
        return bytes(converter.convert())


def verify(found: Inspection, recipe: Recipe, spec: PoseSpec) -> None:
    """ValueError when a file is not what its recipe promises. Each check is a failure seen in public models."""
    problems = []
    for tensor in (*found.inputs, *found.outputs):
        if tensor.dynamic or tensor.shape[:1] != (1,):
            problems.append(f"tensor {tensor.name} has shape {tensor.shape}, expected a fixed batch of 1")
    if not found.signatures:
        problems.append("no named signature")
    if "MUL" in found.op_counts:
        problems.append(f"{found.op_counts['MUL']} MUL left over: a batch normalisation did not fold")
    if recipe.weights == "int8" and not any("int8" in dtype for dtype in found.macs_by_dtype):
        problems.append("no weight is int8: TFLite leaves weights of fewer than 1,024 numbers in float")
    if recipe.full:
        if found.float_islands:
            held = sum(op.macs for op in found.float_islands)
            names = ", ".join(f"{op.kind} {op.name}" for op in found.float_islands[:3])
            problems.append(
                f"{len(found.float_islands)} operations compute in float and hold "
                f"{100 * held / max(found.macs, 1):.1f} % of the multiply-adds ({names})"
            )
        single = [op.name for op in found.ops if op.weights and op.weights.channels == 1 and op.weights.shape[0] > 1]
        if single:
            problems.append(f"weights with one scale for all channels: {', '.join(single[:3])}")
        for tensor in (*found.inputs, *found.outputs):
            if tensor.dtype != recipe.io:
                problems.append(f"tensor {tensor.name} is {tensor.dtype}, the recipe promises {recipe.io}")
    if recipe.io == "int8" and spec.byte_exact and not _is_byte(found):
        tensor = found.inputs[0]
        found_as = f"scale {tensor.scale}, zero point {tensor.zero_point}"
        problems.append(f"input has {found_as}, expected exactly pixel - 128 (scale 1/255, zero point -128)")
    if problems:
        faults = "; ".join(problems)
        raise ValueError(f"recipe {recipe.name} for {spec.name} came out wrong: {faults}; nothing was written")


def check_parity(compared: Parity, recipe: Recipe, out: Path) -> None:
    """ValueError when a float file differs from its network, or a quantized one has lost every peak."""
    if not recipe.full and recipe.weights != "int8" and compared.p99_px > FLOAT_LIMIT_PX:
        raise ValueError(
            f"{out}: keypoints differ from the Keras network by {compared.p99_px:.2f} px (99th percentile), "
            f"expected at most {FLOAT_LIMIT_PX}; nothing was written, please report this"
        )
    if not np.isfinite(compared.mean_px) or compared.tflite_score < 0.1 * compared.keras_score:
        raise ValueError(
            f"{out}: confidence collapsed from {compared.keras_score:.3f} to {compared.tflite_score:.3f} "
            f"in {recipe.name}; nothing was written; calibrate on more or other people, or take float16"
        )


def _is_byte(found: Inspection) -> bool:
    tensor = found.inputs[0]
    return tensor.zero_point == -128 and tensor.scale is not None and abs(tensor.scale * 255 - 1) < 1e-5


def summary(done: Converted) -> dict[str, Any]:
    """What the command prints, as plain data; macs: of all that runs for one person."""
    stages = (done, *done.later)
    shares = macs_per_person([(one.inspection, one.card.spec.crops_per_person) for one in stages])
    total = sum(shares.values())
    return {
        "file": str(done.path),
        "recipe": done.card.conversion.recipe,
        "bytes": done.inspection.bytes,
        "macs": total,
        "macs_share_by_dtype": {dtype: macs / max(total, 1) for dtype, macs in shares.items()},
        "ops": done.inspection.op_counts,
        "calibration_people": len(done.card.conversion.calibration.people) if done.card.conversion.calibration else 0,
        "parity": None if done.parity is None else vars(done.parity),
        "later": [
            {"ops": one.inspection.op_counts, "parity": None if one.parity is None else vars(one.parity)}
            for one in done.later
        ],
    }
