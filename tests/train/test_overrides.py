"""Presets with other settings: what options and `--set` change, and what they refuse."""

import re

import pytest

from poseport.architecture import DeepPoseArchitecture, HourglassArchitecture
from poseport.skeletons import LSP14
from poseport.spec import SimccOutput
from poseport.train import overrides, presets


def customise(name, options=None, *settings):
    return overrides.customise(presets.preset(name), options or {}, settings)


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_a_preset_without_changes_stays_what_it_is(name):
    assert customise(name) == presets.preset(name)


@pytest.mark.parametrize("name", list(presets.PRESETS))
def test_every_setting_of_a_preset_can_be_set_to_the_value_that_it_has(name):
    settings = overrides.settings_of(presets.preset(name))
    from poseport.train.presets_cli import _text

    texts = [f"{key}={_text(value)}" for key, value in settings.items()]
    assert customise(name, {}, *texts) == presets.preset(name)


def test_another_loss_changes_what_the_heatmaps_mean():
    preset = customise("mobile-hourglass", {"loss": "mse", "epochs": 7}, "augment.rotation_deg=0")
    assert preset.spec.output.values == "gaussian"
    assert preset.train.epochs == 7
    assert preset.train.augment.rotation_deg == 0.0
    assert preset.train.batch == presets.preset("mobile-hourglass").train.batch
    assert customise("mobile-hourglass", {}, "train.loss=mse").spec.output.values == "gaussian"


def test_laplace_gives_coordinates_their_sigma_and_another_loss_takes_it_away():
    preset = customise("mobile-deeppose", {"loss": "laplace"})
    assert preset.spec.output_shape == (17, 3)
    assert overrides.customise(preset, {"loss": "l1"}).spec.output_shape == (17, 2)
    assert customise("deeppose-visibility", {"loss": "l1"}).spec.output.score == "visibility"


def test_a_machine_trained_by_softmax_has_no_background():
    assert customise("cpm", {"loss": "softmax"}).spec.output.values == "logits"


def test_all_keypoints_visible_can_be_asked_for_and_not():
    assert presets.preset("deeppose").train.require_all_visible
    assert not customise("deeppose", {}, "train.require_all_visible=false").train.require_all_visible
    assert customise("cpm", {}, "train.require_all_visible=True").train.require_all_visible


def test_a_loss_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="choose mse or l1"):
        customise("mobile-deeppose", {"loss": "softmax"})
    with pytest.raises(ValueError, match="choose mse"):
        customise("hourglass-2", {"loss": "l1"})


def test_an_input_that_cannot_be_halved_often_enough_is_refused():
    with pytest.raises(ValueError, match="multiples of 64"):
        customise("mobile-hourglass", {"input_size": 200})


def test_another_skeleton():
    preset = overrides.with_skeleton(presets.preset("mobile-hourglass"), LSP14)
    assert preset.spec.output_shape == (48, 48, 14)
    assert overrides.customise(preset, {"epochs": 3}).spec.skeleton == LSP14


def test_every_option_changes_its_setting():
    given = {
        "optimizer": "sgd", "schedule": "constant", "warmup": 1.0, "precision": "mixed_bfloat16", "patience": 4,
        "epochs": 6, "batch": 7, "seed": 8, "learning_rate": 0.5, "eval_every": 2, "freeze_epochs": 1, "loss": "mse",
    }  # fmt: skip
    preset = customise("mobile-hourglass", {**given, "decoder": "argmax", "input_size": 128})
    assert {*given, "decoder"} == overrides.OPTIONS.keys()
    assert {name: getattr(preset.train, name) for name in given} == given
    assert preset.spec.output.decode.method == "argmax"
    assert preset.spec.input_hw == (128, 128)


def test_drops_of_the_rate_move_with_the_epochs_unless_they_are_given():
    assert presets.preset("hourglass-4").train.drop_at == (70,)  # of 107
    assert customise("hourglass-4", {"epochs": 20}).train.drop_at == (13,)
    assert customise("hourglass-4", {"epochs": 1}).train.drop_at == (1,)
    assert customise("hourglass-4", {}, "train.epochs=20").train.drop_at == (13,)
    assert customise("hourglass-4", {"epochs": 20}, "train.drop_at=18").train.drop_at == (18,)
    assert customise("hourglass-4", {"epochs": 20}, "train.drop_at=10,18").train.drop_at == (10, 18)
    with pytest.raises(ValueError, match="expected at least one from 1 to 20"):
        customise("hourglass-4", {"epochs": 20}, "train.drop_at=21")


