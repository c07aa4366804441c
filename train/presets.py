"""Presets: named pairs of a network and a training recipe.

A new preset is a function here that returns a `Preset`, and its call in `PRESETS`. `poseport presets` then lists it,
and `tests/train/test_presets.py` holds its number of parameters to the network that is built.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from poseport.architecture import (
    CpmArchitecture,
    DeepPoseArchitecture,
    HourglassArchitecture,
    MobileNetArchitecture,
)
from poseport.skeletons import COCO17, LSP14, MPII16
from poseport.spec import CoordsOutput, Decode, HeatmapOutput, PoseSpec, Refine
from poseport.train.config import TrainConfig
from poseport.train.samples.augment import MEDIUM, AugmentConfig


@dataclass(frozen=True)
class Preset:
    """A named pair of a network and how it is trained.

    Attributes:
        about: What the network is, in one line (`poseport presets` prints it).
        spec: The network.
        train: How it is trained.
        parameters: Number of weights.
        source: Where the network and its recipe come from.
    """

    about: str
    spec: PoseSpec
    train: TrainConfig
    parameters: int
    source: str


_MOBILE_AUGMENT = AugmentConfig(rotation_deg=40, scale=0.25, shift=0.04, flip=0.5, brightness=25.6, contrast=0.2)


def _hourglass(stacks: int) -> Preset:
    spec = PoseSpec(
        name=f"hourglass-{stacks}",
        architecture=HourglassArchitecture(stacks=stacks, width=256, depth=4, block="bottleneck", head="sigmoid"),
        skeleton=COCO17,
        input_hw=(256, 256),
        # sigma 1 cell: 4 input pixels at stride 4, as Lee et al. settle on in section 4.5
        output=HeatmapOutput(sigma=1.0, values="gaussian", decode=Decode("seed")),
        padding=1.3,
    )
    # Adam, 5e-3 -> 5e-4 around epoch 70 of 107, medium augmentation (Lee et al., sections 3.3.2 and 4.8, table 1)
    train = TrainConfig(
        loss="mse", epochs=107, batch=12, learning_rate=5e-3, schedule="step", drop_at=(70,), augment=MEDIUM,
    )  # fmt: skip
    parameters = {2: 6_590_178, 4: 12_897_028, 8: 25_510_728}[stacks]
    about = f"stacked hourglass, {stacks} stacks of width 256"
    return Preset(about, spec, train, parameters, "Newell et al. 2016; recipe of Lee et al.")


def _hourglass_rmsprop() -> Preset:
    spec = PoseSpec(
        name="hourglass-8-rmsprop",
        architecture=HourglassArchitecture(stacks=8, width=256, depth=4, block="bottleneck", head="linear"),
        skeleton=LSP14,  # 14 keypoints; the skeleton of the data replaces it
        input_hw=(256, 256),
        output=HeatmapOutput(sigma=1.0, values="gaussian", decode=Decode("quarter")),
    )
    # 200,000 iterations of 16 on FLIC's 3,987 people are 803 epochs
    train = TrainConfig(
        loss="mse", epochs=803, batch=16, learning_rate=1e-3, optimizer="rmsprop", schedule="constant",
        augment=AugmentConfig(rotation_deg=30, scale=0.25), eval_every=10,
    )  # fmt: skip
    return Preset("stacked hourglass, 8 stacks, trained with RMSprop", spec, train, 25_499_184, "Bhansali")


def _cpm() -> Preset:
    spec = PoseSpec(
        name="cpm",
        architecture=CpmArchitecture(stages=3, width=128, block="plain"),
        skeleton=MPII16,
        input_hw=(368, 368),
        output=HeatmapOutput(stride=8, sigma=1.0, values="gaussian", decode=Decode("dark")),
    )
    # the document names no optimizer, rate, batch or augmentation
    train = TrainConfig(
        loss="mse", epochs=100, batch=16, learning_rate=1e-3, augment=_MOBILE_AUGMENT,
    )  # fmt: skip
    about = "convolutional pose machine, 3 stages, 9x9 and 11x11 convolutions"
    return Preset(about, spec, train, 16_670_642, "Wei et al. 2016")


def _mobile_cpm() -> Preset:
    mobile = _mobile_hourglass()
    spec = replace(mobile.spec, name="mobile-cpm", architecture=CpmArchitecture(stages=3, width=96, block="separable"))
    about = "pose machine of 3 stages, depthwise 5x5 convolutions of width 96"
    return Preset(about, spec, mobile.train, 162_531, "poseport, after Wei et al. 2016")


def _mobile_hourglass() -> Preset:
    # poseport train --preset mobile-hourglass --data LSPET/train --val LSPET/val --epochs 22 --eval-every 5
    # 78 minutes on two CPU cores that also ran other work: LSPET val, 12 body keypoints, no flip, AP .158, PCK@0.1 .523
    spec = PoseSpec(
        name="mobile-hourglass",
        architecture=HourglassArchitecture(stacks=1, width=96, depth=4, block="separable", head="linear"),
        skeleton=COCO17,
        input_hw=(192, 192),
        output=HeatmapOutput(sigma=1.5, values="logits", decode=Decode("dark")),
    )
    train = TrainConfig(
        loss="softmax", epochs=60, batch=32, learning_rate=2e-3, optimizer="adamw", weight_decay=1e-4, warmup=0.5,
        augment=_MOBILE_AUGMENT,
    )  # fmt: skip
    about = "one depthwise-separable hourglass of width 96"
    return Preset(about, spec, train, 181_985, "poseport, after Newell et al. 2016")


def _mobilenet() -> Preset:
    mobile = _mobile_hourglass()
    spec = replace(
        mobile.spec,
        name="mobilenet-hourglass",
        architecture=MobileNetArchitecture(multiplier=1.0, blocks=11, width=80, depth=1),
    )
    train = replace(mobile.train, learning_rate=1e-3)
    about = "hourglass on MobileNetV2's first 11 blocks; --init takes an encoder's .tflite file"
    return Preset(about, spec, train, 392_657, "poseport, after Sandler et al. 2018")


def _mobilenet_large() -> Preset:
    small = _mobilenet()
    spec = replace(
        small.spec,
        name="mobilenet-hourglass-large",
        architecture=MobileNetArchitecture(multiplier=1.75, blocks=17, width=128, depth=0),
        input_hw=(256, 256),
    )
    about = "hourglass on all of a MobileNetV2, 1.75 times as wide; --init as above"
    return Preset(about, spec, small.train, 5_676_257, "poseport, after Sandler et al. 2018")


def _deeppose() -> Preset:
    spec = PoseSpec(
        name="deeppose",
        architecture=DeepPoseArchitecture(trunk="alexnet", width=1.0, dense_units=4096, dropout=0.6),
        skeleton=COCO17,
        input_hw=(224, 224),
        output=CoordsOutput(),
        padding=1.0,  # the bounding box itself (Gupta and Gritton, section 3.2)
    )
    # SGD 1e-3, batch 64, squared error, 2,700 epochs on 4,037 people (section 4.1); momentum is not mentioned
    train = TrainConfig(
        loss="mse", epochs=2700, batch=64, learning_rate=1e-3, optimizer="sgd", schedule="constant",
        eval_every=10, require_all_visible=True,
    )  # fmt: skip
    about = "DeepPose, AlexNet trunk with batch normalisation"
    return Preset(about, spec, train, 58_424_770, "Toshev and Szegedy 2014; recipe of Gupta and Gritton")


def _deeppose_visibility() -> Preset:
    # section 4.5.2: 51 outputs, and people with missing keypoints
    base = _deeppose()
    spec = replace(base.spec, name="deeppose-visibility", output=CoordsOutput(score="visibility"))
    train = replace(base.train, require_all_visible=False, min_keypoints=1)
    return Preset(
        "DeepPose that also predicts which keypoints are in the picture", spec, train, 58_494_419, "Gupta and Gritton"
    )


def _deeppose_resnet18() -> Preset:
    # section 4.5.3: the same regressor on another trunk, which the document proposes to train from scratch
    base = _deeppose()
    assert isinstance(base.spec.architecture, DeepPoseArchitecture)
    spec = replace(base.spec, name="deeppose-resnet18", architecture=replace(base.spec.architecture, trunk="resnet18"))
    return Preset("DeepPose on a ResNet-18 trunk", spec, base.train, 30_207_970, "Gupta and Gritton")


def _mobile_deeppose() -> Preset:
    # poseport train --preset mobile-deeppose --data LSPET/train --val LSPET/val --epochs 24 --eval-every 4
    # 32 minutes on two CPU cores that also ran other work: LSPET val, 12 body keypoints, no flip, AP .012, PCK@0.1 .254
    spec = PoseSpec(
        name="mobile-deeppose",
        architecture=DeepPoseArchitecture(trunk="mobile", width=1.0, dense_units=256, dropout=0.0),
        skeleton=COCO17,
        input_hw=(192, 192),
        output=CoordsOutput(score="sigma"),
    )
    train = TrainConfig(
        loss="laplace", epochs=100, batch=32, learning_rate=2e-3, optimizer="adamw", weight_decay=1e-4, warmup=0.5,
        augment=_MOBILE_AUGMENT,
    )  # fmt: skip
    about = "coordinate regression on a depthwise-separable trunk"
    return Preset(about, spec, train, 933_539, "poseport; loss of Li et al. 2021")


def _deeppose_refine() -> Preset:
    first = _deeppose()
    # sigma 2 as on LSP, whose whole bodies are closer to COCO's people than FLIC's upper bodies (section 4.1);
    # an epoch has every labelled keypoint once, newly displaced: 40 epochs are the paper's 40 samples per keypoint
    spec = replace(first.spec, name="deeppose-refine", refine=Refine(box_sigma=2.0))
    train = replace(first.train, epochs=40, eval_every=4)
    about = "later stage of a DeepPose cascade; --refine names the stage before"
    return Preset(about, spec, train, 58_424_770, "Toshev and Szegedy 2014")


def _mobile_deeppose_refine() -> Preset:
    spec = PoseSpec(
        name="mobile-deeppose-refine",
        architecture=DeepPoseArchitecture(trunk="mobile", width=0.5, dense_units=128, dropout=0.0),
        skeleton=COCO17,
        input_hw=(96, 96),
        output=CoordsOutput(),
        padding=1.0,
        refine=Refine(box_sigma=2.0),
    )
    train = TrainConfig(
        loss="l1", epochs=40, batch=64, learning_rate=2e-3, optimizer="adamw", weight_decay=1e-4, warmup=0.5,
        augment=AugmentConfig(rotation_deg=30, scale=0.15, flip=0.5, brightness=25.6, contrast=0.2), eval_every=4,
    )  # fmt: skip
    about = "later stage for any network, a crop around each keypoint; --refine names the stage before"
    return Preset(about, spec, train, 130_330, "poseport, after Toshev and Szegedy 2014")


PRESETS = {
    preset.spec.name: preset
    for preset in (
        _hourglass(2), _hourglass(4), _hourglass(8), _hourglass_rmsprop(), _mobile_hourglass(),
        _mobilenet(), _mobilenet_large(),
        _cpm(), _mobile_cpm(),
        _deeppose(), _deeppose_visibility(), _deeppose_resnet18(), _mobile_deeppose(),
        _deeppose_refine(), _mobile_deeppose_refine(),
    )
}  # fmt: skip


def preset(name: str) -> Preset:
    """Look up a preset.

    Args:
        name: Its name.

    Raises:
        ValueError: If it does not exist; the message lists those that do.
    """
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} does not exist; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]
