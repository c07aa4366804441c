"""AI Edge Quantizer: quantizes a float32 flatbuffer layer by layer.

TFLiteConverter takes the widest value of any person as an activation's range, and quantizes every layer or none. Here
poseport measures the ranges in one pass over the float file, and each operation gets its own type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from poseport.convert.calibration import CalibrationCrops
from poseport.convert.engines import bias, quantizer, ranges
from poseport.convert.engines.file_layers import Layer, layers_by_name, layers_of, op_types
from poseport.convert.float_file import FloatFile
from poseport.convert.recipes import Recipe
from poseport.people.detector_spec import DetectorSpec
from poseport.spec import PoseSpec
from poseport.tflite.card import BudgetSearch


@dataclass(frozen=True)
class Quantized:
    """The result of an engine.

    Attributes:
        flatbuffer: The bare flatbuffer, without a card.
        recipe: Its recipe, which a budget search chooses.
        kept: The layers that are not int8.
        budget: The budget search that chose it, if any.
        ends: Types of its input and output tensors; None: those that its recipe names.
    """

    flatbuffer: bytes
    recipe: Recipe
    kept: tuple[Layer, ...] = ()
    budget: BudgetSearch | None = None
    ends: tuple[str, str] | None = None


def calibrated(
    float_file: bytes,
    measured: ranges.MeasuredRanges,
    percentile: float,
    types: Mapping[str, str],
    ends: tuple[str, str],
    *,
    per_channel: bool = True,
) -> bytes:
    """Quantize each operation of a float file to its own type, and take back what rounding does to its means.

    Args:
        float_file: The float32 file.
        measured: What the calibration people showed.
        percentile: That at which ranges are clipped.
        types: As `quantizer.quantize` takes them.
        ends: The same.
        per_channel: The same.

    Raises:
        ValueError: If the quantizer is not installed, or refuses the file.
    """
    made = quantizer.quantize(float_file, measured.at(percentile), types, ends, per_channel=per_channel)
    return bias.correct(made, float_file, measured.means)


def convert(
    network: FloatFile[PoseSpec] | FloatFile[DetectorSpec],
    recipe: Recipe,
    crops: CalibrationCrops,
    keep: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Quantized:
    """Quantize a network that is a float32 flatbuffer.

    Args:
        network: The network.
        recipe: The recipe; without a percentile, the ranges are chosen by `ranges.least_moved`.
        crops: The calibration crops.
        keep: Names of the layers of a mixed recipe that are not int8.
        progress: Called with 1 for each crop.

    Returns:
        The file, its recipe and the layers kept.

    Raises:
        ValueError: If there is no such layer, or the quantizer is not installed or refuses the file.
    """
    layers = layers_of(network.body)
    if not recipe.full:
        ops = [layer.ops[0] for layer in layers if layer.macs]
        return Quantized(quantizer.store_weights(network.flatbuffer, ops, recipe.weights), recipe)
    kept = layers_by_name(layers, keep)
    types = op_types(layers, kept, recipe.kept, recipe.activations)
    measured = ranges.measure_ranges(network.flatbuffer, network.spec, crops, progress)
    ends = network.ends_of(recipe, [op for layer in kept for op in layer.ops])

    def at(percentile: float) -> bytes:
        return calibrated(network.flatbuffer, measured, percentile, types, ends, per_channel=recipe.per_channel)

    if recipe.percentile is not None:
        data = at(recipe.percentile)
    elif isinstance(network.spec, DetectorSpec):
        data = at(100)  # no keypoints to choose by
    else:
        data = ranges.least_moved(network.spec, network.flatbuffer, crops, at)
    return Quantized(data, recipe, kept, ends=ends)
