"""Networks as others publish them: .tflite files without a card, their specs beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from poseport.architecture import ForeignArchitecture
from poseport.records import write_json
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, KeypointsOutput, PoseSpec
from poseport.tflite import sidecar

SOURCE = ForeignArchitecture(source="somebody, under some licence")
PIXELS = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
DECODED = PoseSpec("theirs", SOURCE, COCO17, (64, 64), KeypointsOutput(order="yxs"), **PIXELS)
MAPS = PoseSpec("maps", SOURCE, COCO17, (64, 64), HeatmapOutput(values="logits"), **PIXELS)


def maps_of() -> keras.Model:
    """Pixels minus one, scaled, to heatmaps: random weights whose peaks are far above the rest."""
    keras.utils.set_random_seed(7)
    layers = keras.layers
    image = keras.Input((64, 64, 3))
    x = layers.Conv2D(16, 3, 2, padding="same", activation="relu6", name="stem")(image)
    x = layers.DepthwiseConv2D(3, 2, padding="same", activation="relu", name="deep")(x)
    x = layers.Conv2D(32, 1, activation="relu", name="wide")(x)
    x = layers.Concatenate()([x, layers.AveragePooling2D(3, 1, padding="same")(x)])
    maps = layers.Conv2D(17, 3, padding="same", kernel_initializer="he_normal", name="maps")(x)
    return keras.Model(image, maps)


def decoded(model: Any, image: Any) -> Any:
    """int32 pixels to (1, 1, 17, 3) y, x and score, as MoveNet gives them: the decoder is in the graph."""
    raw = model(tf.cast(image, tf.float32) * (1 / 127.5) - 1.0, training=False)
    score = tf.reshape(tf.sigmoid(raw), (256, 17))
    best = tf.argmax(score, output_type=tf.int32)
    y, x = best // 16, best % 16
    found = tf.gather_nd(score, tf.stack([best, tf.range(17)], axis=-1))
    yx = tf.sqrt(tf.square((tf.cast(tf.stack([y, x], axis=-1), tf.float32) + 0.5) / 16))
    return tf.reshape(tf.concat([yx, found[:, None]], axis=-1), (1, 1, 17, 3))


def written(path: Path, spec: PoseSpec, *, optimized: str = "float16") -> Path:
    """A file of others and its spec. optimized: float32, float16 or dynamic."""
    model = maps_of()
    if isinstance(spec.output, KeypointsOutput):
        function, dtype = tf.function(lambda image: decoded(model, image)), tf.int32
    else:
        function, dtype = tf.function(lambda image: model(image / 127.5 - 1.0, training=False)), tf.float32
    concrete = function.get_concrete_function(tf.TensorSpec((1, 64, 64, 3), dtype))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([convert_variables_to_constants_v2(concrete)])
    if optimized != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if optimized == "float16":
        converter.target_spec.supported_types = [tf.float16]
    path.write_bytes(converter.convert())
    write_json(spec, sidecar.spec_path(path))
    return path
