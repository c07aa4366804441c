"""Operations of networks of today, each rebuilt and compared with what TFLite computes."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from poseport.architecture import ForeignArchitecture
from poseport.convert.engines import tf_keras_twin
from poseport.convert.graph.shrink_flatbuffer import pack
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, PoseSpec
from poseport.tflite import inspection
from poseport.tflite.interpreter import Runner
from poseport.train.begin import importing, read_network
from poseport.train.networks import imported

SPEC = PoseSpec(
    "one", ForeignArchitecture(source="somebody"), COCO17, (32, 32), CoordsOutput(), mean=(0.0,) * 3, std=(1.0,) * 3
)
RANDOM = np.random.default_rng(0)


def kernel(*shape):
    values = RANDOM.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))
    return tf.constant(values.astype(np.float32))


def shuffled(x):
    """The channel shuffle of ShuffleNet and Lite-HRNet."""
    h, w, c = x.shape[1:]
    return tf.reshape(tf.transpose(tf.reshape(x, (1, h, w, 2, c // 2)), (0, 1, 2, 4, 3)), (1, h, w, c))


def squeezed(x, gate):
    """A squeeze and excitation block of MobileNetV3, EfficientNet and CSPNeXt."""
    mean = tf.reduce_mean(x, (1, 2), keepdims=True)
    return x * gate(tf.nn.conv2d(mean, kernel(1, 1, x.shape[-1], x.shape[-1]), 1, "SAME"))


def halves(x):
    """SPLIT along the channels, the halves in the other order."""
    first, second = tf.split(x, 2, axis=-1)
    return tf.concat([second, first], -1)


PARTS = {
    "HARD_SWISH": lambda x: x * tf.nn.relu6(x + 3) / 6,
    "LOGISTIC": lambda x: x * tf.sigmoid(x),
    "MEAN": lambda x: squeezed(x, tf.sigmoid),
    "MUL": lambda x: squeezed(x, lambda g: tf.nn.relu6(g + 3) * (1 / 6)),
    "SPLIT": halves,
    "STRIDED_SLICE": lambda x: tf.concat([x[:, ::2, ::2], x[:, 1::2, 1::2]], -1),
    "SLICE": lambda x: tf.slice(x, (0, 2, 0, 1), (1, 4, -1, 5)),
    "TRANSPOSE": shuffled,
    "RESIZE_NEAREST_NEIGHBOR": lambda x: tf.image.resize(x, (32, 32), "nearest"),
    "RESIZE_BILINEAR": lambda x: tf.image.resize(x, (32, 32), "bilinear"),
    "TRANSPOSE_CONV": lambda x: tf.nn.conv2d_transpose(x, kernel(4, 4, 8, 8), (1, 32, 32, 8), 2, "SAME"),
    "AVERAGE_POOL_2D": lambda x: tf.nn.avg_pool2d(x, 3, 2, "SAME"),
    "MAX_POOL_2D": lambda x: tf.nn.max_pool2d(x, 5, 1, "SAME"),
    "MINIMUM": lambda x: tf.minimum(x, 0.25),
    "RELU_0_TO_1": lambda x: x * tf.maximum(0.0, tf.minimum(1.0, x + 0.5)),
    "MAXIMUM": lambda x: tf.maximum(x, -0.25),
    "PAD": lambda x: tf.pad(x, ((0, 0), (1, 0), (0, 2), (0, 0))),
}


@pytest.mark.parametrize("kind", list(PARTS))
def test_an_operation_computes_what_tflite_does(kind):
    stem = kernel(3, 3, 3, 8)
    part = PARTS[kind]
    end = kernel(int(np.prod(part(tf.zeros((1, 16, 16, 8))).shape)), 34)

    def network(image):
        return tf.matmul(tf.reshape(part(tf.nn.conv2d(image, stem, 2, "SAME")), (1, -1)), end)

    data = tflite(network)
    assert kind in inspection.inspect_bytes(data, kind).op_counts
    check_rebuilt(data, kind)


def test_a_bias_may_have_four_dimensions():
    """litert-torch writes that of a transposed convolution so."""
    stem, up, bias, end = kernel(3, 3, 3, 8), kernel(4, 4, 8, 8), kernel(8), kernel(32 * 32 * 8, 34)

    def network(image):
        x = tf.nn.conv2d_transpose(tf.nn.conv2d(image, stem, 2, "SAME"), up, (1, 32, 32, 8), 2, "SAME")
        return tf.matmul(tf.reshape(tf.nn.relu(x + bias), (1, -1)), end)

    graph = schema.ModelT.InitFromPackedBuf(bytearray(tflite(network)), 0)
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in graph.operatorCodes]
    (op,) = (o for o in graph.subgraphs[0].operators if codes[o.opcodeIndex] == schema.BuiltinOperator.TRANSPOSE_CONV)
    graph.subgraphs[0].tensors[op.inputs[3]].shape = [1, 1, 1, 8]
    check_rebuilt(pack(graph, 1 << 20), "bias")


def tflite(network) -> bytes:
    function = tf.function(network, autograph=False).get_concrete_function(tf.TensorSpec((1, 32, 32, 3), tf.float32))
    return tf.lite.TFLiteConverter.from_concrete_functions([function]).convert()


def check_rebuilt(data: bytes, kind: str):
    """The network rebuilt from a file computes what the file does, in both Keras packages."""
    image = RANDOM.normal(size=(1, 32, 32, 3)).astype(np.float32)
    file = Runner(data, kind)
    wanted = file.invoke(image)
    found = read_network.read(data, kind)
    spec = importing.with_network(SPEC, found, Path(kind))
    for package in (keras, tf_keras_twin.packages()[0]):
        model = imported.build(spec, package)
        for position, arrays in found.weights.items():
            model.get_layer(imported.layer_name(spec, position)).set_weights(list(arrays))
        assert np.abs(np.asarray(model(image)).reshape(wanted.shape) - wanted).max() < 1e-4 * np.ptp(wanted)
