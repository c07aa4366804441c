import pytest

from poseport.skeleton import LSP14
from poseport.train import config, presets


def test_an_unknown_preset_lists_those_that_exist():
    with pytest.raises(ValueError, match="mobile-hourglass, deeppose, mobile-deeppose"):
        presets.preset("mobile-hourglas")


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_every_preset_has_a_loss_that_trains_it(name):
    preset = presets.preset(name)
    config.check(preset.spec, preset.train)
    assert preset.spec.name == name


def test_another_loss_changes_what_the_heatmaps_mean():
    preset = presets.customise(presets.preset("mobile-hourglass"), {"loss": "mse", "epochs": 7, "rotation_deg": 0.0})
    assert preset.spec.output.values == "gaussian"
    assert preset.train.epochs == 7
    assert preset.train.augment.rotation_deg == 0.0
    assert preset.train.batch == presets.preset("mobile-hourglass").train.batch


def test_a_loss_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="choose mse or l1"):
        presets.customise(presets.preset("mobile-deeppose"), {"loss": "softmax"})
    with pytest.raises(ValueError, match="choose mse"):
        presets.customise(presets.preset("hourglass-2"), {"loss": "l1"})


def test_an_input_that_cannot_be_halved_often_enough_is_refused():
    with pytest.raises(ValueError, match="multiples of 64"):
        presets.customise(presets.preset("mobile-hourglass"), {"input_size": 200})


def test_another_skeleton():
    preset = presets.with_skeleton(presets.preset("mobile-hourglass"), LSP14)
    assert preset.spec.output_shape == (48, 48, 14)
