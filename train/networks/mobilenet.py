"""Networks with MobileNetV2 (Sandler, Howard, Zhu, Zhmoginov, Chen 2018) as their encoder, in one file.

Trained weights for that encoder are public, learned from far more photos than most pose data sets have:
`poseport.train.begin.transplant` takes them out of a .tflite file.
"""

from __future__ import annotations

from typing import Any

from poseport.architecture import MobileNetArchitecture
from poseport.spec import CoordsOutput, PoseSpec, SimccOutput
from poseport.train.networks.blocks import Tensor, conv_bn, depthwise_bn, double_size, residual
from poseport.train.networks.heads import coords_head, heatmap_head, simcc_head
from poseport.train.networks.hourglass import levels

# (channels, stride) of the inverted residuals, table 2 of the paper; all but the first expand six times
_BLOCKS = (
    (16, 1), (24, 2), (24, 1), (32, 2), (32, 1), (32, 1), (64, 2), (64, 1), (64, 1), (64, 1),
    (96, 1), (96, 1), (96, 1), (160, 2), (160, 1), (160, 1), (320, 1),
)  # fmt: skip
_EXPAND = 6
_STEM = 32
_RELU6 = 6.0
ENCODER = ("stem", "block")  # prefixes of its layers' names


def build(spec: PoseSpec, keras: Any) -> Any:
    """Build the network: a Keras model from images to heatmaps, coordinates or SimCC's vectors.

    Args:
        spec: The spec, with a `MobileNetArchitecture`.
        keras: `keras` (3) or `tf_keras`.

    Returns:
        A Keras model: (N, H, W, 3) float32 -> (N, *spec.output_shape) float32.
    """
    a = spec.architecture
    assert isinstance(a, MobileNetArchitecture)
    image = keras.Input((*spec.input_hw, 3), name="image")
    features = _encoder(keras, image, a)
    if isinstance(spec.output, SimccOutput):
        output = simcc_head(keras, features[a.encoder_stride], spec, a.dense_units)
    elif isinstance(spec.output, CoordsOutput):
        # few channels, so that the dense layer can see where each feature is
        x = conv_bn(keras, features[a.encoder_stride], "squeeze", a.width, 1)
        x = keras.layers.Flatten(name="flat")(x)
        if a.dense_units:
            x = keras.layers.Dense(a.dense_units, activation="relu", name="dense0")(x)
        output = coords_head(keras, x, spec)
    else:
        output = heatmap_head(keras, _decoder(keras, features, a), "heatmaps", len(spec.skeleton))
    return keras.Model(image, output, name=spec.name.replace("-", "_"))


def _decoder(keras: Any, features: dict[int, Tensor], a: MobileNetArchitecture) -> Tensor:
    """Features of stride 4, from the encoder's of every stride.

    The encoder goes down to stride 8, 16 or 32; a small hourglass may follow. The decoder doubles the size step by
    step; each step adds the encoder's features of that stride, and a separable residual block follows.
    """
    stride = a.encoder_stride
    x = conv_bn(keras, features[stride], "top", a.width, 1)
    if a.depth:
        x = levels(keras, x, "top", a.width, "separable", a.depth)
    x = residual(keras, x, "top_out", a.width, "separable")
    while stride > 4:
        stride //= 2
        across = conv_bn(keras, features[stride], f"across{stride}", a.width, 1, relu=False)
        up = double_size(keras, x, f"up{stride}")
        x = keras.layers.ReLU(name=f"up{stride}_relu")(keras.layers.Add(name=f"up{stride}_add")([across, up]))
        x = residual(keras, x, f"up{stride}_out", a.width, "separable")
    return conv_bn(keras, x, "feature", a.width, 1)


def convolutions(a: MobileNetArchitecture) -> list[tuple[str, str]]:
    """List the encoder's convolutions in order.

    Args:
        a: The architecture, of which `blocks` counts.

    Returns:
        For each convolution, the name of its layer and of its batch normalisation.
    """
    names = [("stem_conv", "stem_bn")]
    for i in range(a.blocks):
        if i:
            names.append((f"block{i}_expand_conv", f"block{i}_expand_bn"))
        names += [(f"block{i}_dw", f"block{i}_dwbn"), (f"block{i}_project_conv", f"block{i}_project_bn")]
    return names


def _encoder(keras: Any, image: Tensor, a: MobileNetArchitecture) -> dict[int, Tensor]:
    """Map each stride to the encoder's last features of that stride."""
    x, stride = conv_bn(keras, image, "stem", _channels(_STEM, a), 3, stride=2, most=_RELU6), 2
    features = {}
    for i, (channels, step) in enumerate(_BLOCKS[: a.blocks]):
        inside = x
        if i:
            inside = conv_bn(keras, x, f"block{i}_expand", _EXPAND * x.shape[-1], 1, most=_RELU6)
        inside = depthwise_bn(keras, inside, f"block{i}", stride=step, most=_RELU6)
        inside = conv_bn(keras, inside, f"block{i}_project", _channels(channels, a), 1, relu=False)
        same = step == 1 and inside.shape[-1] == x.shape[-1]
        x = keras.layers.Add(name=f"block{i}_add")([x, inside]) if same else inside
        stride *= step
        features[stride] = x
    return features


def _channels(count: int, a: MobileNetArchitecture) -> int:
    """Multiply and round to a multiple of 8 that is at least 0.9 of the product, as the paper's authors do."""
    product = count * a.multiplier
    rounded = max(8, int(product + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * product else rounded
