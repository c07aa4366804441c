"""The convolutional pose machine (Wei, Ramakrishna, Kanade, Sheikh 2016) in one file."""

from __future__ import annotations

from typing import Any

from poseport.architecture import CpmArchitecture
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.networks.blocks import Tensor, conv_bn, depthwise_bn, heatmap_head, mobile_stem, residual


def build(spec: PoseSpec, keras: Any) -> Any:
    """A Keras model: (N, H, W, 3) float32 -> belief maps of every stage, the last stage's last.

    All stages are supervised. Gaussian maps have a background map as their channel K (losses.heatmap_mse),
    which a next stage sees: only the last stage, the one that is deployed, is (N, H/s, W/s, K). Maps that are
    distributions over the cells have none, as each of them has to be somewhere.
    """
    a = spec.architecture
    assert isinstance(a, CpmArchitecture)
    assert isinstance(spec.output, HeatmapOutput)
    keypoints = len(spec.skeleton)
    background = spec.output.values == "gaussian"
    image = keras.Input((*spec.input_hw, 3), name="image")
    features = _features(keras, image, "one", a, spec.output.stride)
    wide = 4 * a.width if a.block == "plain" else a.width
    x = _large(keras, features, "stage1_a", wide, 9, a)
    x = conv_bn(keras, x, "stage1_b", wide, 1)
    if a.block == "plain" and a.stages > 1:
        # a second extractor of the same form, shared by all stages from the second on
        features = _features(keras, image, "two", a, spec.output.stride)
    outputs = []
    for t in range(1, a.stages):
        maps = heatmap_head(keras, x, f"maps{t}", keypoints + background)
        outputs.append(maps)
        x = _refine(keras, features, maps, f"stage{t + 1}", a)
    outputs.append(heatmap_head(keras, x, f"maps{a.stages}", keypoints))
    return keras.Model(image, outputs if len(outputs) > 1 else outputs[0], name=spec.name.replace("-", "_"))


def _features(keras: Any, image: Tensor, name: str, a: CpmArchitecture, stride: int) -> Tensor:
    """Input to image features at the maps' stride: a width of a quarter (plain) or whole (separable)."""
    if a.block == "separable":
        x = mobile_stem(keras, image, a.width)
        return x if stride == 4 else residual(keras, x, "stem_d", a.width, "separable", stride=2)
    x = image
    for i in range(stride.bit_length() - 1):
        x = conv_bn(keras, x, f"{name}_{i}", a.width, 9)
        x = keras.layers.MaxPooling2D(2, name=f"{name}_{i}pool")(x)
    return conv_bn(keras, x, f"{name}_last", a.width // 4, 5)


def _refine(keras: Any, features: Tensor, maps: Tensor, name: str, a: CpmArchitecture) -> Tensor:
    """A stage from the second on: image features and the maps before it, seen over a large neighbourhood.

    The paper convolves the concatenation of both, which is the sum of a convolution of each. As a sum each
    keeps an int8 scale of its own; a concatenation has one, the coarser.
    """
    kernel = 11 if a.block == "plain" else 1
    seen = conv_bn(keras, features, f"{name}_features", a.width, kernel, relu=False)
    said = conv_bn(keras, maps, f"{name}_maps", a.width, kernel, relu=False)
    x = keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_join")([seen, said]))
    for i in range(2 if a.block == "plain" else 3):
        x = _large(keras, x, f"{name}_{i}", a.width, 11, a)
    return conv_bn(keras, x, f"{name}_last", a.width, 1)


def _large(keras: Any, x: Tensor, name: str, filters: int, kernel: int, a: CpmArchitecture) -> Tensor:
    """A convolution with a large kernel; for phones a depthwise one of 5x5 and a 1x1.

    5x5 is the largest depthwise kernel that XNNPACK has fast code for: with 9x9 the whole of `mobile-cpm`
    takes twelve times as long, with 7x7 seven times (float32, one x86 core).
    """
    if a.block == "plain":
        return conv_bn(keras, x, name, filters, kernel)
    return conv_bn(keras, depthwise_bn(keras, x, name, 5), name, filters, 1)
