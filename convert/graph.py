"""A bundle's network as a frozen batch-1 graph with one named output: what is deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from poseport.spec import PoseSpec
from poseport.train.networks import models


@dataclass(frozen=True, eq=False)
class Deployment:
    """spec and Keras network of a bundle; function: its frozen graph; module: what owns the function."""

    spec: PoseSpec
    model: Any
    function: Any
    module: Any


def deployment(directory: Path) -> Deployment:
    """Load a bundle and freeze it; ValueError when it is not one, or its weights do not fit its spec."""
    spec, model = load(directory)
    return freeze(spec, model, lambda image: model(image, training=False))


def load(directory: Path) -> tuple[PoseSpec, Any]:
    """Spec and Keras network of a bundle; ValueError as `deployment` raises it."""
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on {keras.backend.backend()} in this process and conversion needs it on tensorflow; "
            "convert in a process of its own, with KERAS_BACKEND=tensorflow"
        )
    return models.load(directory, keras)


def freeze(spec: PoseSpec, model: Any, call: Callable[[Any], Any]) -> Deployment:
    """A network as a graph of constants. call: images to the outputs of `model`, of which the last is deployed.

    Freezing comes before conversion: a graph that still has variables converts to a file that reads
    them from nowhere and gives NaN. Wrapping the frozen graph once more keeps a signature, which
    conversion of a bare frozen graph loses.
    """
    signature = tf.TensorSpec((1, *spec.input_hw, 3), tf.float32, name="image")

    def network(image: Any) -> Any:
        outputs = call(image)
        return outputs[-1] if isinstance(outputs, list | tuple) else outputs

    frozen = convert_variables_to_constants_v2(tf.function(network).get_concrete_function(signature))
    module = tf.Module()
    module.serve = tf.function(lambda image: {spec.output_name: frozen(image)[0]}, input_signature=[signature])
    return Deployment(spec, model, module.serve.get_concrete_function(), module)
