"""Files that are not what their recipe says."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from poseport.architecture import HourglassArchitecture
from poseport.convert import recipes
from poseport.convert.engines import tflite_converter
from poseport.convert.graph.frozen_graph import FrozenNetwork, load_frozen
from poseport.convert.verify import recipe_checks
from poseport.convert.verify.parity import Parity
from poseport.skeletons import COCO17
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.tflite import inspection


def test_a_batch_norm_after_relu_is_found(tmp_path):
    """The order of several public hourglasses: a MUL stays behind, and the file is refused."""
    image = keras.Input((64, 64, 3))
    x = keras.layers.Conv2D(8, 3, padding="same")(image)
    x = keras.layers.BatchNormalization()(keras.layers.ReLU()(x))
    model = keras.Model(image, keras.layers.Conv2D(4, 3, padding="same")(x))
    model.layers[3].set_weights([np.full(8, 1.5), np.full(8, 0.1), np.full(8, 0.2), np.full(8, 2.0)])
    function = tf.function(lambda image: {"heatmaps": model(image)}).get_concrete_function(
        tf.TensorSpec((1, 64, 64, 3), tf.float32, name="image")
    )
    module = tf.Module()
    module.model, module.function = model, function
    spec = PoseSpec("hg", HourglassArchitecture(), COCO17, (64, 64), HeatmapOutput())
    flatbuffer = tflite_converter.convert(FrozenNetwork(spec, model, function, module), recipes.recipe("float32"))
    found = inspection.inspect_bytes(flatbuffer, "bn.tflite")
    with pytest.raises(ValueError, match=r"MUL left over: a batch normalisation did not fold.*nothing was written"):
        recipe_checks.check_recipe(found, recipes.recipe("float32"), spec)


def test_a_float_file_is_no_int8(tiny_models, tiny_bundle):
    found = inspection.inspect_bytes(tiny_models["float32"].read_bytes(), "m")
    spec = load_frozen(tiny_bundle).spec
    with pytest.raises(ValueError, match=r"compute in float and hold 100\.0 % of the multiply-adds.*is float32"):
        recipe_checks.check_recipe(found, recipes.recipe("int8"), spec)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ("16x8", "ADD .* computes in int8, expected int16.*is int8, expected int16"),
        ("int8-per-tensor", "weights with one scale per channel: "),
        ("int8-floatio", "is int8, expected float32"),
    ],
)
def test_an_int8_file_is_nothing_else(recipe, message, tiny_models, tiny_bundle):
    found = inspection.inspect_bytes(tiny_models["int8"].read_bytes(), "m")
    with pytest.raises(ValueError, match=message):
        recipe_checks.check_recipe(found, recipes.recipe(recipe), load_frozen(tiny_bundle).spec)


def test_a_mixed_file_holds_the_layers_that_it_names(tiny_models, tiny_bundle):
    spec = load_frozen(tiny_bundle).spec
    found = inspection.inspect_bytes(tiny_models["int8"].read_bytes(), "m")
    some = next(op.name for op in found.ops)
    for recipe, wanted in (("mixed-float32", "float32"), ("mixed-16x8", "int16")):
        with pytest.raises(ValueError, match=rf"computes in int8, expected {wanted}"):
            recipe_checks.check_recipe(found, recipes.recipe(recipe), spec, {some})
        with pytest.raises(ValueError, match="no operation elsewhere, which the recipe keeps in"):
            recipe_checks.check_recipe(found, recipes.recipe(recipe), spec, {"elsewhere"})
    with pytest.raises(ValueError, match="operations compute in float"):
        recipe_checks.check_recipe(
            inspection.inspect_bytes(tiny_models["float32"].read_bytes(), "m"),
            recipes.recipe("mixed-float32"),
            spec,
            {some},
        )


def test_lost_confidence_is_refused(tmp_path):
    collapsed = Parity(8, 100, 136, 3.0, 9.0, 12.0, keras_score=0.6, tflite_score=0.01)
    with pytest.raises(ValueError, match=r"confidence collapsed from 0\.600 to 0\.010"):
        recipe_checks.check_parity(collapsed, recipes.recipe("int8"), tmp_path / "m.tflite")
    drifted = Parity(8, 100, 136, 0.4, 2.0, 12.0, keras_score=0.6, tflite_score=0.6)
    with pytest.raises(ValueError, match=r"differ from the float network by 2\.00 px"):
        recipe_checks.check_parity(drifted, recipes.recipe("float32"), tmp_path / "m.tflite")
    recipe_checks.check_parity(drifted, recipes.recipe("int8"), tmp_path / "m.tflite")
