"""Biases that take back what rounding kernels does to the means of channels."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from poseport.architecture import ForeignArchitecture
from poseport.convert import calibration
from poseport.convert.calibration import CalibrationCrops
from poseport.convert.engines import bias, quantizer
from poseport.convert.engines.file_layers import layers_of, op_types
from poseport.convert.engines.ranges import measure_ranges
from poseport.data import coco
from poseport.data.drawn import synth
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, PoseSpec
from poseport.tflite.format import constants
from poseport.tflite.format.options import options
from poseport.tflite.inspection import CONVOLUTIONS, inspect_bytes
from poseport.tflite.interpreter import Runner

SPEC = PoseSpec("one", ForeignArchitecture(source="somebody"), COCO17, (32, 32), CoordsOutput())


def network():
    """Each kind of layer that has a kernel; strides, dilation and padding in both ways."""
    keras.utils.set_random_seed(3)
    layers = keras.layers
    image = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 3, 2, padding="same", activation="relu", bias_initializer="ones")(image)
    x = layers.DepthwiseConv2D(3, 2, padding="same", activation="relu")(x)
    x = layers.Conv2D(24, 3, padding="valid", activation="relu")(x)
    x = layers.Conv2D(24, 3, dilation_rate=2, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(16, 4, 2, padding="same", activation="relu")(x)
    return keras.Model(image, layers.Dense(34)(layers.Flatten()(x)))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The float file, the crops that calibrate, and it in int8 without and with other biases."""
    model = network()
    function = tf.function(lambda image: model(image, training=False), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec((1, 32, 32, 3), tf.float32))
    data = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    people = coco.load(synth.write_people(tmp_path_factory.mktemp("people"), 16, seed=3))
    crops = CalibrationCrops(people.persons)
    measured = measure_ranges(data, SPEC, crops)
    types = op_types(layers_of(inspect_bytes(data, "float")), (), None)
    ends = ("float32", "float32")
    plain = quantizer.quantize(data, measured.at(100), types, ends, per_channel=False)  # with one scale, it rounds more
    return data, list(calibration.inputs(SPEC, crops)), plain, bias.correct(plain, data, measured.means)


def test_each_layer_with_a_kernel_gets_its_own_bias(made):
    _, _, plain, corrected = made
    before, after = (inspect_bytes(file, "file") for file in (plain, corrected))
    assert [op.kind for op in before.ops] == [op.kind for op in after.ops]
    kinds = {op.kind for op in after.ops if op.kind in CONVOLUTIONS}
    assert kinds == set(CONVOLUTIONS)
    old, new = (constants.real_constants(file, "file") for file in (plain, corrected))
    for one, other in zip(before.ops, after.ops, strict=True):
        if one.kind in CONVOLUTIONS:
            assert (old[one.inputs[1]] == new[other.inputs[1]]).all()
            if one.kind != "TRANSPOSE_CONV":  # Keras adds its bias in an operation of its own
                assert (old[one.inputs[2]] != new[other.inputs[2]]).any()


@pytest.mark.parametrize(
    "layer",
    [
        keras.layers.Conv2D(4, 3, 2, padding="same", use_bias=False),
        keras.layers.Conv2D(4, 3, padding="valid", use_bias=False),
        keras.layers.Conv2D(4, 3, dilation_rate=2, padding="same", use_bias=False),
        keras.layers.DepthwiseConv2D(3, 2, padding="same", depth_multiplier=2, use_bias=False),
        keras.layers.Conv2DTranspose(4, 4, 2, padding="same", use_bias=False),
        keras.layers.Dense(5, use_bias=False),
    ],
    ids=["strided", "valid", "dilated", "depthwise", "transposed", "dense"],
)
def test_a_kernel_moves_the_mean_by_its_result_for_the_mean_input(layer):
    mean = np.random.default_rng(0).random((9, 8, 3) if layer.name[:5] != "dense" else (6,), np.float32)
    image = keras.Input(mean.shape)
    model = keras.Model(image, layer(image))
    function = tf.function(lambda x: model(x, training=False), autograph=False)
    concrete = function.get_concrete_function(tf.TensorSpec((1, *mean.shape), tf.float32))
    data = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    found, settings = inspect_bytes(data, "one"), options(data, "one")
    (place,) = (i for i, op in enumerate(found.ops) if op.kind in CONVOLUTIONS)
    op = found.ops[place]
    kernel = constants.real_constants(data, "one")[op.inputs[1]]
    shift = bias._shift(op.kind, kernel, mean, settings[place], found.tensors[op.outputs[0]].shape)
    wanted = np.asarray(model(mean[None]))
    assert np.allclose(shift, wanted.mean(axis=tuple(range(wanted.ndim - 1))), atol=1e-5)


def test_means_come_nearer_to_the_float_file(made):
    data, images, plain, corrected = made
    mean = [np.mean([Runner(file, "file").invoke(image) for image in images], 0) for file in (data, plain, corrected)]
    assert np.abs(mean[2] - mean[0]).mean() < 0.75 * np.abs(mean[1] - mean[0]).mean()
