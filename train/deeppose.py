"""DeepPose, first stage (Toshev and Szegedy 2014; Gupta and Gritton), in one file."""

from __future__ import annotations

from typing import Any

from poseport.spec import DeepPoseArchitecture, PoseSpec
from poseport.train.blocks import Tensor, conv_bn, depthwise_bn


def build(spec: PoseSpec, keras: Any) -> Any:
    """A Keras model: (N, H, W, 3) float32 -> (N, K, 2) float32, coordinates as in `poseport.coords`."""
    a = spec.architecture
    assert isinstance(a, DeepPoseArchitecture)
    image = keras.Input((*spec.input_hw, 3), name="image")
    x = _alexnet(keras, image, a) if a.trunk == "alexnet" else _mobile(keras, image, a)
    x = keras.layers.Flatten(name="flat")(x)
    hidden = 2 if a.trunk == "alexnet" else 1
    for i in range(hidden if a.dense_units else 0):
        x = keras.layers.Dense(a.dense_units, activation="relu", name=f"dense{i}")(x)
        if a.dropout:
            x = keras.layers.Dropout(a.dropout, name=f"dropout{i}")(x)
    # starts at the centre of the box: with full-size random weights SGD first has to unlearn them
    small = keras.initializers.RandomNormal(stddev=0.01, seed=0)
    x = keras.layers.Dense(2 * len(spec.skeleton), kernel_initializer=small, name="coords", dtype="float32")(x)
    x = keras.layers.Reshape((len(spec.skeleton), 2), name="points", dtype="float32")(x)
    return keras.Model(image, x, name=spec.name.replace("-", "_"))


def _alexnet(keras: Any, x: Tensor, a: DeepPoseArchitecture) -> Tensor:
    """Trunk of figure 2 of both papers; BN in place of local response normalisation, before the ReLU so
    that it folds (Gupta and Gritton have it after).
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


def _mobile(keras: Any, x: Tensor, a: DeepPoseArchitecture) -> Tensor:
    """Depthwise-separable trunk to stride 32, then 1x1 to few channels so that `flat` keeps where things are."""
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
