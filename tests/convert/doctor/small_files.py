"""Small real files, each with what one check is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from poseport.convert.doctor.dataflow import read_graph
from poseport.convert.doctor.finding import Finding
from poseport.convert.doctor.graph_checks import check_graph
from poseport.convert.doctor.support_checks import check_support


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.2, shape).astype(np.float32)


def conv(x: Any, filters: np.ndarray, stride: int = 1) -> Any:
    return tf.nn.conv2d(x, tf.constant(filters), stride, "SAME") + tf.constant(weights(filters.shape[-1], seed=9))


def convert(network: Callable[[Any], Any], shape: tuple[int | None, ...], recipe: str = "float32") -> bytes:
    """A function of one image as TFLite.

    recipe: float32; dynamic; int8, float where there is no int8 kernel; int8-tensor, one scale a weight tensor.
    """
    module = tf.Module()
    module.network = tf.function(network, input_signature=[tf.TensorSpec(shape, tf.float32, name="image")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.network.get_concrete_function()], module)
    if recipe != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if recipe.startswith("int8"):
        images = np.random.default_rng(1).random((8, 1, *shape[1:]), np.float32)
        images[0, 0, 0] = 1
        images[0, 0, 1] = 0
        converter.representative_dataset = lambda: ([image] for image in images)
        converter.inference_input_type = converter.inference_output_type = tf.int8
        converter._experimental_disable_per_channel = recipe == "int8-tensor"
    return bytes(converter.convert())


def dense(image: Any) -> Any:
    return tf.reshape(tf.nn.relu(conv(image, weights(3, 3, 3, 4), 2)), (1, 256)) @ tf.constant(weights(256, 6))


def mixed(image: Any) -> Any:
    pixels, score = conv(image, weights(3, 3, 3, 2)), conv(image, weights(3, 3, 3, 1, seed=3))
    return tf.concat([640 * tf.sigmoid(pixels), tf.sigmoid(score)], -1)


def norm_after_relu(image: Any) -> Any:
    x = tf.nn.relu(conv(image, weights(3, 3, 3, 8))) * tf.constant(weights(8)) + tf.constant(weights(8, seed=4))
    return conv(x, weights(1, 1, 8, 2))


def argmax(image: Any) -> Any:
    return tf.argmax(tf.reshape(conv(image, weights(3, 3, 3, 2)), (1, -1, 2)), 1)


def squeezed(image: Any) -> Any:
    return conv(image, weights(3, 3, 3, 8) * np.array([100, 1, 1, 1, 1, 1, 0, 0], np.float32))


NHWC = (1, 16, 16, 3)
NETWORKS: dict[str, tuple[Callable[[Any], Any], tuple[int | None, ...], str]] = {
    "float32": (dense, NHWC, "float32"),
    "int8": (dense, NHWC, "int8"),
    "dynamic": (dense, NHWC, "dynamic"),
    "mixed": (mixed, NHWC, "int8"),
    "open": (lambda x: conv(x, weights(3, 3, 3, 4)), (None, 16, 16, 3), "float32"),
    "island": (lambda x: conv(tf.sin(conv(x, weights(3, 3, 3, 8))), weights(3, 3, 8, 8)), NHWC, "int8"),
    "norm": (norm_after_relu, NHWC, "float32"),
    "nchw": (lambda x: conv(tf.transpose(x, (0, 2, 3, 1)), weights(3, 3, 3, 2)), (1, 3, 16, 16), "float32"),
    "argmax": (argmax, NHWC, "float32"),
    "squeezed": (squeezed, NHWC, "int8-tensor"),
}


def found(data: bytes, runtime: tuple[int, ...] | None = None) -> dict[str, Finding]:
    graph = read_graph(data, "x.tflite")
    return {finding.id: finding for finding in check_graph(graph) + check_support(graph, runtime)}
