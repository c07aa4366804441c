"""The preset of a training that begins from an imported network: its own spec, and a recipe for trained weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from poseport import bundle
from poseport.architecture import ImportedArchitecture
from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train import presets
from poseport.train.config import Loss, TrainConfig
from poseport.train.presets import Preset
from poseport.train.samples.augment import AugmentConfig

# strong augmentation, for networks that were trained on many people already
_CROWD_AUGMENT = AugmentConfig(
    rotation_deg=40, scale=0.3, shift=0.05, flip=0.5, half_body=0.2, cut_off=0.25, neighbour=0.25, occlude=0.15,
    occlude_side=0.4, blur=0.15, blur_sigma=1.5, brightness=30, contrast=0.2, hue=8, saturation=30, grey=0.05,
)  # fmt: skip


def imported(spec: PoseSpec) -> Preset:
    """Make the preset for training an imported network further (see docs/transfer.md for what was measured).

    Pixels run from 0 to 1 where the file's order of channels allows it, so that an int8 input is the pixel itself;
    `imported.fold_normalisation` compensates for it in the first convolution.

    Args:
        spec: Spec of the imported bundle.

    Returns:
        The preset.
    """
    if isinstance(spec.output, HeatmapOutput):
        loss: Loss = "softmax" if spec.output.values == "logits" else "mse"
    else:
        loss = "l1"
    if spec.channel_order == "rgb":
        spec = replace(spec, mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))
    train = TrainConfig(
        loss=loss, epochs=10, batch=32, learning_rate=3e-4, warmup=0.5, clip_norm=1.0, ema=0.998,
        augment=_CROWD_AUGMENT,
    )  # fmt: skip
    return Preset(f"{spec.name}, imported", spec, train, parameters=0, source="the file that was imported")


def chosen(name: str | None, init: Path | None) -> Preset:
    """Choose the preset by its name, or take the network of an imported bundle that training begins from.

    Args:
        name: The value of `--preset`, or None.
        init: The value of `--init`, or None.

    Returns:
        The preset.

    Raises:
        ValueError: If the preset does not exist, or neither a name nor an imported bundle is given.
    """
    if name is not None:
        return presets.preset(name)
    spec = bundle.read_spec(init) if init is not None and init.is_dir() else None
    if spec is None or not isinstance(spec.architecture, ImportedArchitecture):
        raise ValueError("--preset is missing; it can be left out only with an --init that `poseport import` wrote")
    return imported(spec)
