"""Regressors: coordinates with or without a score, on every trunk."""

import keras
import numpy as np
import pytest
from small_networks import deeppose, on_mobilenet

from poseport.train.networks import mobilenet, models


@pytest.mark.parametrize(("score", "numbers"), [("none", 2), ("visibility", 3), ("sigma", 3)])
def test_deeppose_gives_coordinates(score, numbers):
    for trunk, size in (("alexnet", 96), ("mobile", 64)):
        model = models.build(deeppose(trunk, score, size), keras)
        assert tuple(model.outputs[0].shape) == (None, 17, numbers)
        assert sum("dropout" in layer.name for layer in model.layers) == (2 if trunk == "alexnet" else 1)


def test_a_sigma_stays_between_0_and_1_whatever_comes_in():
    model = models.build(deeppose("mobile", "sigma"), keras)
    layer = model.get_layer("score")
    layer.set_weights([w * 0 + sign for w, sign in zip(layer.get_weights(), (0, 50), strict=True)])
    out = model.predict_on_batch(np.zeros((1, 64, 64, 3), np.float32))
    np.testing.assert_allclose(out[..., 2], 0.5)
    # the encoder is Keras's own MobileNetV2 without the last 1x1, which stands before a classifier
    whole = models.build(on_mobilenet(size=96, blocks=17), keras)
    encoder = sum(x.count_params() for x in whole.layers if x.name.startswith(mobilenet.ENCODER))
    theirs = keras.applications.MobileNetV2(input_shape=(96, 96, 3), alpha=0.25, include_top=False, weights=None)
    last = sum(theirs.get_layer(name).count_params() for name in ("Conv_1", "Conv_1_bn"))
    assert encoder == theirs.count_params() - last
