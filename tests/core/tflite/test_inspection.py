import numpy as np
import pytest
import tensorflow as tf

from poseport.tflite import inspection
from poseport.tflite.format.constants import constants


@pytest.fixture(scope="module")
def known():
    """A dense and two convolutions whose multiply-adds can be counted by hand."""
    rng = np.random.default_rng(0)

    def constant(*shape):
        return tf.constant(rng.normal(size=shape).astype(np.float32))

    a, b, c = constant(3, 3, 3, 8), constant(5, 5, 8, 1), constant(512, 10)

    @tf.function(input_signature=[tf.TensorSpec((1, 16, 16, 3), tf.float32, name="image")])
    def network(image):
        x = tf.nn.relu(tf.nn.conv2d(image, a, 2, "SAME"))
        x = tf.nn.depthwise_conv2d(x, b, [1, 1, 1, 1], "SAME")
        return {"out": tf.reshape(x, (1, 512)) @ c}

    module = tf.Module()
    module.network = network
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()], module)
    return converter.convert()


def test_multiply_adds_by_hand(known):
    found = inspection.inspect_bytes(known, "known.tflite")
    macs = {op.kind: op.macs for op in found.ops if op.macs}
    assert macs == {
        "CONV_2D": 8 * 8 * 8 * 3 * 3 * 3,
        "DEPTHWISE_CONV_2D": 8 * 8 * 8 * 5 * 5,
        "FULLY_CONNECTED": 512 * 10,
    }
    assert found.macs_by_dtype == {"float32": sum(macs.values())}
    assert found.bytes == len(known)
    assert found.inputs[0].shape == (1, 16, 16, 3)


@pytest.mark.parametrize("cut", [0.05, 0.3, 0.7])
def test_a_damaged_file_is_one_line(known, cut):
    with pytest.raises(ValueError, match=r"x\.tflite: (its flatbuffer is damaged|not a TFLite file)") as caught:
        inspection.inspect_bytes(known[: int(len(known) * cut)], "x.tflite")
    assert "\n" not in str(caught.value)


def test_not_tflite():
    with pytest.raises(ValueError, match="no TFL3 mark"):
        inspection.inspect_bytes(b"hello world", "x.tflite")


def test_multiply_adds_of_a_transposed_convolution_are_those_of_its_input():
    filters = tf.constant(np.random.default_rng(0).normal(size=(4, 4, 6, 3)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec((1, 8, 8, 3), tf.float32, name="image")])
    def network(image):
        return tf.nn.conv2d_transpose(image, filters, (1, 16, 16, 6), 2, "SAME")

    module = tf.Module()
    module.network = network
    converter = tf.lite.TFLiteConverter.from_concrete_functions([network.get_concrete_function()], module)
    found = inspection.inspect_bytes(converter.convert(), "up.tflite")
    assert found.op_counts == {"TRANSPOSE_CONV": 1}
    assert found.macs == 8 * 8 * 3 * 4 * 4 * 6
    weights = [w for w in constants(converter.convert(), "up.tflite") if w is not None and w.ndim == 4]
    np.testing.assert_array_equal(weights[0], np.transpose(filters, (2, 0, 1, 3)))
