"""A network of somebody else, as the tests of imports take it."""

from pathlib import Path

import keras
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from poseport.architecture import ForeignArchitecture
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, PoseSpec

SPEC = PoseSpec(
    "theirs",
    ForeignArchitecture(source="somebody, under some licence"),
    COCO17,
    (64, 64),
    HeatmapOutput(values="logits"),
    mean=(0.0, 0.0, 0.0),
    std=(1.0, 1.0, 1.0),
)


def theirs() -> keras.Model:
    """A network with one of every operation that the reader knows, its heatmaps in the middle of other outputs."""
    layers = keras.layers
    keras.utils.set_random_seed(3)
    image = keras.Input((64, 64, 3))
    x = layers.Rescaling(1 / 127.5, -1.0)(image)
    x = layers.Conv2D(8, 3, 2, padding="same", activation="relu6")(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(x)
    x = layers.DepthwiseConv2D(3, 2, padding="valid", activation="relu")(x)
    across = layers.Conv2D(8, 1)(x)
    y = layers.MaxPooling2D(2)(across)
    y = layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.Constant(0.2))(y)
    gate = layers.GlobalAveragePooling2D()(y)
    gate = layers.Dense(8, activation="sigmoid")(layers.Dense(4, activation="relu")(gate))
    y = layers.Multiply()([y, layers.Reshape((1, 1, 8))(gate)])
    z = layers.Activation("hard_swish")(layers.AveragePooling2D(2, padding="same")(y))
    z = layers.UpSampling2D(2, interpolation="bilinear")(z)
    y = layers.Concatenate()([y, z])
    y = layers.Conv2DTranspose(8, 4, 2, padding="same")(y)
    y = layers.Add()([across, y])
    y = layers.BatchNormalization(moving_mean_initializer="ones", beta_initializer="ones")(y)
    maps = layers.Conv2D(17, 1, name="maps")(y)
    other = layers.Activation("sigmoid", name="other")(layers.Conv2D(2, 1)(y))
    return keras.Model(image, [maps, other])


def converted(network: keras.Model, float16: bool = False) -> bytes:
    """The network as a .tflite of a fixed batch of one."""
    function = tf.function(lambda image: network(image, training=False))
    concrete = function.get_concrete_function(tf.TensorSpec((1, *network.input_shape[1:]), tf.float32))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(concrete)])
    if float16:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    data: bytes = converter.convert()
    return data


def maps_of(file: Path) -> str:
    """Name of the file's output with one map per keypoint."""
    found = Interpreter(str(file)).get_output_details()
    return next(str(one["name"]) for one in found if one["shape"][-1] == 17)
