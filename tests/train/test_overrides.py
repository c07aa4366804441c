from dataclasses import fields

import pytest

from poseport.architecture import DeepPoseArchitecture, HourglassArchitecture
from poseport.skeleton import LSP14
from poseport.train import overrides, presets


def test_another_loss_changes_what_the_heatmaps_mean():
    preset = overrides.customise(presets.preset("mobile-hourglass"), {"loss": "mse", "epochs": 7, "rotation_deg": 0.0})
    assert preset.spec.output.values == "gaussian"
    assert preset.train.epochs == 7
    assert preset.train.augment.rotation_deg == 0.0
    assert preset.train.batch == presets.preset("mobile-hourglass").train.batch


def test_laplace_gives_coordinates_their_sigma_and_another_loss_takes_it_away():
    preset = overrides.customise(presets.preset("mobile-deeppose"), {"loss": "laplace"})
    assert preset.spec.output_shape == (17, 3)
    assert overrides.customise(preset, {"loss": "l1"}).spec.output_shape == (17, 2)
    visibility = overrides.customise(presets.preset("deeppose-visibility"), {"loss": "l1"})
    assert visibility.spec.output.score == "visibility"


def test_a_machine_trained_by_softmax_has_no_background():
    preset = overrides.customise(presets.preset("cpm"), {"loss": "softmax"})
    assert preset.spec.output.values == "logits"


def test_all_keypoints_visible_can_be_asked_for_and_not():
    assert presets.preset("deeppose").train.require_all_visible
    assert not overrides.customise(presets.preset("deeppose"), {"require_all_visible": False}).train.require_all_visible
    assert overrides.customise(presets.preset("cpm"), {"require_all_visible": True}).train.require_all_visible


def test_a_loss_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="choose mse or l1"):
        overrides.customise(presets.preset("mobile-deeppose"), {"loss": "softmax"})
    with pytest.raises(ValueError, match="choose mse"):
        overrides.customise(presets.preset("hourglass-2"), {"loss": "l1"})


def test_an_input_that_cannot_be_halved_often_enough_is_refused():
    with pytest.raises(ValueError, match="multiples of 64"):
        overrides.customise(presets.preset("mobile-hourglass"), {"input_size": 200})


def test_another_skeleton():
    preset = overrides.with_skeleton(presets.preset("mobile-hourglass"), LSP14)
    assert preset.spec.output_shape == (48, 48, 14)


def test_a_word_of_another_family_is_refused():
    with pytest.raises(ValueError, match="preset mobile-cpm: block"):
        overrides.customise(presets.preset("mobile-cpm"), {"block": "bottleneck"})


def test_every_field_of_the_training_can_be_overridden():
    given = {
        "optimizer": "sgd", "momentum": 0.9, "weight_decay": 0.1, "schedule": "step", "drop_at": (3, 5), "warmup": 1.0,
        "clip_norm": 2.0, "ema": 0.9, "precision": "mixed_bfloat16", "patience": 4, "epochs": 6, "batch": 7, "seed": 8,
        "learning_rate": 0.5, "min_keypoints": 9, "eval_every": 2, "freeze_epochs": 1, "loss": "mse",
        "require_all_visible": True,
    }  # fmt: skip
    train = overrides.customise(presets.preset("mobile-hourglass"), given).train
    assert given.keys() == {field.name for field in fields(train)} - {"augment", "teacher"}
    assert {name: getattr(train, name) for name in given} == given


def test_drops_of_the_rate_move_with_the_epochs_unless_they_are_given():
    hourglass = presets.preset("hourglass-4")
    assert hourglass.train.drop_at == (70,)  # of 107
    assert overrides.customise(hourglass, {"epochs": 20}).train.drop_at == (13,)
    assert overrides.customise(hourglass, {"epochs": 1}).train.drop_at == (1,)
    assert overrides.customise(hourglass, {"epochs": 20, "drop_at": (18,)}).train.drop_at == (18,)
    with pytest.raises(ValueError, match="expected at least one from 1 to 20"):
        overrides.customise(hourglass, {"epochs": 20, "drop_at": (21,)})


def test_the_network_of_a_preset_can_be_overridden():
    spec = overrides.customise(
        presets.preset("hourglass-2"),
        {
            "stacks": 3,
            "width": 64.0,
            "head": "linear",
            "loss": "softmax",
            "sigma": 2.0,
            "decode": "dark",
            "padding": 1.1,
        },
    ).spec
    assert spec.architecture == HourglassArchitecture(stacks=3, width=64, depth=4, block="bottleneck", head="linear")
    assert isinstance(spec.architecture.width, int)
    assert (spec.output.sigma, spec.output.decode.method, spec.padding) == (2.0, "dark", 1.1)
    deep = overrides.customise(
        presets.preset("mobile-deeppose"), {"width": 0.5, "dropout": 0.2, "dense_units": 16}
    ).spec
    assert deep.architecture == DeepPoseArchitecture(trunk="mobile", width=0.5, dense_units=16, dropout=0.2)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("deeppose", {"stacks": 2}, "--stacks is nothing that deeppose has"),
        ("deeppose", {"sigma": 2.0}, "--sigma is about heatmaps, and deeppose has none"),
        ("hourglass-2", {"dense_units": 8}, "--dense-units is nothing that hourglass-2 has"),
        ("hourglass-2", {"width": 64.5}, "takes whole numbers"),
        ("hourglass-2", {"width": float("inf")}, "takes whole numbers"),
        ("mobile-hourglass", {"schedule": "step"}, "--drop-at"),
    ],
)
def test_an_option_that_means_nothing_to_the_network_is_refused(name, given, message):
    with pytest.raises(ValueError, match=message):
        overrides.customise(presets.preset(name), given)
