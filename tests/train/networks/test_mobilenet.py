"""MobileNetV2 as an encoder that is cut after any block."""

import keras
import pytest
from small_networks import on_mobilenet

from poseport.train.networks import models


@pytest.mark.parametrize(("blocks", "stride"), [(4, 8), (6, 8), (7, 16), (13, 16), (14, 32), (17, 32)])
def test_an_encoder_ends_where_its_blocks_do(blocks, stride):
    spec = on_mobilenet(blocks=blocks)
    assert spec.architecture.encoder_stride == stride
    model = models.build(spec, keras)
    assert model.get_layer("top_conv").output.shape[1] == 64 // stride
    assert model.outputs[0].shape[1:] == (16, 16, 17)
