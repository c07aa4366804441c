"""Check that a converted file is what its recipe says: types, scales, operations, and keypoints."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from poseport.architecture import ForeignArchitecture, ImportedArchitecture
from poseport.convert.recipes import Recipe
from poseport.convert.verify.parity import Parity
from poseport.people.detector_spec import DetectorSpec
from poseport.spec import PoseSpec
from poseport.tflite.inspection import Inspection

# A float file farther than this from the network that it was made from is not the same network.
FLOAT_LIMIT_PX = 0.5


def check_recipe(
    inspection: Inspection,
    recipe: Recipe,
    spec: PoseSpec | DetectorSpec,
    kept: Collection[str] = (),
    *,
    outside: Collection[str] = (),
    ends: tuple[str, str] | None = None,
) -> None:
    """Check the operations and tensors that an engine wrote. Each check is a failure found in public models.

    Args:
        inspection: What is in the flatbuffer.
        recipe: The recipe of the file.
        spec: The network's spec.
        kept: Names of the output tensors of the operations that a mixed recipe keeps from being int8.
        outside: The same of operations that no recipe changes: normalisation and decoding inside a file of others.
        ends: Types of the input and output tensors; None: those that the recipe names.

    Raises:
        ValueError: If the file is not what its recipe says; names every fault.
    """
    problems = []
    for tensor in (*inspection.inputs, *inspection.outputs):
        if tensor.dynamic or tensor.shape[:1] != (1,):
            problems.append(f"tensor {tensor.name} has shape {tensor.shape}, expected a fixed batch of 1")
    if not inspection.signatures:
        problems.append("no named signature")
    theirs = isinstance(spec.architecture, ImportedArchitecture | ForeignArchitecture)
    if "MUL" in inspection.op_counts and not theirs:  # a network of others may have its own ones
        problems.append(f"{inspection.op_counts['MUL']} MUL left over: a batch normalisation did not fold")
    if recipe.weights == "int8" and not any("int8" in dtype for dtype in inspection.macs_by_dtype):
        problems.append("no weight is int8: TFLite leaves weights of fewer than 1,024 numbers in float")
    if recipe.full:
        ends = ends or (recipe.io, recipe.io)
        inner = replace(inspection, ops=tuple(op for op in inspection.ops if op.name not in outside))
        problems += _wrong_types(inner, recipe, kept) + _wrong_scales(inspection, recipe)
        for tensors, wanted in zip((inspection.inputs, inspection.outputs), ends, strict=True):
            problems += [f"tensor {t.name} is {t.dtype}, expected {wanted}" for t in tensors if t.dtype != wanted]
    if recipe.full and ends and ends[0] == "int8" and spec.byte_exact and not _is_byte(inspection):
        tensor = inspection.inputs[0]
        problems.append(
            f"input has scale {tensor.scale}, zero point {tensor.zero_point}, expected exactly pixel - 128 "
            "(scale 1/255, zero point -128)"
        )
    if problems:
        faults = "; ".join(problems)
        raise ValueError(f"recipe {recipe.name} for {spec.name} came out wrong: {faults}; nothing was written")


def _wrong_types(inspection: Inspection, recipe: Recipe, kept: Collection[str]) -> list[str]:
    """Operations that do not compute in the type that the recipe gives them."""
    problems = []
    islands = [op for op in inspection.float_islands if recipe.kept != "float32" or op.name not in kept]
    if islands:
        held = sum(op.macs for op in islands)
        names = ", ".join(f"{op.kind} {op.name}" for op in islands[:3])
        problems.append(
            f"{len(islands)} operations compute in float and hold "
            f"{100 * held / max(inspection.macs, 1):.1f} % of the multiply-adds ({names})"
        )
    inner = [op for op in inspection.ops if op not in islands and op.kind not in ("QUANTIZE", "DEQUANTIZE")]
    for op in inner:
        wanted = recipe.kept if op.name in kept else recipe.activations
        dtype = op.dtype.split()[-1]
        if dtype in ("int8", "int16", "float32") and dtype != wanted:
            problems.append(f"{op.kind} {op.name} computes in {dtype}, expected {wanted}")
    missing = set(kept) - {op.name for op in inner}
    if missing:
        problems.append(f"no operation {min(missing)}, which the recipe keeps in {recipe.kept}")
    return problems


def _wrong_scales(inspection: Inspection, recipe: Recipe) -> list[str]:
    """Integer weights with one scale where the recipe gives each channel a scale, or the other way round."""
    weights = [(op.name, op.weights) for op in inspection.ops if op.weights and op.weights.dtype == "int8"]
    if recipe.per_channel:
        single = [name for name, w in weights if w.channels == 1 and w.shape[0] > 1]
        return [f"weights with one scale for all channels: {', '.join(single[:3])}"] if single else []
    many = [name for name, w in weights if w.channels != 1]
    return [f"weights with one scale per channel: {', '.join(many[:3])}"] if many else []


def check_parity(compared: Parity, recipe: Recipe, out: Path) -> None:
    """Check the keypoints of a file against those of the float network that it was made from.

    Args:
        compared: The comparison.
        recipe: The recipe of the file.
        out: The file, for messages.

    Raises:
        ValueError: If the float network itself gives numbers that are not finite, a float file differs from it, or a
            quantized file has lost its peaks.
    """
    if not np.isfinite(compared.keras_score):
        raise ValueError(
            f"{out}: the float network gives values that are not finite (NaN or infinity); nothing was written; train "
            "it again"
        )
    if not recipe.full and recipe.weights != "int8" and compared.p99_px > FLOAT_LIMIT_PX:
        raise ValueError(
            f"{out}: keypoints differ from the float network by {compared.p99_px:.2f} px (99th percentile), "
            f"expected at most {FLOAT_LIMIT_PX}; nothing was written, please report this"
        )
    if not np.isfinite(compared.mean_px) or compared.tflite_score < 0.1 * compared.keras_score:
        raise ValueError(
            f"{out}: confidence collapsed from {compared.keras_score:.3f} to {compared.tflite_score:.3f} "
            f"in {recipe.name}; nothing was written; calibrate on more or other people, or use float16"
        )


def _is_byte(inspection: Inspection) -> bool:
    tensor = inspection.inputs[0]
    return tensor.zero_point == -128 and tensor.scale is not None and abs(tensor.scale * 255 - 1) < 1e-5
