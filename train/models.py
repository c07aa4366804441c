"""Spec -> network. One branch a family."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poseport import bundle
from poseport.spec import HourglassArchitecture, PoseSpec
from poseport.train import deeppose, hourglass


def build(spec: PoseSpec, keras: Any) -> Any:
    """The network of a spec as a Keras model; of several outputs the last is deployed.

    keras: the module to build with, `keras` (3) or `tf_keras`.
    """
    if isinstance(spec.architecture, HourglassArchitecture):
        return hourglass.build(spec, keras)
    return deeppose.build(spec, keras)


def load(directory: Path, keras: Any) -> tuple[PoseSpec, Any]:
    """Spec and network of a bundle, weights loaded; ValueError when they do not fit each other."""
    spec = bundle.read_spec(directory)
    model = build(spec, keras)
    path = Path(directory) / bundle.WEIGHTS
    try:
        model.load_weights(path)
    except (ValueError, OSError, KeyError, TypeError) as error:
        first = (str(error).strip().splitlines() or ["unknown reason"])[0]
        raise ValueError(
            f"{path}: the weights do not fit {bundle.SPEC} beside them ({first[:160]}); "
            "train again, or restore the pair"
        ) from None
    return spec, model
