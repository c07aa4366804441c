"""The last layers of a network, one function per kind of output.

Their results are float32 even under mixed precision, because the losses need it. The layers' names begin with
`heatmaps`, `maps`, `coords`, `score` or `simcc`, by which `poseport.train.begin.finetune` knows them.
"""

from __future__ import annotations

from typing import Any

from poseport.spec import CoordsOutput, PoseSpec
from poseport.train.networks.blocks import Tensor


def heatmap_head(keras: Any, x: Tensor, name: str, maps: int, activation: str = "linear") -> Tensor:
    """1x1 convolution with bias.

    Args:
        keras: `keras` (3) or `tf_keras`.
        x: (N, H, W, C) features.
        name: Name of the convolution.
        maps: Output channels, usually one per keypoint.
        activation: Keras activation after the convolution.

    Returns:
        (N, H, W, maps) float32.
    """
    x = keras.layers.Conv2D(maps, 1, name=name, dtype="float32")(x)
    if activation == "linear":
        return x
    return keras.layers.Activation(activation, name=f"{name}_{activation}", dtype="float32")(x)


def coords_head(keras: Any, x: Tensor, spec: PoseSpec) -> Tensor:
    """Dense layers to coordinates, as `poseport.coords` defines them, and to their scores if the spec has any.

    Args:
        keras: `keras` (3) or `tf_keras`.
        x: (N, C) features.
        spec: The spec, with coordinates as output.

    Returns:
        (N, *spec.output_shape) float32.
    """
    assert isinstance(spec.output, CoordsOutput)
    # small weights predict the centre of the box at first; SGD would have to unlearn larger ones
    small = keras.initializers.RandomNormal(stddev=0.01, seed=0)
    keypoints, numbers = spec.output_shape
    linear = numbers - (spec.output.score == "sigma")
    points = keras.layers.Dense(linear * keypoints, kernel_initializer=small, name="coords", dtype="float32")(x)
    points = keras.layers.Reshape((keypoints, linear), name="points", dtype="float32")(points)
    if spec.output.score != "sigma":
        return points
    # the sigmoid bounds the scores to the range of the coordinates, so that both share one int8 scale
    score = keras.layers.Dense(keypoints, kernel_initializer=small, name="score", dtype="float32")(x)
    score = keras.layers.Activation("sigmoid", name="score_sigmoid", dtype="float32")(score)
    score = keras.layers.Reshape((keypoints, 1), name="scores", dtype="float32")(score)
    return keras.layers.Concatenate(name="scored", dtype="float32")([points, score - 0.5])


def simcc_head(keras: Any, x: Tensor, spec: PoseSpec, units: int) -> Tensor:
    """A map per keypoint, and dense layers that all keypoints share, from the map's cells to the bins of both axes.

    Li et al. (2022), section 3.2. The bins read a hidden layer beside the cells, not in their place.

    Args:
        keras: `keras` (3) or `tf_keras`.
        x: (N, H, W, C) features.
        spec: The spec, with SimCC's vectors as output.
        units: Size of the hidden layer; 0 for none.

    Returns:
        (N, K, X + Y) float32 logits.
    """
    keypoints, bins = spec.output_shape
    h, w = x.shape[1:3]
    x = keras.layers.Conv2D(keypoints, 1, name="simcc_maps")(x)
    x = keras.layers.Permute((3, 1, 2), name="by_keypoint")(x)
    x = keras.layers.Reshape((keypoints, h * w), name="cells")(x)
    if units:
        hidden = keras.layers.Dense(units, activation="relu", name="dense0")(x)
        x = keras.layers.Concatenate(name="cells_and_hidden")([x, hidden])
    return keras.layers.Dense(bins, name="bins", dtype="float32")(x)
