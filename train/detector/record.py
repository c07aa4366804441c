"""The settings of a detector's training, and its record in the bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from poseport import bundle
from poseport.data.people import People
from poseport.records import read_json
from poseport.train import run_folder
from poseport.train.detector.scenes import SceneConfig
from poseport.train.record import DataUsed, used, versions


@dataclass(frozen=True)
class DetectorTraining:
    """How a detector is trained; the fields of `TrainConfig` that it has mean the same.

    Attributes:
        epochs: Number of epochs.
        steps: Batches per epoch; 0 takes as many as there are photos.
        batch: Pictures per step.
        freeze_first: The first nodes whose weights stay as they are.
        scenes: How training pictures are drawn.
    """

    epochs: int = 24
    steps: int = 0
    batch: int = 32
    learning_rate: float = 8e-4
    optimizer: Literal["adam"] = "adam"
    momentum: float = 0.0
    weight_decay: float = 0.0
    schedule: Literal["cosine"] = "cosine"
    warmup: float = 1.0
    drop_at: tuple[int, ...] = ()
    clip_norm: float = 5.0
    ema: float = 0.998
    freeze_first: int = 20
    eval_every: int = 4
    seed: int = 0
    scenes: SceneConfig = field(default_factory=SceneConfig)


@dataclass(frozen=True)
class DetectorRecord:
    """`train.json` of a detector: how its bundle was made; fields mean what they mean in `TrainRecord`."""

    train: DetectorTraining
    data: DataUsed
    val: DataUsed | None
    versions: dict[str, str]
    init: str
    init_sha256: str
    teacher: str | None = None
    parameters: int = 0
    epochs_done: int = 0
    seconds: float = 0.0
    best: dict[str, float] | None = None


def new_record(
    settings: DetectorTraining, people: People, val: People | None, init: Path, teacher: Path | None
) -> DetectorRecord:
    """Make the record of a run that has not begun.

    Args:
        settings: Settings of the training.
        people: People to train on.
        val: People to score on.
        init: The bundle to begin from.
        teacher: The teacher's file.
    """
    return DetectorRecord(
        settings, used(people), used(val) if val else None, versions(), init.name, bundle.weights_sha256(init),
        None if teacher is None else bundle.sha256(teacher),
    )  # fmt: skip


def resumed(out: Path, new: DetectorRecord) -> DetectorRecord:
    """Read the record of a run that is resumed.

    Args:
        out: The run's folder.
        new: The record that this command would begin with.

    Raises:
        ValueError: If the run was started with other settings or data, or has finished.
    """
    old = read_json(DetectorRecord, out / bundle.TRAIN)
    if (old.train, old.data, old.init_sha256, old.teacher) != (new.train, new.data, new.init_sha256, new.teacher):
        raise ValueError(
            f"{out}: was started with other settings, people, --init or --teacher than this command's; give the same "
            f"ones ({out / bundle.TRAIN} lists them), or name another --out"
        )
    if run_folder.state(out) is None and (out / bundle.LAST_WEIGHTS).exists():
        raise ValueError(f"{out}: has finished after {old.epochs_done} epochs; nothing is left to resume")
    return old
