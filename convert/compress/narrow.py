"""Remove channels: a narrower network of the same family begins with the most important channels of a trained one.

Layers that share channels keep the same ones: additions, depthwise convolutions and poolings have the same channels
before and after. The importance of a channel is the sum of the scales of the batch normalisations that it passes (Liu
et al. 2017). The result has to be trained again. It is faster on every device, unlike a network with zeros among its
weights.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport.architecture import Architecture, DeepPoseArchitecture, ForeignArchitecture, ImportedArchitecture
from poseport.convert.graph import frozen_graph
from poseport.spec import PoseSpec
from poseport.train import run_folder
from poseport.train.begin.finetune import begun_from
from poseport.train.networks import models
from poseport.train.record import Compression, read_record

layers = keras.layers


@dataclass(frozen=True)
class Narrowed:
    """A narrower bundle.

    Attributes:
        out: Its folder.
        parameters: Number of parameters before and after.
    """

    out: Path
    parameters: tuple[int, int]


def narrow(folder: Path, width: float, out: Path) -> Narrowed:
    """Write the bundle of a narrower network, filled from a trained one.

    Args:
        folder: The bundle.
        width: The architecture's new `width`.
        out: The folder of the new bundle; it must not exist.

    Returns:
        The new bundle.

    Raises:
        ValueError: If the width is not smaller, is not a whole number where it counts channels, or `out` exists.
    """
    run_folder.check_new(out)
    spec, old = frozen_graph.load(folder)
    narrower = _with_width(spec, width)
    new = models.build(narrower, keras)
    copy_channels(old, new)
    made = replace(
        read_record(Path(folder)),
        parameters=int(new.count_params()),
        initial=begun_from(folder, len(new.weights)),
        epochs_done=0,
        seconds=0.0,
        best=None,
        compression=Compression("narrowed", width),
    )
    run_folder.write_bundle(out, narrower, new, made)
    return Narrowed(out, (int(old.count_params()), int(new.count_params())))


def copy_channels(old: Any, new: Any) -> None:
    """Fill a Keras network with the most important channels of a wider one that has the same layers.

    Args:
        old: The wider network.
        new: The network to fill, in place.
    """
    groups = _groups(old)
    counts: dict[int, Any] = {}
    for layer in old.layers:
        group = groups[id(layer.output)]
        if isinstance(layer, layers.BatchNormalization):
            counts[group] = counts.get(group, 0) + np.abs(layer.get_weights()[0])
        elif isinstance(layer, layers.Dense):
            counts[group] = np.linalg.norm(layer.get_weights()[0], axis=0)
    kept = {groups[id(old.input)]: np.arange(old.input.shape[-1])}
    wide = {groups[id(old.input)]: old.input.shape[-1]}
    for layer in new.layers:
        if _makes_channels(layer):
            group = groups[id(old.get_layer(layer.name).output)]
            wide[group], left = old.get_layer(layer.name).output.shape[-1], layer.output.shape[-1]
            kept[group] = (
                np.sort(np.argsort(-counts[group], kind="stable")[:left]) if left < wide[group] else np.arange(left)
            )
    for layer in new.layers:
        source = old.get_layer(layer.name)
        arrays = source.get_weights()
        if not arrays:
            continue
        after = kept[groups[id(source.output)]]
        if _makes_channels(layer):
            group = groups[id(source.input)]
            kernel, *bias = arrays
            # a flattened map repeats all its channels for every cell
            places = np.arange(kernel.shape[-2] // wide[group])[:, None] * wide[group]
            arrays = [kernel[..., (places + kept[group]).ravel(), :][..., after], *(b[after] for b in bias)]
        elif isinstance(layer, layers.DepthwiseConv2D):
            arrays = [arrays[0][:, :, after]]
        else:
            arrays = [array[after] for array in arrays]
        layer.set_weights(arrays)


def _makes_channels(operation: Any) -> bool:
    depthwise = isinstance(operation, layers.DepthwiseConv2D)
    return isinstance(operation, layers.Conv2D | layers.Dense) and not depthwise


def _groups(model: Any) -> dict[int, int]:
    """Map the id of every tensor to the number of its group; the tensors of a group have the same channels."""
    member: dict[int, int] = {}
    for number, operation in enumerate(model.operations):
        member[id(operation.output)] = number
        if isinstance(operation, layers.InputLayer | layers.Concatenate) or _makes_channels(operation):
            continue
        joined = {member[id(tensor)] for tensor in keras.tree.flatten(operation.input)}
        member.update({tensor: number for tensor, group in member.items() if group in joined})
    return member


def _with_width(spec: PoseSpec, width: float) -> PoseSpec:
    a = spec.architecture
    assert not isinstance(a, ForeignArchitecture)  # its bundle could not be loaded
    if isinstance(a, ImportedArchitecture):
        raise ValueError(f"{spec.name} was imported, and its graph has no width to change; use prune or cluster")
    if width >= a.width:
        raise ValueError(f"--width {width:g}: {spec.name} has width {a.width:g}; give a smaller one")
    narrower: Architecture
    if isinstance(a, DeepPoseArchitecture):
        narrower = replace(a, width=width)
    elif width == int(width):
        narrower = replace(a, width=int(width))
    else:
        raise ValueError(f"--width {width:g}: {spec.name} takes a whole number of channels, such as {a.width * 3 // 4}")
    return replace(spec, architecture=narrower)
