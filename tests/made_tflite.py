"""Small .tflite files with the output tensors of other projects, and random weights."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from poseport.tflite.quiet import quiet


def tflite(shapes: dict[str, tuple[int, ...]], input_hw: tuple[int, int], *, int8: bool = False) -> bytes:
    """A network that answers differently for different images, without a card.

    Args:
        shapes: name of each output in the signature -> its shape for one crop.
        input_hw: height and width of its input (1, h, w, 3) float32.
        int8: quantize it, with int8 outputs of different scales.
    """
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(0, i + 1, (192, int(np.prod(shape)))) for i, (name, shape) in enumerate(shapes.items())}

    def run(image: tf.Tensor) -> dict[str, tf.Tensor]:
        side = (input_hw[0] // 8, input_hw[1] // 8)
        small = tf.reshape(tf.nn.avg_pool2d(image, side, side, "VALID")[:, :8, :8], (1, 192))
        return {
            name: tf.reshape(tf.matmul(small - 0.5, tf.constant(weights[name], tf.float32)), (1, *shape))
            for name, shape in shapes.items()
        }

    module = tf.Module()
    module.serve = tf.function(run, input_signature=[tf.TensorSpec((1, *input_hw, 3), tf.float32, name="image")])
    converter = tf.lite.TFLiteConverter.from_concrete_functions([module.serve.get_concrete_function()], module)
    if int8:
        images = [rng.random((1, *input_hw, 3), np.float32) for _ in range(4)]
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([image] for image in images)
        converter.inference_output_type = tf.int8
    with quiet():
        return bytes(converter.convert())
