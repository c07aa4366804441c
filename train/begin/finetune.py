"""Begin a training from another network's weights: what is copied, and what is frozen at first.

Layers of the same name, kind and shape mean the same thing in two networks of a family. The exceptions are
the layers with a row per keypoint: the heads, and in a stacked network the layers that read a head's
heatmaps. Their rows are copied by the keypoints' names, so that a skeleton with other keypoints, or with
the same ones in another order, keeps the rows of the keypoints that both have.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport import bundle
from poseport.architecture import ImportedArchitecture, MobileNetArchitecture
from poseport.skeleton import Skeleton
from poseport.spec import PoseSpec
from poseport.train.networks import imported, mobilenet, models

# prefixes of the names of layers whose last axis is the keypoints, and suffixes of the layers that read it
_HEADS = ("heatmaps", "maps", "coords", "score", "simcc")
_READERS = ("_back_conv", "_maps_conv")
# DeepPose's layers after the trunk's last pooling
_DENSE = ("dense",)


@dataclass(frozen=True)
class Initial:
    """Where the first weights came from.

    Attributes:
        bundle: Name of the bundle or file.
        weights_sha256: Digest of its weights.
        copied: Number of arrays that were copied, wholly or in part.
        arrays: Number of arrays of the network.
        left: Names of the layers with an array, or a keypoint's part of one, that begins at random.
    """

    bundle: str
    weights_sha256: str
    copied: int
    arrays: int
    left: tuple[str, ...]

    def __str__(self) -> str:
        named = ", ".join(self.left[:6]) + (f" and {len(self.left) - 6} more" if len(self.left) > 6 else "")
        rest = f"; new, wholly or in part: {named}" if self.left else ""
        return f"weights of {self.bundle}: {self.copied} of {self.arrays} arrays copied{rest}"


def begun_from(directory: Path, arrays: int) -> Initial:
    """Record that a network has all its first weights from a bundle.

    Args:
        directory: The bundle.
        arrays: Number of arrays of the network.

    Returns:
        The record.
    """
    return Initial(Path(directory).name, bundle.weights_sha256(Path(directory)), arrays, arrays, ())


def copy_weights(model: Any, spec: PoseSpec, directory: Path) -> Initial:
    """Fill a network from a bundle as far as their layers agree.

    Args:
        model: The Keras model, changed in place.
        spec: Its spec.
        directory: The bundle.

    Returns:
        What was copied.

    Raises:
        ValueError: If `directory` is not a bundle, holds a network of another family, or no array fits.
    """
    old_spec, old_model = models.load(directory, keras)
    if old_spec.family != spec.family:
        raise ValueError(f"{directory}: holds a {old_spec.family}, whose weights do not fit a {spec.family}")
    if isinstance(old_spec.architecture, ImportedArchitecture):
        imported.fold_normalisation(old_model, old_spec, spec)
    sources = {layer.name: layer for layer in old_model.layers}
    copied, left = 0, []
    for layer in model.layers:
        source = sources.get(layer.name)
        old = source.get_weights() if source is not None and type(source) is type(layer) else []
        new = layer.get_weights()
        whole = len(old) == len(new)
        if whole:
            for i, value in enumerate(old):
                axis = _keypoint_axis(layer.name, value.ndim)
                if axis is not None:
                    fits, all_rows = _by_name(new[i], value, axis, spec.skeleton, old_spec.skeleton)
                else:
                    fits = all_rows = new[i].shape == value.shape
                    new[i] = value if fits else new[i]
                copied += fits
                whole &= all_rows
            layer.set_weights(new)
        if new and not whole:
            left.append(layer.name)
    if not copied:
        raise ValueError(f"{directory}: no array of {old_spec.name} fits {spec.name}; remove --init")
    return Initial(Path(directory).name, bundle.weights_sha256(directory), copied, len(model.weights), tuple(left))


def freeze_trunk(model: Any, spec: PoseSpec) -> None:
    """Freeze all layers but the heads; frozen batch normalisations use their moving statistics.

    Trained are: in an hourglass the heatmaps of every stack and the layers that map them back; in a pose machine
    the belief maps and the layers that read them; in DeepPose the dense layers; on a MobileNet all but the encoder.

    Args:
        model: The Keras model, changed in place.
        spec: Its spec.
    """
    on_mobilenet = isinstance(spec.architecture, MobileNetArchitecture)
    for layer in model.layers:
        if on_mobilenet:
            layer.trainable = not layer.name.startswith(mobilenet.ENCODER)
        else:
            layer.trainable = layer.name.startswith(_HEADS + _DENSE) or layer.name.endswith(_READERS)


def freeze_first(model: Any, count: int) -> None:
    """Freeze the first layers that have weights.

    Args:
        model: The Keras model, changed in place.
        count: Number of layers.

    Raises:
        ValueError: If the network has no more layers than that.
    """
    weighted = [layer for layer in model.layers if layer.weights]
    if count and count >= len(weighted):
        raise ValueError(f"freeze_first {count}: the network has {len(weighted)} layers with weights; give fewer")
    for layer in weighted[:count]:
        layer.trainable = False


def is_head(name: str) -> bool:
    """Whether a layer's outputs are keypoints.

    Args:
        name: Name of the layer.
    """
    return name.startswith(_HEADS)


def _keypoint_axis(name: str, dimensions: int) -> int | None:
    """The axis of a layer's array that runs over keypoints."""
    if is_head(name):
        return dimensions - 1
    return dimensions - 2 if name.endswith(_READERS) else None


def _by_name(new: np.ndarray, old: np.ndarray, axis: int, to: Skeleton, of: Skeleton) -> tuple[bool, bool]:
    """Copy into `new`, in place, the rows of keypoints with the same name; a keypoint may have several rows.

    Returns whether anything fitted, and whether all of `new` was filled.
    """
    if to.names == of.names and new.shape == old.shape:  # a pose machine's maps have the background as well
        new[...] = old
        return True, True
    new, old = np.moveaxis(new, axis, 0), np.moveaxis(old, axis, 0)
    width, rest = divmod(len(new), len(to))
    if rest or len(old) != width * len(of) or new.shape[1:] != old.shape[1:]:
        return False, False
    shared = [name for name in to.names if name in of.names]
    for name in shared:
        i, j = to.index(name) * width, of.index(name) * width
        new[i : i + width] = old[j : j + width]
    return bool(shared), len(shared) == len(to)
