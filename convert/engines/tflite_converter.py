"""TFLiteConverter: makes flatbuffers from a frozen network."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from tensorflow.lite.python.convert_phase import ConverterError

from poseport.convert import calibration
from poseport.convert.calibration import CalibrationCrops
from poseport.convert.graph.frozen_graph import FrozenNetwork
from poseport.convert.recipes import Recipe
from poseport.people.detector_spec import DetectorSpec
from poseport.spec import PoseSpec
from poseport.tflite.quiet import quiet


def convert(
    network: FrozenNetwork[PoseSpec] | FrozenNetwork[DetectorSpec],
    recipe: Recipe,
    crops: CalibrationCrops | None = None,
    progress: Callable[[int], None] | None = None,
) -> bytes:
    """Convert a network.

    Args:
        network: The frozen network.
        recipe: A recipe without percentiles.
        crops: The calibration crops; only recipes with calibrated ranges use them.
        progress: Called with 1 for each crop.

    Returns:
        The bare flatbuffer, without a card.

    Raises:
        ValueError: If the converter refuses the network, in one line; or if a photo cannot be read.
    """
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.function], network.module)
    if recipe.weights != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.weights == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if recipe.full:
        # not in its public interface, but the only way to one scale per tensor
        converter._experimental_disable_per_channel = not recipe.per_channel
        converter.inference_input_type = converter.inference_output_type = getattr(tf, recipe.io)
    if recipe.calibrated:
        assert crops is not None
        ops = tf.lite.OpsSet
        wide = recipe.activations == "int16"
        converter.target_spec.supported_ops = [
            ops.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 if wide else ops.TFLITE_BUILTINS_INT8
        ]

        def representative() -> Iterator[dict[str, np.ndarray]]:
            for image in calibration.inputs(network.spec, crops):
                yield {"image": image}
                if progress is not None:
                    progress(1)

        converter.representative_dataset = representative
    try:
        with quiet():
            return bytes(converter.convert())
    except (ConverterError, RuntimeError, tf.errors.OpError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ValueError(f"TFLiteConverter cannot make {recipe.name} of {network.spec.name}: {reason}") from None
