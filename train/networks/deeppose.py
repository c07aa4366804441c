"""DeepPose, first stage (Toshev and Szegedy 2014; Gupta and Gritton), in one file."""

from __future__ import annotations

from typing import Any

from poseport.architecture import DeepPoseArchitecture
from poseport.spec import CoordsOutput, PoseSpec
from poseport.train.networks.blocks import Tensor, conv_bn, depthwise_bn, residual
from poseport.train.networks.heads import coords_head


def build(spec: PoseSpec, keras: Any) -> Any:
    """Build the network: a Keras model from images to coordinates, as `poseport.coords` defines them.

    Args:
        spec: The spec, with a `DeepPoseArchitecture` and coordinates as output.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        A Keras model: (N, H, W, 3) float32 -> (N, *spec.output_shape) float32.
    """
    a = spec.architecture
    assert isinstance(a, DeepPoseArchitecture)
    assert isinstance(spec.output, CoordsOutput)
    image = keras.Input((*spec.input_hw, 3), name="image")
    trunk = {"alexnet": _alexnet, "resnet18": _resnet18, "mobile": _mobile}[a.trunk]
    x = keras.layers.Flatten(name="flat")(trunk(keras, image, a))
    hidden = 1 if a.trunk == "mobile" else 2
    for i in range(hidden if a.dense_units else 0):
        x = keras.layers.Dense(a.dense_units, activation="relu", name=f"dense{i}")(x)
        if a.dropout:
            x = keras.layers.Dropout(a.dropout, name=f"dropout{i}")(x)
    return keras.Model(image, coords_head(keras, x, spec), name=spec.name.replace("-", "_"))


def _alexnet(keras: Any, x: Tensor, a: DeepPoseArchitecture) -> Tensor:
    """Trunk of figure 2 of both papers, with BN in place of local response normalisation.

    BN precedes the ReLU so that it folds into the convolution; Gupta and Gritton have it after the ReLU.
    """
    width = [max(8, round(c * a.width)) for c in (96, 256, 384, 384, 256)]
    x = conv_bn(keras, x, "conv1", width[0], 11, stride=4)
    x = keras.layers.MaxPooling2D(3, 2, name="pool1")(x)
    x = conv_bn(keras, x, "conv2", width[1], 5)
    x = keras.layers.MaxPooling2D(3, 2, name="pool2")(x)
    x = conv_bn(keras, x, "conv3", width[2], 3)
    x = conv_bn(keras, x, "conv4", width[3], 3)
    x = conv_bn(keras, x, "conv5", width[4], 3)
    return keras.layers.MaxPooling2D(3, 2, name="pool5")(x)


def _resnet18(keras: Any, x: Tensor, a: DeepPoseArchitecture) -> Tensor:
    """ResNet-18 up to its average pooling (He et al. 2016, table 1), in place of the AlexNet trunk."""
    x = conv_bn(keras, x, "stem", max(8, round(64 * a.width)), 7, stride=2)
    x = keras.layers.MaxPooling2D(3, 2, padding="same", name="stem_pool")(x)
    for i, channels in enumerate((64, 128, 256, 512)):
        filters = max(8, round(channels * a.width))
        x = residual(keras, x, f"block{i}a", filters, "basic", stride=1 if i == 0 else 2)
        x = residual(keras, x, f"block{i}b", filters, "basic")
    return keras.layers.GlobalAveragePooling2D(name="pool")(x)


def _mobile(keras: Any, x: Tensor, a: DeepPoseArchitecture) -> Tensor:
    """Depthwise-separable trunk to stride 32, then 1x1 to few channels, so that `flat` can keep positions."""
    plan = ((48, 1), (96, 2), (96, 1), (192, 2), (192, 1), (192, 1), (256, 2), (256, 1), (256, 1))
    x = conv_bn(keras, x, "stem", max(8, round(24 * a.width)), 3, stride=2)
    x = depthwise_bn(keras, x, "stem_b", stride=2)
    x = conv_bn(keras, x, "stem_b", max(8, round(32 * a.width)), 1)
    for i, (channels, stride) in enumerate(plan):
        filters = max(8, round(channels * a.width))
        y = depthwise_bn(keras, x, f"block{i}", stride=stride)
        if stride == 1 and x.shape[-1] == filters:
            y = conv_bn(keras, y, f"block{i}", filters, 1, relu=False)
            x = keras.layers.ReLU(name=f"block{i}_relu")(keras.layers.Add(name=f"block{i}_add")([x, y]))
        else:
            x = conv_bn(keras, y, f"block{i}", filters, 1)
    return conv_bn(keras, x, "squeeze", max(8, round(64 * a.width)), 1)
