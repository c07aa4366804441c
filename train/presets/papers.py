"""The networks of the papers, with the recipes that these name."""

from __future__ import annotations

from dataclasses import replace

from poseport.architecture import CpmArchitecture, DeepPoseArchitecture, HourglassArchitecture
from poseport.skeletons import COCO17, LSP14, MPII16
from poseport.spec import CoordsOutput, Decode, HeatmapOutput, PoseSpec, Refine
from poseport.train.config import TrainConfig
from poseport.train.presets.preset import MODEST_AUGMENT, Preset
from poseport.train.samples.augment import MEDIUM, AugmentConfig


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
        loss="mse", epochs=100, batch=16, learning_rate=1e-3, augment=MODEST_AUGMENT,
    )  # fmt: skip
    about = "convolutional pose machine, 3 stages, 9x9 and 11x11 convolutions"
    return Preset(about, spec, train, 16_670_642, "Wei et al. 2016")


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


def _deeppose_refine() -> Preset:
    first = _deeppose()
    # sigma 2 as on LSP, whose whole bodies are closer to COCO's people than FLIC's upper bodies (section 4.1);
    # an epoch has every labelled keypoint once, newly displaced: 40 epochs are the paper's 40 samples per keypoint
    spec = replace(first.spec, name="deeppose-refine", refine=Refine(box_sigma=2.0))
    train = replace(first.train, epochs=40, eval_every=4)
    about = "later stage of a DeepPose cascade; --refine names the stage before"
    return Preset(about, spec, train, 58_424_770, "Toshev and Szegedy 2014")


PRESETS = (
    _hourglass(2),
    _hourglass(4),
    _hourglass(8),
    _hourglass_rmsprop(),
    _cpm(),
    _deeppose(),
    _deeppose_visibility(),
    _deeppose_resnet18(),
    _deeppose_refine(),
)
