"""The network of a person detector: the encoder of a pose network, and a head for centres, ways and sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from poseport import bundle
from poseport.architecture import ImportedArchitecture
from poseport.nodes import ConvNode, DepthwiseNode, JoinNode, Node, ResizeNode
from poseport.people.detector_spec import CHANNELS, DetectorSpec
from poseport.train.networks import imported, models

STRIDE = 8
WIDTH = 96
# before training, a cell is a centre with a probability of 0.02, and a person has the size of e^1.2 cells
_FIRST_LOGIT, _FIRST_SIZE = -4.0, 1.2


def build(spec: DetectorSpec, keras: Any) -> Any:
    """Build the network as a Keras model.

    Args:
        spec: The spec.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        A Keras model: (N, H, W, 3) float32 -> (N, *spec.output_shape) float32.

    Raises:
        ValueError: If a node cannot be built, or the nodes give another shape.
    """
    models.ignore_user_settings(keras)
    nodes = spec.architecture.nodes
    heads = {len(nodes): (spec.output_name, CHANNELS)}
    image, output = imported.apply(keras, spec.name, spec.input_hw, nodes, heads)
    if tuple(output.shape[1:]) != spec.output_shape:
        raise ValueError(
            f"{spec.name}: the network's output has shape {list(output.shape[1:])}, its spec says "
            f"{list(spec.output_shape)}; correct input_hw or stride"
        )
    return keras.Model(image, output, name="person_detector")


def load(directory: Path, keras: Any) -> tuple[DetectorSpec, Any]:
    """Load the spec and the network of a detector's bundle.

    Args:
        directory: The bundle.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        The spec, and the Keras model with the bundle's weights.

    Raises:
        ValueError: If the folder is not the bundle of a detector, or its weights do not fit its spec.
    """
    spec = bundle.read_detector_spec(directory)
    model = build(spec, keras)
    models.load_weights(model, directory)
    return spec, model


def begin(directory: Path, input_hw: tuple[int, int], keras: Any) -> tuple[DetectorSpec, Any]:
    """Make a detector from a pose network: its encoder with its weights, and a new head.

    The encoder ends where the way up from the smallest maps reaches stride 8, as MoveNet's feature pyramid does.

    Args:
        directory: Bundle of an imported network, such as the shipped `starter`, or of a detector to train further.
        input_hw: Height and width of the detector's input in pixels.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        The spec and the Keras model.

    Raises:
        ValueError: If the bundle is unsuitable.
    """
    if bundle.is_detector(directory):
        spec, old = load(directory, keras)
        spec = replace(spec, input_hw=input_hw)
        model = build(spec, keras)
        model.set_weights(old.get_weights())
        return spec, model
    theirs, trained = models.load(directory, keras)
    a = theirs.architecture
    if not isinstance(a, ImportedArchitecture) or theirs.channel_order != "rgb":
        raise ValueError(
            f"{directory}: a detector begins from an RGB network that `poseport import` read, such as `starter`; "
            f"this is a {theirs.family} network"
        )
    end = _feature(a.nodes)
    if end is None:
        raise ValueError(f"{directory}: has no way up that ends at stride {STRIDE}, as MoveNet's pyramid has")
    nodes, before = _until(a.nodes, end)
    n = len(nodes)
    nodes += (
        DepthwiseNode((n,), (3, 3)), ConvNode((n + 1,), WIDTH, (1, 1), activation="relu"),
        DepthwiseNode((n + 2,), (3, 3)), ConvNode((n + 3,), WIDTH, (1, 1), activation="relu"),
        ConvNode((n + 4,), CHANNELS, (1, 1)),
    )  # fmt: skip
    architecture = ImportedArchitecture(source=a.source, nodes=nodes)
    spec = DetectorSpec("person", architecture, input_hw, stride=STRIDE, mean=theirs.mean, std=theirs.std)
    model = build(spec, keras)
    for now, then in enumerate(before, start=1):
        arrays = _weights(trained, imported.layer_name(theirs, then))
        if arrays:
            model.get_layer(f"{nodes[now - 1].kind}{now}").set_weights(arrays)
    for position in (n + 1, n + 3):
        layer = model.get_layer(f"depthwise{position}")
        kernel, bias = layer.get_weights()
        layer.set_weights([_passing_on(kernel.shape, keras), bias])
    last = model.get_layer(spec.output_name)
    kernel, _ = last.get_weights()
    last.set_weights([0.1 * kernel, np.array([_FIRST_LOGIT, 0, 0, _FIRST_SIZE, _FIRST_SIZE], np.float32)])
    return spec, model


def _passing_on(shape: tuple[int, ...], keras: Any) -> np.ndarray:
    """First kernel of a depthwise layer, which passes each channel on nearly as it is.

    The one that Keras would draw is for sums over all channels, and makes a map of 32 to 96 channels four to seven
    times as weak.
    """
    kernel = np.array(keras.random.normal(shape, stddev=0.1))
    kernel[shape[0] // 2, shape[1] // 2] += 1
    return kernel


def _weights(model: Any, name: str) -> list[np.ndarray]:
    """The weights of a layer; none of a node that has no layer of this name."""
    try:
        return list(model.get_layer(name).get_weights())
    except ValueError:
        return []


def _feature(nodes: Sequence[Node]) -> int | None:
    """Position, from 1, of the last sum at the stride on the way up; None if there is none."""
    strides, up, found = [1.0], [False], None
    for i, node in enumerate(nodes, start=1):
        stride, risen = strides[node.inputs[0]], any(up[j] for j in node.inputs)
        step = getattr(node, "stride", (1, 1))[0]
        if isinstance(node, ResizeNode):
            stride, risen = stride / node.factor[0], True
        elif node.kind == "transposed":
            stride, risen = stride / step, True
        else:
            stride *= step
        strides.append(stride)
        up.append(risen)
        if isinstance(node, JoinNode) and risen and stride == STRIDE:
            found = i
    return found


def _until(nodes: Sequence[Node], end: int) -> tuple[tuple[Node, ...], list[int]]:
    """The nodes that a result depends on, renumbered, and the former position of each."""
    needed = {end}
    for i in range(end, 0, -1):
        if i in needed:
            needed.update(nodes[i - 1].inputs)
    before = sorted(needed - {0})
    now = {0: 0} | {old: new for new, old in enumerate(before, start=1)}
    kept = tuple(replace(nodes[i - 1], inputs=tuple(now[j] for j in nodes[i - 1].inputs)) for i in before)
    return kept, before
