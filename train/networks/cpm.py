"""The convolutional pose machine (Wei, Ramakrishna, Kanade, Sheikh 2016) in one file."""

from __future__ import annotations

from typing import Any

from poseport.architecture import CpmArchitecture
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.networks.blocks import Tensor, conv_bn, depthwise_bn, mobile_stem, residual
from poseport.train.networks.heads import heatmap_head


def build(spec: PoseSpec, keras: Any) -> Any:
    """Build the network: a Keras model from images to the belief maps of every stage, the last stage's last.

    Every stage is supervised. Gaussian maps have a background map as channel K (see `losses.heatmap_mse`), which
    is an input of the next stage; only the last stage, the one that is deployed, has K channels. Maps that are
    distributions over the cells have no background map, because each of them sums to one somewhere.

    Args:
        spec: The spec, with a `CpmArchitecture` and heatmaps as output.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        A Keras model: (N, H, W, 3) float32 -> (N, H/s, W/s, K or K + 1) float32 per stage, s the output's stride.
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
    """Image features at the maps' stride, with a quarter of the width (plain) or the whole width (separable)."""
    if a.block == "separable":
        x = mobile_stem(keras, image, a.width)
        return x if stride == 4 else residual(keras, x, "stem_d", a.width, "separable", stride=2)
    x = image
    for i in range(stride.bit_length() - 1):
        x = conv_bn(keras, x, f"{name}_{i}", a.width, 9)
        x = keras.layers.MaxPooling2D(2, name=f"{name}_{i}pool")(x)
    return conv_bn(keras, x, f"{name}_last", a.width // 4, 5)


def _refine(keras: Any, features: Tensor, maps: Tensor, name: str, a: CpmArchitecture) -> Tensor:
    """A stage from the second on: large convolutions over the image features and the maps of the stage before.

    The paper convolves the concatenation of both, which equals the sum of a convolution of each. In a sum each
    keeps its own int8 scale; a concatenation has a single scale, the coarser one.
    """
    kernel = 11 if a.block == "plain" else 1
    from_image = conv_bn(keras, features, f"{name}_features", a.width, kernel, relu=False)
    from_maps = conv_bn(keras, maps, f"{name}_maps", a.width, kernel, relu=False)
    x = keras.layers.ReLU(name=f"{name}_relu")(keras.layers.Add(name=f"{name}_join")([from_image, from_maps]))
    for i in range(2 if a.block == "plain" else 3):
        x = _large(keras, x, f"{name}_{i}", a.width, 11, a)
    return conv_bn(keras, x, f"{name}_last", a.width, 1)


def _large(keras: Any, x: Tensor, name: str, filters: int, kernel: int, a: CpmArchitecture) -> Tensor:
    """A convolution with a large kernel; for phones, a 5x5 depthwise and a 1x1 convolution.

    5x5 is the largest depthwise kernel that XNNPACK has fast code for: with 9x9 the whole of `mobile-cpm`
    takes twelve times as long, and with 7x7 seven times as long (float32, one x86 core).
    """
    if a.block == "plain":
        return conv_bn(keras, x, name, filters, kernel)
    return conv_bn(keras, depthwise_bn(keras, x, name, 5), name, filters, 1)
