"""Networks for phones, in the families of the papers."""

from __future__ import annotations

from dataclasses import replace

from poseport.architecture import CpmArchitecture, DeepPoseArchitecture, HourglassArchitecture, MobileNetArchitecture
from poseport.skeletons import COCO17
from poseport.spec import CoordsOutput, Decode, HeatmapOutput, PoseSpec, Refine
from poseport.train.config import TrainConfig
from poseport.train.presets.preset import MODEST_AUGMENT, Preset
from poseport.train.samples.augment import AugmentConfig


def _mobile_hourglass() -> Preset:
    # poseport train --preset mobile-hourglass --data LSPET/train --val LSPET/val --epochs 22 --eval-every 5
    # 78 minutes on two CPU cores that also ran other work: LSPET val, 12 body keypoints, no flip, AP .158, PCK@0.1 .523
    spec = PoseSpec(
        name="mobile-hourglass",
        architecture=HourglassArchitecture(stacks=1, width=96, depth=4, block="separable", head="linear"),
        skeleton=COCO17,
        input_hw=(192, 192),
        output=HeatmapOutput(sigma=1.5, values="logits", decode=Decode("oks")),
    )
    train = TrainConfig(
        loss="softmax", epochs=60, batch=32, learning_rate=2e-3, optimizer="adamw", weight_decay=1e-4, warmup=0.5,
        augment=MODEST_AUGMENT,
    )  # fmt: skip
    about = "one depthwise-separable hourglass of width 96"
    return Preset(about, spec, train, 181_985, "poseport, after Newell et al. 2016")


def _mobile_cpm() -> Preset:
    mobile = _mobile_hourglass()
    spec = replace(mobile.spec, name="mobile-cpm", architecture=CpmArchitecture(stages=3, width=96, block="separable"))
    about = "pose machine of 3 stages, depthwise 5x5 convolutions of width 96"
    return Preset(about, spec, mobile.train, 162_531, "poseport, after Wei et al. 2016")


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


def _mobilenet_deeppose() -> Preset:
    # 16 of the 17 blocks: the last one is a fifth of the encoder's weights. 160 pixels make 5 x 5 cells of stride 32
    regressor = _mobile_deeppose()
    spec = replace(
        regressor.spec,
        name="mobilenet-deeppose",
        architecture=MobileNetArchitecture(multiplier=1.0, blocks=16, width=64, dense_units=256),
        input_hw=(160, 160),
    )
    train = replace(regressor.train, learning_rate=1e-3, clip_norm=1.0, ema=0.998)
    about = "coordinate regression on MobileNetV2's first 16 blocks; --init takes an encoder's .tflite file"
    return Preset(about, spec, train, 1_798_323, "poseport, after Sandler et al. 2018; loss of Li et al. 2021")


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
        augment=MODEST_AUGMENT,
    )  # fmt: skip
    about = "coordinate regression on a depthwise-separable trunk"
    return Preset(about, spec, train, 933_539, "poseport; loss of Li et al. 2021")


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


PRESETS = (
    _mobile_hourglass(),
    _mobilenet(),
    _mobilenet_large(),
    _mobilenet_deeppose(),
    _mobile_cpm(),
    _mobile_deeppose(),
    _mobile_deeppose_refine(),
)