def test_the_network_of_a_preset_can_be_changed():
    settings = ("architecture.stacks=3", "architecture.width=64", "architecture.head=linear", "output.sigma=2")
    spec = customise("hourglass-2", {"loss": "softmax", "decoder": "dark"}, *settings, "spec.padding=1.1").spec
    assert spec.architecture == HourglassArchitecture(stacks=3, width=64, depth=4, block="bottleneck", head="linear")
    assert (spec.output.sigma, spec.output.decode.method, spec.padding) == (2.0, "dark", 1.1)
    settings = ("architecture.width=0.5", "architecture.dropout=0.2", "architecture.dense_units=16")
    deep = customise("mobile-deeppose", {}, *settings, "spec.mean=1,2,3.5").spec
    assert deep.architecture == DeepPoseArchitecture(trunk="mobile", width=0.5, dense_units=16, dropout=0.2)
    assert deep.mean == (1.0, 2.0, 3.5)
    assert customise("mobile-deeppose-refine", {}, "refine.box_sigma=1").spec.refine.box_sigma == 1


@pytest.mark.parametrize(
    ("name", "options", "setting", "message"),
    [
        ("deeppose", {"decoder": "dark"}, None, "--decoder does not apply to preset deeppose; remove it"),
        ("deeppose", {}, "output.sigma=2", "--set output.sigma: preset deeppose has no such setting; nearest first: "),
        ("hourglass-2", {}, "architecture.dense_units=8", "nearest first: architecture.depth, architecture.stacks, "),
        ("hourglass-2", {}, "architecture.widht=64", "has no such setting; nearest first: architecture.width, "),
        ("hourglass-2", {}, "momentum=0.9", "preset hourglass-2 has no such setting; nearest first: train.momentum"),
        ("hourglass-2", {}, "architecture.kind=cpm", "has no such setting"),
        ("hourglass-2", {}, "output.decode=dark", "has no such setting; nearest first: output.decode"),
        ("hourglass-2", {}, "architecture.width=64.5", "preset hourglass-2: architecture: width: 64.5 is not a int"),
        ("hourglass-2", {}, "architecture.width=Infinity", "width: inf is not a int"),
        ("hourglass-2", {}, "augment.blur=lots", "preset hourglass-2: augment: blur: 'lots' is not a float"),
        ("hourglass-2", {}, "augment.blur=2", "blur 2.0 is out of range; expected 0 to 1"),
        ("hourglass-2", {}, "spec.mean=1,2", "preset hourglass-2: mean: 2 values, expected 3"),
        ("hourglass-2", {}, "train.momentum", "--set 'train.momentum': expected KEY=VALUE"),
        ("mobile-cpm", {}, "architecture.block=bottleneck", "block: 'bottleneck' is not one of plain, separable"),
        ("mobile-hourglass", {"schedule": "step"}, None, "--set train.drop_at="),
    ],
)  # fmt: skip
def test_a_setting_that_does_not_suit_the_network_is_refused(name, options, setting, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        customise(name, options, *([setting] if setting else []))


def test_settings_of_a_teacher_are_kept_apart():
    fields, others = overrides.teacher_settings(["teacher.flip=true", "train.seed=3", "teacher.threshold=0.4"])
    assert fields == {"flip": True, "threshold": 0.4}
    assert others == ["train.seed=3"]
    with pytest.raises(
        ValueError, match=r"--set teacher\.flop: a teacher has no such setting; nearest first: teacher\.f"
    ):
        overrides.teacher_settings(["teacher.flop=true"])
    with pytest.raises(ValueError, match=r"threshold 0.0 \(above 0"):
        overrides.teacher_settings(["teacher.threshold=0"])


def test_another_kind_of_output_takes_its_head_and_its_loss():
    preset = customise("mobilenet-hourglass", {}, "output.kind=simcc", "output.sigma=4", "architecture.dense_units=32")
    assert preset.spec.output == SimccOutput(values="logits", sigma=4.0)
    assert (preset.spec.architecture.dense_units, preset.train.loss) == (32, "softmax")
    regressor = customise("mobilenet-hourglass", {}, "output.kind=coords")
    assert (regressor.spec.output_shape, regressor.train.loss) == ((17, 3), "laplace")
    assert customise("mobilenet-deeppose", {}, "output.kind=heatmap").spec.output_shape == (40, 40, 17)


def test_an_output_that_a_network_does_not_have_is_refused():
    with pytest.raises(ValueError, match="nothing is trained by that name; choose heatmap, coords, simcc"):
        customise("mobilenet-hourglass", {}, "output.kind=offsets")
    with pytest.raises(ValueError, match="a cpm network has no simcc output"):
        customise("cpm", {}, "output.kind=simcc")
