"""Spec -> network. One branch a family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py

from poseport import bundle
from poseport.architecture import CpmArchitecture, DeepPoseArchitecture, HourglassArchitecture, MobileNetArchitecture
from poseport.spec import PoseSpec
from poseport.train.networks import cpm, deeppose, hourglass, mobilenet


def build(spec: PoseSpec, keras: Any) -> Any:
    """The network of a spec as a Keras model; of several outputs the last is deployed.

    keras: the module to build with, `keras` (3) or `tf_keras`.
    """
    if isinstance(spec.architecture, HourglassArchitecture):
        return hourglass.build(spec, keras)
    if isinstance(spec.architecture, CpmArchitecture):
        return cpm.build(spec, keras)
    if isinstance(spec.architecture, DeepPoseArchitecture):
        return deeppose.build(spec, keras)
    if isinstance(spec.architecture, MobileNetArchitecture):
        return mobilenet.build(spec, keras)
    raise ValueError(
        f"{spec.name}: a foreign network is known by its .tflite file alone; it cannot be built or trained"
    )


def load(directory: Path, keras: Any) -> tuple[PoseSpec, Any]:
    """Spec and network of a bundle, weights loaded; ValueError when they do not fit each other."""
    spec = bundle.read_spec(directory)
    model = build(spec, keras)
    path = Path(directory) / bundle.WEIGHTS
    try:
        stored = _count_stored(path)
        if stored != len(model.weights):
            # Keras itself loads a larger network's file into a smaller network without a word
            raise ValueError(f"{stored} arrays for a network of {len(model.weights)}")
        model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError) as error:
        first = (str(error).strip().splitlines() or ["unknown reason"])[0]
        raise ValueError(
            f"{path}: the weights do not fit {bundle.SPEC} beside them ({first[:160]}); "
            "train again, or restore the pair"
        ) from None
    return spec, model


def _count_stored(path: Path) -> int:
    """Arrays of layers in a weights file, without optimizer and random states."""
    names: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) else None)
    return sum(name.startswith("layers/") and "seed_generator" not in name for name in names)
