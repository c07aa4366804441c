"""Presets: a network and how to train it, as values. The command line overrides single fields."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from poseport.skeleton import COCO17, Skeleton
from poseport.spec import (
    CoordsOutput,
    Decode,
    DeepPoseArchitecture,
    HeatmapOutput,
    HourglassArchitecture,
    PoseSpec,
    Refine,
)
from poseport.train.augment import AugmentConfig
from poseport.train.config import Loss, TrainConfig, check


@dataclass(frozen=True)
class Preset:
    """A named pair of what is trained and how. about: the command's one-line description."""

    about: str
    spec: PoseSpec
    train: TrainConfig


def _hourglass(stacks: int) -> Preset:
    spec = PoseSpec(
        name=f"hourglass-{stacks}",
        architecture=HourglassArchitecture(stacks=stacks, width=256, depth=4, block="bottleneck", head="sigmoid"),
        skeleton=COCO17,
        input_hw=(256, 256),
        # sigma 1 cell: 4 input pixels at stride 4, as Lee et al. settle on in section 4.5
        output=HeatmapOutput(sigma=1.0, values="gaussian", decode=Decode("quarter")),
        padding=1.3,
    )
    # Adam, 5e-3 -> 5e-4 in a step, medium augmentation (Lee et al., section 4.8, table 1)
    train = TrainConfig(
        loss="mse", epochs=107, batch=12, learning_rate=5e-3, schedule="step",
        augment=AugmentConfig(rotation_deg=25, scale=0.20, shift=0.0, colour=0.15),
    )  # fmt: skip
    return Preset(f"stacked hourglass, {stacks} stacks of width 256, 256x256 (Newell et al. 2016)", spec, train)


def _mobile_hourglass() -> Preset:
    # poseport train --preset mobile-hourglass --data LSPET/train --val LSPET/val --epochs 18 --eval-every 3
    # 82 minutes of two CPU cores that had other work too: LSPET val, 12 body keypoints, no flip, AP .151
    spec = PoseSpec(
        name="mobile-hourglass",
        architecture=HourglassArchitecture(stacks=1, width=96, depth=4, block="separable", head="linear"),
        skeleton=COCO17,
        input_hw=(192, 192),
        output=HeatmapOutput(sigma=1.5, values="logits", decode=Decode("dark")),
    )
    train = TrainConfig(
        loss="softmax", epochs=60, batch=32, learning_rate=2e-3, optimizer="adamw", weight_decay=1e-4, warmup=0.5,
        augment=AugmentConfig(rotation_deg=40, scale=0.25, shift=0.04, colour=0.2),
    )  # fmt: skip
    return Preset("one depthwise-separable hourglass of width 96, 192x192", spec, train)


def _deeppose() -> Preset:
    spec = PoseSpec(
        name="deeppose",
        architecture=DeepPoseArchitecture(trunk="alexnet", width=1.0, dense_units=4096, dropout=0.6),
        skeleton=COCO17,
        input_hw=(224, 224),
        output=CoordsOutput(),
        padding=1.0,  # the bounding box itself (Gupta and Gritton, section 3.2)
    )
    # SGD 1e-3, batch 64, squared error, 2,700 epochs on 4,037 people (section 4.1)
    train = TrainConfig(
        loss="mse", epochs=2700, batch=64, learning_rate=1e-3, optimizer="sgd", schedule="constant",
        augment=AugmentConfig(rotation_deg=0, scale=0, shift=0, flip=0, colour=0), eval_every=10,
    )  # fmt: skip
    return Preset("DeepPose, AlexNet trunk with batch normalisation, 224x224 (Toshev and Szegedy 2014)", spec, train)


def _mobile_deeppose() -> Preset:
    # poseport train --preset mobile-deeppose --data LSPET/train --val LSPET/val --epochs 15 --eval-every 3
    # 27 minutes of two CPU cores that had other work too: LSPET val, 12 body keypoints, no flip, AP .001, PCK@0.1 .205
    spec = PoseSpec(
        name="mobile-deeppose",
        architecture=DeepPoseArchitecture(trunk="mobile", width=1.0, dense_units=256, dropout=0.0),
        skeleton=COCO17,
        input_hw=(192, 192),
        output=CoordsOutput(),
    )
    train = TrainConfig(
        loss="l1", epochs=100, batch=32, learning_rate=2e-3, optimizer="adamw", weight_decay=1e-4, warmup=0.5,
        augment=AugmentConfig(rotation_deg=40, scale=0.25, shift=0.04, colour=0.2),
    )  # fmt: skip
    return Preset("coordinate regression on a depthwise-separable trunk, 192x192", spec, train)


def _deeppose_refine() -> Preset:
    first = _deeppose()
    # sigma 2 as on LSP, whose whole bodies are nearer to COCO's people than FLIC's upper ones (section 4.1);
    # one epoch shows every labelled keypoint once, displaced anew: 40 epochs are its 40 samples a keypoint
    spec = replace(first.spec, name="deeppose-refine", padding=1.0, refine=Refine(box_sigma=2.0))
    train = replace(first.train, epochs=40, eval_every=4)
    return Preset("DeepPose, a later stage of its cascade; --refine names the bundle before", spec, train)


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
        augment=AugmentConfig(rotation_deg=30, scale=0.15, shift=0.0, colour=0.2), eval_every=4,
    )  # fmt: skip
    return Preset("a later stage for any network, 96x96 around each keypoint; --refine names the bundle", spec, train)


PRESETS = {
    preset.spec.name: preset
    for preset in (
        _hourglass(2),
        _hourglass(4),
        _hourglass(8),
        _mobile_hourglass(),
        _deeppose(),
        _mobile_deeppose(),
        _deeppose_refine(),
        _mobile_deeppose_refine(),
    )
}


def preset(name: str) -> Preset:
    """A preset by name; ValueError lists those that exist."""
    if name not in PRESETS:
        raise ValueError(f"preset {name!r} does not exist; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


def with_skeleton(chosen: Preset, skeleton: Skeleton) -> Preset:
    """The preset for another keypoint set."""
    return replace(chosen, spec=replace(chosen.spec, skeleton=skeleton))


def with_loss(chosen: Preset, loss: Loss) -> Preset:
    """The preset with another loss; the values of its heatmaps follow (softmax: logits, else Gaussians)."""
    spec = chosen.spec
    if isinstance(spec.output, HeatmapOutput):
        spec = replace(spec, output=replace(spec.output, values="logits" if loss == "softmax" else "gaussian"))
    return Preset(chosen.about, spec, replace(chosen.train, loss=loss))


def customise(chosen: Preset, options: dict[str, Any]) -> Preset:
    """The preset with the fields that a user gave (None: keep the preset's).

    Knows epochs, batch, learning_rate, seed, min_keypoints, eval_every, loss, input_size (pixels),
    rotation_deg and scale. Raises ValueError when they do not fit the network.
    """
    if options.get("loss") is not None:
        chosen = with_loss(chosen, options["loss"])
    size = options.get("input_size")
    if size is not None:
        chosen = replace(chosen, spec=replace(chosen.spec, input_hw=(size, size)))

    def given(*names: str) -> dict[str, Any]:
        return {name: options[name] for name in names if options.get(name) is not None}

    augment = replace(chosen.train.augment, **given("rotation_deg", "scale"))
    plain = given("epochs", "batch", "learning_rate", "seed", "min_keypoints", "eval_every")
    chosen = replace(chosen, train=replace(chosen.train, augment=augment, **plain))
    check(chosen.spec, chosen.train)
    return chosen
