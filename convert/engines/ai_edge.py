"""AI Edge Quantizer: quantizes a float32 flatbuffer layer by layer.

TFLiteConverter takes the widest value of any person as an activation's range, and quantizes every layer or none. Here
poseport measures the ranges in one pass over the float file, and each operation gets its own type.
"""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from poseport.convert import calibration, recipes
from poseport.convert.calibration import CalibrationCrops
from poseport.convert.doctor.runtimes import oldest_runtime
from poseport.convert.engines import tflite_converter
from poseport.convert.engines.file_layers import Layer, layers_by_name, layers_of, op_types
from poseport.convert.frozen_graph import FrozenNetwork
from poseport.convert.recipes import Recipe
from poseport.spec import PoseSpec
from poseport.tflite.card import BudgetSearch
from poseport.tflite.inspection import inspect_bytes
from poseport.tflite.interpreter import Runner
from poseport.tflite.quiet import quiet

Ranges = dict[str, tuple[float, float]]

# The version of each operation that takes integers (schema.fbs, op_version.cc). The quantizer leaves the number of the
# float version, with which an old runtime would load a file that it cannot compute.
_INTEGER_VERSION = {
    "ADD": 2, "AVERAGE_POOL_2D": 2, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 3, "DEQUANTIZE": 2,
    "FULLY_CONNECTED": 4, "LOGISTIC": 2, "MAX_POOL_2D": 2, "MEAN": 2, "MUL": 2, "PAD": 2, "QUANTIZE": 2,
    "RESIZE_BILINEAR": 2, "RESIZE_NEAREST_NEIGHBOR": 2, "SUB": 2, "TRANSPOSE": 2,
}  # fmt: skip


@dataclass(frozen=True)
class Quantized:
    """The result of an engine.

    Attributes:
        flatbuffer: The bare flatbuffer, without a card.
        recipe: Its recipe, which a budget search chooses.
        kept: The layers that are not int8.
        budget: The budget search that chose it, if any.
    """

    flatbuffer: bytes
    recipe: Recipe
    kept: tuple[Layer, ...] = ()
    budget: BudgetSearch | None = None


