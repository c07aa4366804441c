"""Build or load the network of a spec: one branch per family."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import h5py

from poseport import bundle
from poseport.architecture import (
    CpmArchitecture,
    DeepPoseArchitecture,
    HourglassArchitecture,
    ImportedArchitecture,
    MobileNetArchitecture,
)
from poseport.spec import PoseSpec
from poseport.train.networks import cpm, deeppose, hourglass, imported, mobilenet


def build(spec: PoseSpec, keras: Any) -> Any:
    """Build the network of a spec as a Keras model. If it has several outputs, the last one is deployed.

    Args:
        spec: The network's spec.
        keras: The module to build with, `keras` (3) or `tf_keras`.

    Returns:
        A Keras model: (N, H, W, 3) float32 -> one or several (N, ...) float32 outputs.

    Raises:
        ValueError: If the spec describes a foreign network.
    """
    ignore_user_settings(keras)
    if isinstance(spec.architecture, HourglassArchitecture):
        return hourglass.build(spec, keras)
    if isinstance(spec.architecture, CpmArchitecture):
        return cpm.build(spec, keras)
    if isinstance(spec.architecture, DeepPoseArchitecture):
        return deeppose.build(spec, keras)
    if isinstance(spec.architecture, MobileNetArchitecture):
        return mobilenet.build(spec, keras)
    if isinstance(spec.architecture, ImportedArchitecture):
        return imported.build(spec, keras)
    raise ValueError(
        f"{spec.name}: a foreign network is known by its .tflite file alone; it cannot be built or trained"
    )


def ignore_user_settings(keras: Any) -> None:
    """Use float32 and channels last, whatever a user's ~/.keras/keras.json says.

    Args:
        keras: `keras` (3) or `tf_keras`.
    """
    keras.backend.set_floatx("float32")
    keras.backend.set_image_data_format("channels_last")


def load(directory: Path, keras: Any) -> tuple[PoseSpec, Any]:
    """Load the spec and the network of a bundle.

    Args:
        directory: The bundle.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        The spec, and the Keras model with the bundle's weights.

    Raises:
        ValueError: If the directory is not a bundle, or its weights do not fit its spec.
    """
    spec = bundle.read_spec(directory)
    model = build(spec, keras)
    load_weights(model, directory)
    return spec, model


def load_weights(model: Any, directory: Path) -> None:
    """Load the weights of a bundle into the network that its spec describes.

    Args:
        model: The Keras model.
        directory: The bundle.

    Raises:
        ValueError: If the weights do not fit.
    """
    path = Path(directory) / bundle.WEIGHTS
    try:
        stored = _count_stored(path)
        if stored != len(model.weights):
            # Keras itself loads the file of a larger network into a smaller one without an error
            raise ValueError(f"{stored} arrays for a network of {len(model.weights)}")
        with warnings.catch_warnings(action="ignore"):  # Keras names every container that a wrong spec has beside it
            model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError, RuntimeError, IndexError, OverflowError) as error:
        first = (str(error).strip().splitlines() or ["unknown reason"])[0]
        raise ValueError(
            f"{path}: the weights do not fit {bundle.SPEC} beside them ({first[:160]}); "
            "train again, or restore the pair"
        ) from None


def _count_stored(path: Path) -> int:
    """Count the layers' arrays in a weights file, without those of the optimizer and of random states."""
    names: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return sum(name.startswith("layers/") and "seed_generator" not in name for name in names)
