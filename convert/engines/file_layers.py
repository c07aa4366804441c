"""The layers of a float file, each of which a mixed recipe can keep out of int8."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from poseport.command.parameters import nearest_first
from poseport.tflite.inspection import Inspection, OpInfo

# as many names an error lists: a network has dozens
_LISTED = 8


@dataclass(frozen=True)
class Layer:
    """A convolution or dense layer with the operations that follow it up to the next one: addition, pooling, resizing.

    Attributes:
        name: The layer's name in Keras, or that of its result where two layers have the same.
        ops: Names of the output tensors of its operations.
        macs: Multiply-adds of one inference.
    """

    name: str
    ops: tuple[str, ...]
    macs: int


def layers_of(inspection: Inspection) -> tuple[Layer, ...]:
    """List the layers of a float file in the order in which they run; every operation is in exactly one.

    Args:
        inspection: What is in the file.

    Returns:
        The layers.
    """
    owner: dict[int, int] = {}
    groups: list[list[OpInfo]] = []
    for op in inspection.ops:
        # an addition belongs to the later of its two layers, because their sum is quantized with that layer
        before = [owner[i] for i in op.inputs if i in owner]
        if op.weights is not None or not before:
            groups.append([])
            before = [len(groups) - 1]
        groups[max(before)].append(op)
        owner.update(dict.fromkeys(op.outputs, max(before)))
    names = Counter(_layer_name(group[0]) for group in groups)
    layers = []
    for group in groups:
        name = _layer_name(group[0])
        # networks of others use a name twice, and then that of the result tells them apart
        unique = name if names[name] == 1 else group[0].name
        layers.append(Layer(unique, tuple(op.name for op in group), sum(op.macs for op in group)))
    return tuple(layers)


def layers_by_name(layers: Sequence[Layer], names: Sequence[str]) -> tuple[Layer, ...]:
    """Select layers by name.

    Args:
        layers: All layers.
        names: The names to select, in any order; `*` stands for any characters, `?` for one.

    Returns:
        The selected layers in the order of the names, and of the file for one name with `*`.

    Raises:
        ValueError: If no layer has one of the names; lists the most similar names that exist.
    """
    by_name = {layer.name: layer for layer in layers}
    selected: dict[str, Layer] = {}
    for name in names:
        matches = [name] if name in by_name else fnmatch.filter(by_name, name)
        if not matches:
            similar = nearest_first(name, by_name)[:_LISTED]
            more = f" and {len(by_name) - _LISTED} more" if len(by_name) > _LISTED else ""
            raise ValueError(f"there is no layer {name!r} to keep; there are {', '.join(similar)}{more}")
        selected |= {match: by_name[match] for match in matches}
    return tuple(selected.values())


def op_types(
    layers: Sequence[Layer], kept: Sequence[Layer], kept_dtype: str | None, dtype: str = "int8"
) -> dict[str, str]:
    """List the types for `quantizer.quantize`: one everywhere, except for the kept layers.

    Args:
        layers: All layers.
        kept: The layers that are kept out of int8.
        kept_dtype: Their type, float32 or int16; None if there are none.
        dtype: The type of the others: int8, or int16 activations with int8 weights.

    Returns:
        Name of an operation's output tensor -> its type.
    """
    integer = {op: dtype for layer in layers for op in layer.ops}
    return integer | {op: str(kept_dtype) for layer in kept for op in layer.ops}


def _layer_name(op: OpInfo) -> str:
    """Find the layer's name in Keras, which is part of the name of its weights."""
    name = op.weights.name if op.weights else op.name
    parts = re.findall(r"/([^/;]+?)(?:_\d+)?/(?:convolution|depthwise|MatMul)", name)
    return str(parts[0]) if parts else name
