"""Pose machines: every stage is supervised, and the later ones share one feature extractor."""

import keras
import pytest
from small_networks import cpm

from poseport.train.networks import models


@pytest.mark.parametrize("block", ["plain", "separable"])
def test_a_pose_machine_supervises_every_stage_and_deploys_no_background(block):
    gaussian = models.build(cpm(3, block, stride=8), keras)
    assert [tuple(o.shape) for o in gaussian.outputs] == [(None, 8, 8, 18), (None, 8, 8, 18), (None, 8, 8, 17)]
    logits = models.build(cpm(3, block, values="logits"), keras)
    assert [tuple(o.shape) for o in logits.outputs] == [(None, 16, 16, 17)] * 3
    assert len(models.build(cpm(1, block), keras).outputs) == 1


def test_stages_from_the_second_on_share_one_feature_extractor():
    one, two, three, four = (models.build(cpm(n, "plain"), keras) for n in (1, 2, 3, 4))
    extractor = sum(layer.count_params() for layer in two.layers if layer.name.startswith("two_"))
    assert extractor == sum(layer.count_params() for layer in one.layers if layer.name.startswith("one_"))
    stage = four.count_params() - three.count_params()
    assert stage == three.count_params() - two.count_params()
    # the first refining stage brings the extractor and, as it stops being the last, a background map before it
    background = 4 * 16 + 1 - (16 + 1)
    assert two.count_params() - one.count_params() == stage + extractor + background
