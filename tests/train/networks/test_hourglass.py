"""Hourglasses: shapes and bounds of their heatmaps."""

from dataclasses import replace

import keras
import numpy as np
import pytest
from small_networks import hourglass

from poseport.skeletons import LSP14, MPII16
from poseport.train.networks import models


@pytest.mark.parametrize("block", ["separable", "bottleneck"])
@pytest.mark.parametrize("stacks", [1, 3])
def test_an_hourglass_gives_one_set_of_heatmaps_a_stack(block, stacks):
    model = models.build(hourglass(stacks=stacks, width=16, depth=2, block=block), keras)
    assert [tuple(o.shape) for o in model.outputs] == [(None, 16, 16, 17)] * stacks


@pytest.mark.parametrize("skeleton", [LSP14, MPII16], ids=lambda s: s.name)
def test_the_lowest_resolution_is_four_by_four(skeleton):
    spec = replace(hourglass(width=16, depth=2), skeleton=skeleton)
    model = models.build(spec, keras)
    assert min(layer.output.shape[1] for layer in model.layers if len(layer.output.shape) == 4) == 4
    assert model.outputs[0].shape[-1] == len(skeleton)


@pytest.mark.parametrize(("head", "low", "high"), [("sigmoid", 0.0, 1.0), ("relu", 0.0, np.inf)])
def test_the_head_activation_bounds_the_heatmaps(head, low, high):
    keras.utils.set_random_seed(0)
    model = models.build(hourglass(width=16, depth=2, head=head), keras)
    out = model.predict_on_batch(np.random.default_rng(0).normal(size=(2, 64, 64, 3)).astype("float32") * 9)
    assert out.min() >= low
    assert out.max() <= high
