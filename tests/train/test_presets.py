import keras
import pytest

from poseport.train import config, presets
from poseport.train.networks import models


def test_an_unknown_preset_lists_those_that_exist():
    with pytest.raises(
        ValueError, match="mobile-hourglass, mobilenet-hourglass, mobilenet-hourglass-large, mobilenet-deeppose"
    ):
        presets.preset("mobile-hourglas")


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_every_preset_has_a_loss_that_trains_it(name):
    preset = presets.preset(name)
    config.check(preset.spec, preset.train)
    assert preset.spec.name == name
    assert preset.about
    assert preset.source


SMALL = [name for name, preset in presets.PRESETS.items() if preset.parameters < 1_000_000]


@pytest.mark.parametrize(
    "name", [name if name in SMALL else pytest.param(name, marks=pytest.mark.slow) for name in presets.PRESETS]
)
def test_the_parameters_that_the_command_prints_are_those_of_the_network(name):
    preset = presets.preset(name)
    assert models.build(preset.spec, keras).count_params() == preset.parameters
