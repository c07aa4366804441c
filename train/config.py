"""The settings of a training and of its teacher, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Literal

from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec, SimccOutput
from poseport.train.samples.augment import AugmentConfig

Loss = Literal["mse", "softmax", "l1", "laplace"]
Optimizer = Literal["adam", "adamw", "rmsprop", "sgd"]
Schedule = Literal["constant", "cosine", "step"]
Precision = Literal["float32", "mixed_bfloat16", "mixed_float16"]
TeacherTargets = Literal["keypoints", "heatmaps"]


@dataclass(frozen=True)
class TeacherConfig:
    """What a trained network adds to the labels (see `poseport.train.begin.teacher`).

    Attributes:
        file: The teacher's bundle or file, for the record.
        sha256: Digest of its spec and weights, 64 hex digits.
        targets: Whether its keypoints or its heatmaps are mixed with the labels.
        weight: Its share in a target that has a label too, 0 to 1.
        threshold: Keypoints that score below this are ignored, above 0 to 1.
        agree: Largest distance from the label at which its keypoint is mixed with it, in longer sides of the box.
        flip: Whether its outputs are averaged with those of the mirrored crop.
    """

    file: str
    sha256: str
    targets: TeacherTargets = "keypoints"
    weight: float = 0.5
    threshold: float = 0.3
    agree: float = 0.1
    flip: bool = False

    def __post_init__(self) -> None:
        if not (0 <= self.weight <= 1 and 0 < self.threshold <= 1 and self.agree >= 0):
            raise ValueError(
                f"teacher's weight {self.weight} (0 to 1), threshold {self.threshold} (above 0, to 1) "
                f"or agree {self.agree} (0 or more) is out of range"
            )


@dataclass(frozen=True)
class TrainConfig:
    """How a network is trained.

    Attributes:
        loss: Name of the loss.
        epochs: Number of epochs.
        batch: Batch size (people per step).
        learning_rate: Highest rate of the schedule.
        optimizer: Name of the optimizer.
        momentum: Momentum of `sgd` (0 disables it).
        weight_decay: Weight decay of the optimizer.
        schedule: How the learning rate falls.
        warmup: Epochs over which the learning rate rises from 0.
        drop_at: Epochs after which the `step` schedule divides the rate by ten.
        clip_norm: Upper limit of the gradient's global norm (0 disables it).
        ema: Highest momentum of the moving average of the weights, which is then scored and kept (0 disables it). A run
            of less than 5 / (1 - ema) steps takes a lower one.
        precision: The type that layers compute in; weights and heads stay float32.
        augment: Random changes of the training crops.
        min_keypoints: Least number of labelled keypoints of a person.
        require_all_visible: Train and validate only on people all of whose keypoints are visible.
        eval_every: Epochs between scores on the validation people.
        patience: Number of scores without improvement after which training ends (0 disables it).
        freeze_epochs: First epochs, in which only the heads of a network that began from other weights are trained.
        freeze_first: Number of the first layers with weights that are never trained.
        seed: Seed of all random choices.
        teacher: The teacher, if any.
    """

    loss: Loss
    epochs: int = 100
    batch: int = 32
    learning_rate: float = 1e-3
    optimizer: Optimizer = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: Schedule = "cosine"
    warmup: float = 0.0
    drop_at: tuple[int, ...] = ()
    clip_norm: float = 0.0
    ema: float = 0.0
    precision: Precision = "float32"
    augment: AugmentConfig = AugmentConfig()
    min_keypoints: int = 5
    require_all_visible: bool = False
    eval_every: int = 1
    patience: int = 0
    freeze_epochs: int = 0
    freeze_first: int = 0
    seed: int = 0
    teacher: TeacherConfig | None = None

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 1 or self.eval_every < 1:
            raise ValueError(f"epochs {self.epochs}, batch {self.batch} and eval-every {self.eval_every} start at 1")
        if not 0 < self.learning_rate < inf or not 0 <= self.weight_decay < inf or not 0 <= self.clip_norm < inf:
            raise ValueError(
                f"learning rate {self.learning_rate} must be above 0, "
                f"weight decay {self.weight_decay} and clip norm {self.clip_norm} not below 0"
            )
        if not (0 <= self.momentum < 1 and 0 <= self.ema < 1):
            raise ValueError(f"momentum {self.momentum} and ema {self.ema} must be at least 0 and below 1")
        if not 0 <= self.warmup <= self.epochs:
            raise ValueError(f"warm-up of {self.warmup} epochs in a training of {self.epochs}; expected 0 to as many")
        if self.freeze_first < 0:
            raise ValueError(f"freeze-first {self.freeze_first} must not be below 0")
        if self.patience < 0 or not 0 <= self.freeze_epochs <= self.epochs:
            raise ValueError(
                f"patience {self.patience} must not be below 0, "
                f"freeze-epochs {self.freeze_epochs} from 0 to the {self.epochs} epochs"
            )
        if self.schedule == "step":
            inside = all(1 <= epoch <= self.epochs for epoch in self.drop_at)
            if not self.drop_at or not inside or list(self.drop_at) != sorted(set(self.drop_at)):
                raise ValueError(
                    f"the step schedule drops the rate after epochs {list(self.drop_at)}; "
                    f"expected at least one from 1 to {self.epochs}, rising (--set train.drop_at=EPOCHS)"
                )


def check(spec: PoseSpec, train: TrainConfig) -> None:
    """Check that a loss and an augmentation can train a network.

    Args:
        spec: The network's spec.
        train: The settings of the training.

    Raises:
        ValueError: If they do not fit; says which losses do.
    """
    if isinstance(spec.output, HeatmapOutput):
        good: tuple[str, ...] = ("softmax",) if spec.output.values == "logits" else ("mse",)
    elif isinstance(spec.output, SimccOutput):
        good = ("softmax",)
        if spec.output.values != "logits":
            raise ValueError(f"{spec.name}: its vectors are trained as logits; set output.values=logits")
    else:
        assert isinstance(spec.output, CoordsOutput)
        good = ("laplace",) if spec.output.score == "sigma" else ("mse", "l1")
    if train.loss not in good:
        raise ValueError(f"loss {train.loss!r} does not train {spec.name}; choose {' or '.join(good)}")
    if train.augment.background and isinstance(spec.output, CoordsOutput):
        raise ValueError(
            f"{spec.name} gives coordinates, which cannot say that nobody is there; set augment.background=0"
        )
