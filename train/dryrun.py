"""What a training would be: its network, its cost, and two steps of it that leave nothing."""

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
from poseport.train.fit import chosen, prepare, train

_MIB = 2**20


@dataclass(frozen=True)
class DryRun:
    """Sizes of a run. macs: multiply-adds of one person's convolutions and dense layers.

    Bytes: weights, their gradients, the optimizer's variables, and the outputs of all layers for one batch,
    which is what the backward pass may need at most; what the backend reserves beside them is not in it.
    losses: of the steps that were tried. step_s: the last one's; the first compiles.
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
        """For a person."""
        parts = ("weights", "gradients", "optimizer", "activations")
        sizes = [getattr(self, f"{name}_bytes") / _MIB for name in parts]
        memory = ", ".join(f"{name} {size:.1f}" for name, size in zip(parts, sizes, strict=True))
        epoch_min = self.step_s * self.steps_per_epoch / 60
        lines = [
            f"network      {self.network}, {self.layers} layers",
            f"parameters   {self.parameters:,}, {self.trainable:,} of them trained from the start",
            f"cost         {2 * self.macs / 1e9:.3f} GFLOPs a person (2 x multiply-adds, forward)",
            f"memory       about {sum(sizes):.0f} MiB: {memory} (batch of {self.batch})",
            f"people       {self.people:,} to train on, {self.val_people:,} to score on",
            f"epochs       {self.epochs} of {self.steps_per_epoch:,} steps, at this pace {epoch_min:.1f} min each",
            f"steps tried  loss {', '.join(f'{loss:.4f}' for loss in self.losses)}; the last took {self.step_s:.2f} s",
        ]
        return "\n".join([*lines, f"start        {self.initial}"] if self.initial else lines)


class _Steps(keras.callbacks.Callback):
    """Loss of each step, and when it ended."""

    def __init__(self) -> None:
        super().__init__()
        self.losses: list[float] = []
        self.ends = [time.monotonic()]

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Keras tells the mean over the epoch so far."""
        self.losses.append((batch + 1) * float((logs or {})["loss"]) - sum(self.losses))
        self.ends.append(time.monotonic())


def dry_run(
    spec: PoseSpec, settings: TrainConfig, people: People, val: People | None, init: Path | None = None
) -> DryRun:
    """Build everything that `fit` would, train two steps, write nothing. Raises ValueError as `fit` does."""
    if spec.refine is not None:
        raise ValueError(
            f"{spec.name} is trained on what the stage before finds in all people, which is no dry run; "
            "leave --dry-run away and try --epochs 1"
        )
    train_people, val_people = chosen(spec, settings, people, val, init)
    part = prepare(spec, settings, train_people, init=init)
    steps, model = _Steps(), part.model
    train(replace(part, last=1), 0, [steps], steps=min(2, len(part.data)))
    return DryRun(
        network=spec.name,
        layers=len(model.layers),
        parameters=int(model.count_params()),
        trainable=sum(math.prod(v.shape) for v in model.trainable_variables),
        macs=macs(model),
        weights_bytes=_bytes(model.variables),
        gradients_bytes=_bytes(model.trainable_variables),
        optimizer_bytes=_bytes(model.optimizer.variables),
        activations_bytes=part.data.batch * sum(_bytes(keras.tree.flatten(o.output)) for o in model.operations),
        people=len(train_people),
        val_people=len(val_people) if val_people is not None else 0,
        batch=part.data.batch,
        steps_per_epoch=part.data.steps,
        epochs=settings.epochs,
        losses=tuple(steps.losses),
        step_s=steps.ends[-1] - steps.ends[-2],
        initial=str(part.initial) if part.initial else None,
    )


def macs(model: Any) -> int:
    """Multiply-adds of convolutions and dense layers for one person, as `poseport inspect` counts a file's."""
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
    """Of variables, or of one person's part of symbolic tensors, whose first size is None."""
    return sum(math.prod(n for n in v.shape if n is not None) * _bits(v.dtype) // 8 for v in values)


def _bits(dtype: str) -> int:
    return int("".join(filter(str.isdigit, dtype)) or 8)
