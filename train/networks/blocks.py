"""Layers that quantize: convolution -> batch normalisation -> ReLU, in this order, so that BN folds.

Every function takes the Keras module as `keras`: Keras 3 for training and export, `tf_keras` for
tensorflow-model-optimization. Layers are named, so that weights can be copied by name.
"""

from __future__ import annotations

from typing import Any

Tensor = Any


def conv_bn(
    keras: Any,
    x: Tensor,
    name: str,
    filters: int,
    kernel: int,
    *,
    stride: int = 1,
    relu: bool = True,
    most: float | None = None,
) -> Tensor:
    """Convolution, batch normalisation (BN) and ReLU.

    Args:
        keras: `keras` (3) or `tf_keras`.
        x: (N, H, W, C) features.
        name: First part of the layers' names.
        filters: Output channels.
        kernel: Side of the kernel in cells.
        stride: Step of the convolution in cells.
        relu: False where the result feeds an addition.
        most: Upper limit of the ReLU, such as 6 for ReLU6; None for no limit.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), filters) features.
    """
    x = keras.layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, name=f"{name}_conv")(x)
    x = batch_norm(keras, f"{name}_bn")(x)
    return keras.layers.ReLU(most, name=f"{name}_relu")(x) if relu else x


def depthwise_bn(
    keras: Any, x: Tensor, name: str, kernel: int = 3, *, stride: int = 1, most: float | None = None
) -> Tensor:
    """Depthwise convolution, BN and ReLU.

    Args:
        keras: `keras` (3) or `tf_keras`.
        x: (N, H, W, C) features.
        name: First part of the layers' names.
        kernel: Side of the kernel in cells.
        stride: Step of the convolution in cells.
        most: Upper limit of the ReLU; None for no limit.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), C) features.
    """
    x = keras.layers.DepthwiseConv2D(kernel, stride, padding="same", use_bias=False, name=f"{name}_dw")(x)
    x = batch_norm(keras, f"{name}_dwbn")(x)
    return keras.layers.ReLU(most, name=f"{name}_dwrelu")(x)


def batch_norm(keras: Any, name: str) -> Any:
    """Make the batch normalisation layer of all networks: the fused one where Keras 3 runs on TensorFlow.

    Args:
        keras: `keras` (3) or `tf_keras`.
        name: Name of the layer.

    Returns:
        A Keras layer.
    """
    if hasattr(keras, "ops") and keras.backend.backend() == "tensorflow":
        from poseport.train.networks.normalisation import BatchNormalization

        return BatchNormalization(name=name)
    return keras.layers.BatchNormalization(name=name)


def residual(keras: Any, x: Tensor, name: str, filters: int, block: str, *, stride: int = 1) -> Tensor:
    """Residual block with BN after the convolutions and ReLU after the addition (He et al. 2016).

    The skip connection is a 1x1 convolution where width or size change.

    Args:
        keras: `keras` (3) or `tf_keras`.
        x: (N, H, W, C) features.
        name: First part of the layers' names.
        filters: Output channels.
        block: `bottleneck`: 1x1 to half the width, 3x3, 1x1 (Newell et al. 2016, figure 4). `basic`: two 3x3
            convolutions (He et al. 2016). `separable`: a 3x3 depthwise and a 1x1 convolution, for phones.
        stride: Step of the block in cells.

    Returns:
        (N, ceil(H / stride), ceil(W / stride), filters) features.
    """
    skip = x
    if x.shape[-1] != filters or stride > 1:
        skip = conv_bn(keras, x, f"{name}_skip", filters, 1, stride=stride, relu=False)
    if block == "bottleneck":
        y = conv_bn(keras, x, f"{name}_a", filters // 2, 1)
        y = conv_bn(keras, y, f"{name}_b", filters // 2, 3, stride=stride)
    elif block == "basic":
        y = conv_bn(keras, x, f"{name}_a", filters, 3, stride=stride)
    else:
        y = depthwise_bn(keras, x, f"{name}_a", stride=stride)
    y = conv_bn(keras, y, f"{name}_c", filters, 3 if block == "basic" else 1, relu=False)
    y = keras.layers.Add(name=f"{name}_add")([y, skip])
    return keras.layers.ReLU(name=f"{name}_relu")(y)


def mobile_stem(keras: Any, image: Tensor, width: int) -> Tensor:
    """Reduce an image to stride 4, for phones.

    A 7x7 convolution at half size, as in the paper, would cost as much as the rest of a network.

    Args:
        keras: `keras` (3) or `tf_keras`.
        image: (N, H, W, 3) input.
        width: Output channels.

    Returns:
        (N, H/4, W/4, width) features.
    """
    x = conv_bn(keras, image, "stem", max(8, width // 4), 3, stride=2)
    x = depthwise_bn(keras, x, "stem_a")
    x = conv_bn(keras, x, "stem_a", max(16, width // 2), 1)
    x = depthwise_bn(keras, x, "stem_b", stride=2)
    x = conv_bn(keras, x, "stem_b", width, 1)
    return residual(keras, x, "stem_c", width, "separable")


def double_size(keras: Any, x: Tensor, name: str) -> Tensor:
    """Nearest-neighbour up-sampling by two, in the form that converts to one RESIZE_NEAREST_NEIGHBOR.

    Keras 3's UpSampling2D converts to RESHAPE and TILE; its image.resize does not. tf_keras's
    UpSampling2D converts well, and it is the only form that quantization-aware training supports.

    Args:
        keras: `keras` (3) or `tf_keras`.
        x: (N, H, W, C) features.
        name: Name of the layer; Keras 3 chooses its own.

    Returns:
        (N, 2H, 2W, C) features.
    """
    if hasattr(keras, "ops"):
        return keras.ops.image.resize(x, (x.shape[1] * 2, x.shape[2] * 2), interpolation="nearest")
    return keras.layers.UpSampling2D(interpolation="nearest", name=name)(x)
