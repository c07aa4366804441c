"""`poseport train --dry-run`: the size and cost of a training, and two steps of it that write nothing."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from poseport.data.people import People
from poseport.spec import PoseSpec
from poseport.train.config import TrainConfig
from poseport.train.phase import PhaseStart, prepare, train
from poseport.train.request import SILENT, Start, TrainingData, check, chosen_people
from poseport.train.samples.sample import CropSource

_MIB = 2**20


@dataclass(frozen=True)
class DryRun:
    """Sizes of a run.

    Attributes:
        network: Name of the network.
        layers: Number of layers.
        parameters: Number of weights.
        trainable: Number of weights that are trained from the first epoch.
        macs: Multiply-adds of the convolutions and dense layers for one person.
        weights_bytes: Memory of the weights.
        gradients_bytes: Memory of the gradients.
        optimizer_bytes: Memory of the optimizer's variables.
        activations_bytes: Memory of all layers' outputs for one batch: the most that the backward pass may need,
            without what the backend reserves.
        people: People to train on.
        val_people: People to score on.
        batch: Batch size (people per step).
        steps_per_epoch: Steps per epoch.
        epochs: Number of epochs.
        losses: Losses of the steps that were tried.
        step_s: Duration of the last step; the first one includes compilation.
        initial: Where the first weights came from; None for random weights.
    """

    network: str
    layers: int
    parameters: int
    trainable: int
    macs: int
    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    activations_bytes: int
    people: int
    val_people: int
    batch: int
    steps_per_epoch: int
    epochs: int
    losses: tuple[float, ...]
    step_s: float
    initial: str | None

    def text(self) -> str:
        """The sizes as lines of text."""
        parts = ("weights", "gradients", "optimizer", "activations")
        sizes = [getattr(self, f"{name}_bytes") / _MIB for name in parts]
        memory = ", ".join(f"{name} {size:.1f}" for name, size in zip(parts, sizes, strict=True))
        epoch_min = self.step_s * self.steps_per_epoch / 60
        lines = [
            f"network      {self.network}, {self.layers} layers",
            f"parameters   {self.parameters:,}, {self.trainable:,} of them trained from the first epoch",
            f"cost         {2 * self.macs / 1e9:.3f} GFLOPs per person (2 x multiply-adds, forward)",
            f"memory       about {sum(sizes):.0f} MiB: {memory} (batch of {self.batch})",
            f"people       {self.people:,} to train on, {self.val_people:,} to score on",
            f"epochs       {self.epochs} of {self.steps_per_epoch:,} steps, {epoch_min:.1f} min each at this speed",
            f"steps tried  loss {', '.join(f'{loss:.4f}' for loss in self.losses)}; the last took {self.step_s:.2f} s",
        ]
        return "\n".join([*lines, f"start        {self.initial}"] if self.initial else lines)


class _Steps(keras.callbacks.Callback):
    """Records the loss of each step and the time at its end."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.ends = [time.monotonic()]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Derive the step's loss: Keras reports the mean over the epoch so far."""
        self.losses.append((batch + 1) * float((logs or {})["loss"]) - sum(self.losses))
        self.ends.append(time.monotonic())


def dry_run(
    spec: PoseSpec, settings: TrainConfig, people: People, val: People | None, init: Path | None = None
) -> DryRun:
    """Build everything that `fit` would, train two steps and write nothing.

    Args:
        spec: The network's spec.
        settings: How it is trained.
        people: People to train on.
        val: People to score on; None for nobody.
        init: A bundle or a .tflite file to take the first weights from.

    Returns:
        Sizes of the run and the duration of a step.

    Raises:
        ValueError: As `fit` does; also for a later stage of a cascade.
    """
    if spec.refine is not None:
        raise ValueError(
            f"{spec.name} trains on the errors of the stage before, which has to run on all people first; "
            "remove --dry-run and try --epochs 1"
        )
    check(spec, settings, TrainingData(people, val), Start(init), SILENT)
    train_people, val_people = chosen_people(settings, people, val)
    source = CropSource(spec, train_people.persons, settings.augment, settings.seed)
    phase = prepare(spec, settings, source, PhaseStart(init=init))
    steps, model = _Steps(), phase.model
    train(replace(phase, last=1), 0, [steps], steps=min(2, len(phase.data)))
    return DryRun(
        network=spec.name,
        layers=len(model.layers),
        parameters=int(model.count_params()),
        trainable=sum(math.prod(v.shape) for v in model.trainable_variables),
        macs=macs(model),
        weights_bytes=_bytes(model.variables),
        gradients_bytes=_bytes(model.trainable_variables),
        optimizer_bytes=_bytes(model.optimizer.variables),
        activations_bytes=phase.data.batch * sum(_bytes(keras.tree.flatten(o.output)) for o in model.operations),
        people=len(train_people),
        val_people=len(val_people) if val_people is not None else 0,
        batch=phase.data.batch,
        steps_per_epoch=phase.data.steps,
        epochs=settings.epochs,
        losses=tuple(steps.losses),
        step_s=steps.ends[-1] - steps.ends[-2],
        initial=str(phase.initial) if phase.initial else None,
    )


def macs(model: Any) -> int:
    """Count the multiply-adds of a Keras network's convolutions and dense layers, as `poseport inspect` counts them.

    Args:
        model: The Keras model.

    Returns:
        The number for one person.
    """
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            per_value = math.prod(layer.kernel.shape[:2])
        elif hasattr(layer, "kernel"):
            per_value = math.prod(layer.kernel.shape[:-1])  # (height, width, in, out) or (in, out)
        else:
            continue
        total += per_value * math.prod(layer.output.shape[1:])
    return total


def _bytes(values: Any) -> int:
    """Bytes of variables, or of symbolic tensors for one person (their first dimension is None)."""
    return sum(math.prod(n for n in v.shape if n is not None) * _bits(v.dtype) // 8 for v in values)


def _bits(dtype: str) -> int:
    return int("".join(filter(str.isdigit, dtype)) or 8)
