import pytest

from poseport.train import config, presets


def test_an_unknown_preset_lists_those_that_exist():
    with pytest.raises(
        ValueError, match="mobile-hourglass, mobilenet-hourglass, mobilenet-hourglass-large, cpm, mobile-cpm, deeppose"
    ):
        presets.preset("mobile-hourglas")


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_every_preset_has_a_loss_that_trains_it(name):
    preset = presets.preset(name)
    config.check(preset.spec, preset.train)
    assert preset.spec.name == name
