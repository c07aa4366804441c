"""A bundle's network as a frozen batch-1 graph with named outputs: what is deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from poseport.convert.float_file import Spec
from poseport.outputs.tensors import slices
from poseport.people.detector_spec import DetectorSpec
from poseport.spec import PoseSpec
from poseport.train.networks import models


@dataclass(frozen=True, eq=False)
class FrozenNetwork(Generic[Spec]):
    """A network whose weights are constants of its graph.

    Attributes:
        spec: The bundle's spec.
        model: The Keras network.
        function: The concrete function, (1, H, W, 3) float32 `image` to the named outputs.
        module: The `tf.Module` that owns the function.
    """

    spec: Spec
    model: Any
    function: Any
    module: Any


def load_frozen(directory: Path) -> FrozenNetwork[PoseSpec]:
    """Load a bundle and freeze its network.

    Args:
        directory: The bundle.

    Returns:
        The frozen network.

    Raises:
        ValueError: If the folder is not a bundle, its weights do not fit its spec, or Keras runs on another backend
            than TensorFlow.
    """
    spec, model = load(directory)
    return freeze(spec, model, lambda image: model(image, training=False))


def load(directory: Path) -> tuple[PoseSpec, Any]:
    """Load the spec and the Keras network of a bundle.

    Args:
        directory: The bundle.

    Returns:
        The spec and the Keras model.

    Raises:
        ValueError: As `load_frozen` does.
    """
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            f"Keras runs on {keras.backend.backend()} in this process, and conversion needs TensorFlow; "
            "convert in a separate process with KERAS_BACKEND=tensorflow"
        )
    return models.load(directory, keras)


def freeze(spec: Spec, model: Any, call: Callable[[Any], Any]) -> FrozenNetwork[Spec]:
    """Turn a network into a graph of constants.

    Freezing comes before conversion, because a graph that still has variables converts to a file without their
    values, which gives NaN. Wrapping the frozen graph once more keeps a signature, which the conversion of a bare
    frozen graph loses.

    Args:
        spec: The network's spec.
        model: The Keras network, kept for comparisons.
        call: Maps images (1, H, W, 3) to the outputs of `model`, of which the last is deployed.

    Returns:
        The frozen network.
    """
    signature = tf.TensorSpec((1, *spec.input_hw, 3), tf.float32, name="image")

    def network(image: Any) -> Any:
        outputs = call(image)
        return outputs[-1] if isinstance(outputs, list | tuple) else outputs

    frozen = convert_variables_to_constants_v2(tf.function(network).get_concrete_function(signature))
    module = tf.Module()
    module.serve = tf.function(
        lambda image: _named(spec, frozen(image)[0]), input_signature=[signature], autograph=False
    )
    return FrozenNetwork(spec, model, module.serve.get_concrete_function(), module)


def _named(spec: PoseSpec | DetectorSpec, raw: Any) -> dict[str, Any]:
    """The outputs of a file: the network's own, or its parts where the spec gives each tensor a name."""
    if not isinstance(spec, PoseSpec) or len(spec.output_tensors) == 1:
        return {spec.output_name: raw}
    return {tensor.name: raw[..., place] for tensor, place in slices(spec)}
