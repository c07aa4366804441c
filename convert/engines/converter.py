"""TFLiteConverter: a frozen network -> the bare flatbuffer of a recipe that it can make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import tensorflow as tf

from poseport.command.quiet import quiet
from poseport.convert import calibration
from poseport.convert.graph import Deployment
from poseport.convert.recipes import Recipe
from poseport.data.people import Person


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
