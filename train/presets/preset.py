"""What a preset is."""

from __future__ import annotations

from dataclasses import dataclass

from poseport.spec import PoseSpec
from poseport.train.config import TrainConfig
from poseport.train.samples.augment import AugmentConfig


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


# of networks that are trained from scratch on few people
MODEST_AUGMENT = AugmentConfig(rotation_deg=40, scale=0.25, shift=0.04, flip=0.5, brightness=25.6, contrast=0.2)