def convert(
    network: FrozenNetwork,
    recipe: Recipe,
    crops: CalibrationCrops,
    keep: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Quantized:
    """Convert a network through its float32 flatbuffer.

    Args:
        network: The frozen network.
        recipe: A recipe with a percentile.
        crops: The calibration crops.
        keep: Names of the layers of a mixed recipe that are not int8.
        progress: Called with 1 for each crop.

    Returns:
        The file, its recipe and the layers kept.

    Raises:
        ValueError: If there is no such layer, or the quantizer is not installed or refuses the file.
    """
    assert recipe.percentile is not None
    float_file = tflite_converter.convert(network, recipes.recipe("float32"))
    all_layers = layers_of(inspect_bytes(float_file, "float32"))
    kept = layers_by_name(all_layers, keep)
    ranges = activation_ranges(float_file, network.spec, crops, recipe.percentile, progress)
    return Quantized(quantize(float_file, ranges, op_types(all_layers, kept, recipe.kept), recipe.io), recipe, kept)


def version() -> str:
    """The version of the quantizer's package."""
    return importlib.metadata.version("litert-quantizer")


def activation_ranges(
    flatbuffer: bytes,
    spec: PoseSpec,
    crops: CalibrationCrops,
    percentile: float,
    progress: Callable[[int], None] | None = None,
) -> Ranges:
    """Measure the range of every activation of a float file.

    Each crop has a lowest and a highest value; the percentile over the crops is taken, so that one unusual photo does
    not cost a bit of resolution on all others. Input and output keep the widest range, because peaks are read there.

    Args:
        flatbuffer: The float32 file.
        spec: Its network's spec.
        crops: The crops to run.
        percentile: In [50, 100]; 100 takes the widest range.
        progress: Called with 1 for each crop.

    Returns:
        Tensor name -> (lowest, highest).

    Raises:
        ValueError: If the network computes values that are not finite.
    """
    runner = Runner(flatbuffer, "float32", threads=2, keep=True)
    inspection = inspect_bytes(flatbuffer, "float32")
    tensors = inspection.tensors
    computed = [i for i, tensor in enumerate(tensors) if tensor.dtype == "float32" and not tensor.constant]
    lows, highs = [], []
    for image in calibration.inputs(spec, crops):
        low_each, high_each = calibration.extremes(runner, image, computed)
        lows.append(low_each)
        highs.append(high_each)
        if progress is not None:
            progress(1)
    infinite = ~(np.isfinite(lows) & np.isfinite(highs)).all(axis=0)
    if infinite.any():
        name = tensors[computed[int(infinite.argmax())]].name
        raise ValueError(f"{spec.name}: {name} takes values that are not finite (NaN or infinity); train it again")
    low, high = np.percentile(lows, 100 - percentile, axis=0), np.percentile(highs, percentile, axis=0)
    at_the_ends = [tensors[i] in (*inspection.inputs, *inspection.outputs) for i in computed]
    low, high = np.where(at_the_ends, np.min(lows, axis=0), low), np.where(at_the_ends, np.max(highs, axis=0), high)
    return {tensors[i].name: (float(a), float(b)) for i, a, b in zip(computed, low, high, strict=True)}


def quantize(flatbuffer: bytes, ranges: Ranges, types: Mapping[str, str], io: str) -> bytes:
    """Quantize each operation of a float file to its own type.

    Args:
        flatbuffer: The float32 file.
        ranges: Tensor name -> (lowest, highest), of every activation.
        types: Name of an operation's output tensor -> int8, int16 (activations; its weights are int8) or float32; an
            operation that is not named stays float32.
        io: Type of the input and output tensors, int8 or float32.

    Returns:
        The quantized flatbuffer.

    Raises:
        ValueError: If the quantizer is not installed, or refuses the file.
    """
    try:
        from litert_quantizer import qtyping, quantizer
    except ImportError:
        raise ValueError(
            "this recipe is made by the AI Edge Quantizer; run `pip install litert-quantizer` or use recipe int8"
        ) from None
    names = qtyping.TFLOperationName
    engine = quantizer.Quantizer(flatbuffer)
    for name, dtype in types.items():
        if dtype != "float32":
            # a pattern of the names of output tensors, each with a semicolon; one that matches none raises no error
            bits = {"int8": 8, "int16": 16}[dtype]
            engine.add_static_config(f"^{re.escape(name)};$", names.ALL_SUPPORTED, bits, 8)
    for end in (names.INPUT, names.OUTPUT):  # last, because the patterns above match these tensors too
        if io == "float32":
            engine.update_quantization_recipe(".*", end, algorithm_key=quantizer.AlgorithmName.NO_QUANTIZE)
        else:
            engine.add_static_config(".*", end, 8, 8)
    shape = (1, 1, 1, 1)
    statistics = {
        name: {"min": np.full(shape, a, np.float32), "max": np.full(shape, b, np.float32)}
        for name, (a, b) in ranges.items()
    }
    try:
        with quiet():
            done = engine.quantize(statistics, enable_progress_bar=False, enable_progress_report=False)
    except (RuntimeError, ValueError, KeyError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"the AI Edge Quantizer refuses the float32 file: {reason}") from None
    return _with_versions(bytes(done.quantized_model))


def _with_versions(flatbuffer: bytes) -> bytes:
    """Correct the versions of the operations and the oldest runtime noted in the file."""
    from ai_edge_litert.tools import flatbuffer_utils

    inspection = inspect_bytes(flatbuffer, "quantized file")
    model = flatbuffer_utils.read_model_from_bytearray(bytearray(flatbuffer))
    needed: list[tuple[int, ...]] = []
    for op, raw in zip(inspection.ops, model.subgraphs[0].operators, strict=True):
        code = model.operatorCodes[raw.opcodeIndex]
        if "int" in op.dtype and op.dtype.split()[0] != "float32":
            code.version = max(code.version, _INTEGER_VERSION.get(op.kind, code.version))
        needed.append(oldest_runtime(op.kind, code.version) or ())
    for entry in model.metadata or []:
        if entry.name == b"min_runtime_version":
            text = ".".join(map(str, [*max(needed), 0, 0][:3]))
            model.buffers[entry.buffer].data = np.frombuffer(text.encode().ljust(16, b"\0"), np.uint8)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))
