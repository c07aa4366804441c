"""The stacked hourglass (Newell, Yang, Deng 2016) in one file."""

from __future__ import annotations

from typing import Any

from poseport.architecture import HourglassArchitecture
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.networks.blocks import Tensor, conv_bn, double_size, mobile_stem, residual
from poseport.train.networks.heads import heatmap_head


def build(spec: PoseSpec, keras: Any) -> Any:
    """Build the network: a Keras model from images to the heatmaps of every stack, in order.

    Unlike in the paper, BN and ReLU follow the convolutions, because pre-activation leaves BNs that cannot fold.
    The heatmaps of every stack are supervised; a converted file has only those of the last one.

    Args:
        spec: The spec, with an `HourglassArchitecture` and heatmaps as output.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        A Keras model: (N, H, W, 3) float32 -> (N, H/4, W/4, K) float32 per stack.
    """
    a = spec.architecture
    assert isinstance(a, HourglassArchitecture)
    assert isinstance(spec.output, HeatmapOutput)
    image = keras.Input((*spec.input_hw, 3), name="image")
    x = _stem(keras, image, a)
    outputs = []
    for i in range(a.stacks):
        y = levels(keras, x, f"hg{i}", a.width, a.block, a.depth)
        y = residual(keras, y, f"hg{i}_out", a.width, a.block)
        features = conv_bn(keras, y, f"hg{i}_feature", a.width, 1)
        heatmaps = heatmap_head(keras, features, f"heatmaps_{i}", len(spec.skeleton), a.head)
        outputs.append(heatmaps)
        if i + 1 < a.stacks:
            # figure 4 of the paper: features and heatmaps are mapped back and added to what came in
            back = conv_bn(keras, heatmaps, f"hg{i}_back", a.width, 1, relu=False)
            kept = conv_bn(keras, features, f"hg{i}_kept", a.width, 1, relu=False)
            x = keras.layers.Add(name=f"hg{i}_merge")([keras.layers.Add(name=f"hg{i}_join")([back, kept]), x])
    return keras.Model(image, outputs if len(outputs) > 1 else outputs[0], name=spec.name.replace("-", "_"))


def _stem(keras: Any, image: Tensor, a: HourglassArchitecture) -> Tensor:
    """Image features at stride 4 and full width."""
    if a.block == "separable":
        return mobile_stem(keras, image, a.width)
    x = conv_bn(keras, image, "stem", a.width // 4, 7, stride=2)
    x = residual(keras, x, "stem_a", a.width // 2, a.block)
    x = keras.layers.MaxPooling2D(2, name="stem_pool")(x)
    x = residual(keras, x, "stem_b", a.width // 2, a.block)
    return residual(keras, x, "stem_c", a.width, a.block)


def levels(keras: Any, x: Tensor, name: str, width: int, block: str, level: int) -> Tensor:
    """One hourglass: a skip connection at this resolution, added to everything below it (figure 3 of the paper).

    Args:
        keras: `keras` (3) or `tf_keras`.
        x: (N, H, W, width) features; H and W are multiples of 2^level.
        name: First part of the layers' names.
        width: Channels of every layer.
        block: Kind of residual block (see `blocks.residual`).
        level: Number of poolings, 1 or more.

    Returns:
        (N, H, W, width) features.
    """
    skip = residual(keras, x, f"{name}_{level}skip", width, block)
    low = keras.layers.MaxPooling2D(2, name=f"{name}_{level}pool")(x)
    low = residual(keras, low, f"{name}_{level}in", width, block)
    if level > 1:
        low = levels(keras, low, name, width, block, level - 1)
    else:
        low = residual(keras, low, f"{name}_bottom", width, block)
    low = residual(keras, low, f"{name}_{level}out", width, block)
    high = double_size(keras, low, f"{name}_{level}up")
    return keras.layers.Add(name=f"{name}_{level}add")([skip, high])
