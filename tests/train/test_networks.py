"""Both families: shapes, parts of the papers, and the same network under Keras 3 and tf_keras."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import tf_keras

from poseport.skeleton import COCO17, LSP14
from poseport.spec import CoordsOutput, DeepPoseArchitecture, HeatmapOutput, HourglassArchitecture, PoseSpec
from poseport.train import models, presets


def hourglass(**architecture):
    return PoseSpec("test", HourglassArchitecture(**architecture), COCO17, (64, 64), HeatmapOutput())


@pytest.mark.parametrize("block", ["separable", "bottleneck"])
@pytest.mark.parametrize("stacks", [1, 3])
def test_an_hourglass_gives_one_set_of_heatmaps_a_stack(block, stacks):
    model = models.build(hourglass(stacks=stacks, width=16, depth=2, block=block), keras)
    assert [tuple(o.shape) for o in model.outputs] == [(None, 16, 16, 17)] * stacks


def test_the_lowest_resolution_is_four_by_four():
    spec = replace(hourglass(width=16, depth=2), skeleton=LSP14)
    model = models.build(spec, keras)
    assert min(layer.output.shape[1] for layer in model.layers if len(layer.output.shape) == 4) == 4
    assert model.outputs[0].shape[-1] == 14


@pytest.mark.parametrize(("head", "low", "high"), [("sigmoid", 0.0, 1.0), ("relu", 0.0, np.inf)])
def test_the_head_activation_bounds_the_heatmaps(head, low, high):
    keras.utils.set_random_seed(0)
    model = models.build(hourglass(width=16, depth=2, head=head), keras)
    out = model.predict_on_batch(np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32") * 9)
    assert out.min() >= low
    assert out.max() <= high


def test_paper_sizes():
    assert models.build(presets.preset("hourglass-2").spec, keras).count_params() == pytest.approx(6.6e6, rel=0.02)
    assert models.build(presets.preset("mobile-hourglass").spec, keras).count_params() < 200_000


def test_deeppose_gives_coordinates():
    for trunk, size in (("alexnet", 96), ("mobile", 64)):
        architecture = DeepPoseArchitecture(trunk=trunk, width=0.25, dense_units=32, dropout=0.5)
        model = models.build(PoseSpec("test", architecture, COCO17, (size, size), CoordsOutput()), keras)
        assert tuple(model.outputs[0].shape) == (None, 17, 2)
        assert sum("dropout" in layer.name for layer in model.layers) == (2 if trunk == "alexnet" else 1)


@pytest.mark.parametrize(
    "spec",
    [
        hourglass(stacks=2, width=16, depth=2),
        PoseSpec("deep", DeepPoseArchitecture(width=0.25, dense_units=16), COCO17, (64, 64), CoordsOutput()),
    ],
    ids=["hourglass", "deeppose"],
)
def test_keras_3_and_tf_keras_build_the_same_network(spec):
    """tensorflow-model-optimization takes only tf_keras networks; weights are copied by layer name."""
    keras.utils.set_random_seed(1)
    new, old = models.build(spec, keras), models.build(spec, tf_keras)
    for layer in old.layers:
        if layer.get_weights():
            layer.set_weights(new.get_layer(layer.name).get_weights())
    images = np.random.default_rng(0).random((2, 64, 64, 3)).astype("float32")
    a, b = new.predict_on_batch(images), old.predict_on_batch(images)
    if isinstance(a, list):
        a, b = a[-1], b[-1]
    np.testing.assert_allclose(a, b, atol=1e-5)
