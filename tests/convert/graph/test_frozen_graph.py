import keras
import numpy as np

from poseport.convert.graph.frozen_graph import load_frozen
from poseport.train.networks import models


def test_the_frozen_graph_is_the_network_and_has_one_named_output(tiny_bundle):
    network = load_frozen(tiny_bundle)
    spec, model = models.load(tiny_bundle, keras)
    assert network.spec == spec
    image = np.random.default_rng(0).random((1, *spec.input_hw, 3)).astype(np.float32)
    out = network.module.serve(image)
    assert list(out) == ["heatmaps"]
    np.testing.assert_allclose(out["heatmaps"], model.predict_on_batch(image), atol=1e-4)
    assert not network.function.variables
