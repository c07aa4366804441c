"""How a network is trained, as values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from poseport.spec import HeatmapOutput, PoseSpec
from poseport.train.augment import AugmentConfig

Loss = Literal["mse", "softmax", "l1"]
Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]
Schedule = Literal["constant", "cosine", "step"]


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained.

    warmup: epochs over which the learning rate rises from 0. step_at: share of the epochs after which
    the `step` schedule divides the rate by ten. eval_every: epochs between scores on the validation people.
    """

    loss: Loss
    epochs: int = 100
    batch: int = 32
    learning_rate: float = 1e-3
    optimizer: Optimizer = "adam"
    weight_decay: float = 0.0
    schedule: Schedule = "cosine"
    warmup: float = 0.0
    step_at: float = 0.7
    augment: AugmentConfig = AugmentConfig()
    min_keypoints: int = 5
    eval_every: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.eval_every < 1:
            raise ValueError(f"epochs {self.epochs}, batch {self.batch} and eval-every {self.eval_every} start at 1")
        if not self.learning_rate > 0 or self.weight_decay < 0 or self.warmup < 0:
            raise ValueError(f"learning rate {self.learning_rate} must be above 0, decay and warm-up not below 0")


def check(spec: PoseSpec, train: TrainConfig) -> None:
    """ValueError when the loss cannot train this network."""
    if isinstance(spec.output, HeatmapOutput):
        good: tuple[str, ...] = ("softmax",) if spec.output.values == "logits" else ("mse",)
    else:
        good = ("mse", "l1")
    if train.loss not in good:
        raise ValueError(f"loss {train.loss!r} does not train {spec.name}; choose {' or '.join(good)}")
    if train.augment.background and not isinstance(spec.output, HeatmapOutput):
        raise ValueError(f"{spec.name} gives coordinates, which cannot say that nobody is there; no --background")
