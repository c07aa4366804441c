import pytest

from poseport.skeleton import LSP14
from poseport.train import config, presets


def test_an_unknown_preset_lists_those_that_exist():
    with pytest.raises(ValueError, match="mobile-hourglass, cpm, mobile-cpm, deeppose"):
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


def test_laplace_gives_coordinates_their_sigma_and_another_loss_takes_it_away():
    preset = presets.customise(presets.preset("mobile-deeppose"), {"loss": "laplace"})
    assert preset.spec.output_shape == (17, 3)
    assert presets.customise(preset, {"loss": "l1"}).spec.output_shape == (17, 2)
    visibility = presets.customise(presets.preset("deeppose-visibility"), {"loss": "l1"})
    assert visibility.spec.output.score == "visibility"


def test_a_machine_trained_by_softmax_has_no_background():
    preset = presets.customise(presets.preset("cpm"), {"loss": "softmax"})
    assert preset.spec.output.values == "logits"


def test_all_keypoints_visible_can_be_asked_for_and_not():
    assert presets.preset("deeppose").train.require_all_visible
    assert not presets.customise(presets.preset("deeppose"), {"require_all_visible": False}).train.require_all_visible
    assert presets.customise(presets.preset("cpm"), {"require_all_visible": True}).train.require_all_visible


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


def test_a_word_of_another_family_is_refused():
    with pytest.raises(ValueError, match="preset mobile-cpm: block"):
        presets.customise(presets.preset("mobile-cpm"), {"block": "bottleneck"})
