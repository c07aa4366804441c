"""Channels of one size: the network computes the same, and int8 no longer loses the small ones."""

import numpy as np
import pytest
import tensorflow as tf

from poseport.convert.engines import equalize, quantizer
from poseport.tflite.inspection import inspect_bytes
from poseport.tflite.interpreter import Runner

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def uneven():
    """A float file whose tensors between its convolutions have channels of 1 and of 1,000, and images for it."""
    sizes = np.float32(10.0 ** RANDOM.uniform(0, 3, 8))

    def kernel(*shape):
        return RANDOM.normal(size=shape).astype(np.float32)

    first, deep = kernel(3, 3, 3, 8) * sizes, kernel(3, 3, 8, 1) / sizes[:, None]
    across = kernel(1, 1, 8, 8) / sizes[:, None] * sizes
    last = kernel(1, 1, 8, 17)

    def network(image):
        x = tf.nn.conv2d(image, first, 2, "SAME")
        y = tf.nn.conv2d(tf.nn.relu(x), across, 1, "SAME")
        up = tf.image.resize(tf.nn.max_pool2d(y, 2, 2, "SAME"), (16, 16), "bilinear")
        return tf.nn.conv2d(tf.nn.depthwise_conv2d(x + up, deep, (1, 1, 1, 1), "SAME"), last, 1, "SAME")

    function = tf.function(network).get_concrete_function(tf.TensorSpec((1, 32, 32, 3), tf.float32))
    data = tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()
    return data, [RANDOM.uniform(-1, 1, (1, 32, 32, 3)).astype(np.float32) for _ in range(8)]


def outputs(data, images):
    runner = Runner(data, "m")
    return np.concatenate([runner.invoke(image) for image in images])


def in_int8(data, images):
    """Outputs of the file in int8, with the widest ranges of the images."""
    runner, found = Runner(data, "m", keep=True), inspect_bytes(data, "m")
    computed = [i for i, tensor in enumerate(found.tensors) if not tensor.constant]
    ranges = {found.tensors[i].name: [np.inf, -np.inf] for i in computed}
    for image in images:
        runner.invoke(image)
        for i in computed:
            values, ends = runner.interpreter.get_tensor(i), ranges[found.tensors[i].name]
            ends[:] = min(ends[0], values.min()), max(ends[1], values.max())
    types = {op.name: "int8" for op in found.ops}
    return outputs(quantizer.quantize(data, ranges, types, ("float32", "float32")), images)


def test_it_computes_the_same_and_int8_loses_less(uneven):
    data, images = uneven
    equal = equalize.equalize(data, images)
    wanted = outputs(data, images)
    assert np.abs(outputs(equal, images) - wanted).max() < 1e-5 * np.ptp(wanted)
    before, after = (np.sqrt(((in_int8(one, images) - wanted) ** 2).mean()) for one in (data, equal))
    assert after < before / 3


def test_what_is_not_quantized_keeps_its_tensors(uneven):
    data, images = uneven
    everything = frozenset(op.name for op in inspect_bytes(data, "m").ops)
    assert equalize.equalize(data, images, everything) == equalize._unshared(data)
