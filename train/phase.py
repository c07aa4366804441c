"""One phase of a run: a network, its optimizer and its batches, made and trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from poseport.spec import PoseSpec
from poseport.train import losses
from poseport.train.begin.finetune import Initial, copy_weights, freeze_first, freeze_trunk
from poseport.train.begin.transplant import transplant
from poseport.train.config import Precision, TrainConfig
from poseport.train.networks import models
from poseport.train.optimizer import Rate, make_optimizer
from poseport.train.samples.crop_batches import Shard
from poseport.train.samples.sample import CropSource
from poseport.train.samples.training_batches import TrainingBatches
from poseport.train.workers.team import ALONE, Team


@dataclass(frozen=True, eq=False)
class Phase:
    """The epochs of a run that one optimizer trains: all of them, or those before or after the trunk is unfrozen.

    Attributes:
        team: Workers that share the batches.
        model: The network that is trained.
        copy: The network that the chief scores and saves; `model` itself if one worker trains alone.
        data: Batches from the phase's first epoch on.
        rate: Learning rate of each step.
        last: Number of epochs after which the phase ends.
        initial: Where the first weights came from; None for random weights and for a resumed run.
    """

    team: Team
    model: Any
    copy: Any
    data: TrainingBatches
    rate: Rate
    last: int
    initial: Initial | None


@dataclass(frozen=True)
class PhaseStart:
    """Where a phase continues.

    Attributes:
        epoch: The first epoch to train, from 0.
        state: Resume file of the epoch before; None in the first epoch.
        init: A bundle or a .tflite file to take the weights of epoch 0 from.
    """

    epoch: int = 0
    state: Path | None = None
    init: Path | None = None


def prepare(
    spec: PoseSpec,
    settings: TrainConfig,
    source: CropSource,
    start: PhaseStart = PhaseStart(),
    *,
    mix: Callable[[np.ndarray, np.ndarray], None] | None = None,
    processes: int = 0,
    team: Team = ALONE,
) -> Phase:
    """Make the network, the optimizer and the batches of the phase that an epoch belongs to.

    Args:
        spec: The network's spec.
        settings: How it is trained.
        source: Crops to train on.
        start: Where the phase continues. The chief alone reads the files and tells the others.
        mix: Mixes a teacher's heatmaps into the targets (see `TrainingBatches`).
        processes: Number of processes that make batches; 0: two threads of this process.
        team: Workers that share the batches.

    Returns:
        The phase, ready for `train`.

    Raises:
        ValueError: If the batch cannot be shared, or the files do not fit the network.
    """
    models.ignore_user_settings(keras)  # before anything uses Keras's default type
    frozen = start.epoch < settings.freeze_epochs
    began, last = (0, settings.freeze_epochs) if frozen else (settings.freeze_epochs, settings.epochs)
    shard = Shard(team.index, team.count, separate_targets=team.uses_mirrored_strategy)
    data = TrainingBatches(
        source, settings.batch, epochs=last, first_epoch=start.epoch, processes=processes, mix=mix, shard=shard
    )
    team.check(spec, settings, data.batch)
    rate, loss = Rate(settings, data.steps, began), losses.for_spec(spec, settings.loss)

    def build() -> Any:
        keras.utils.set_random_seed(settings.seed)
        with precision(settings.precision):
            return models.build(spec, keras)

    def compile_(network: Any) -> None:
        if frozen:
            freeze_trunk(network, spec)
        freeze_first(network, settings.freeze_first)
        network.compile(
            optimizer=make_optimizer(settings, rate),
            loss=[loss] * data.outputs if data.outputs > 1 else loss,
            # TensorFlow's XLA never finished compiling these networks on a CPU; JAX always uses XLA
            jit_compile=keras.backend.backend() == "jax",
        )
        # TensorFlow traces a step twice if the step makes the optimizer's variables
        network.optimizer.build(network.trainable_variables)

    model, copy = team.networks(build)
    data.outputs = len(model.outputs)
    initial = None
    if start.init is not None and start.epoch == 0 and team.chief:
        if start.init.suffix == ".tflite":
            initial = transplant(copy, spec, start.init, source.persons)
        else:
            initial = copy_weights(copy, spec, start.init)
    if start.state is not None and start.epoch == began:
        copy.load_weights(start.state)  # before there is an optimizer: the file holds the state of another one
    team.each(model, copy, compile_)
    if start.state is not None and start.epoch > began:
        copy.load_weights(start.state)
    if start.epoch > 0 or start.init is not None:
        team.spread(copy, model)
    return Phase(team, model, copy, data, rate, last, initial)


def train(phase: Phase, first: int, callbacks: list[Any], steps: int | None = None) -> None:
    """Train a phase.

    Args:
        phase: What `prepare` made.
        first: The first epoch, from 0.
        callbacks: Keras callbacks.
        steps: Steps per epoch; None for whole epochs.

    Raises:
        ValueError: If a photo is missing or damaged; the message names it.
    """
    data = phase.data
    try:
        with data.ahead.own_errors(), phase.team.fitting():
            phase.model.fit(
                data,
                epochs=phase.last,
                initial_epoch=first,
                steps_per_epoch=steps or data.steps,
                shuffle=False,  # the batches have their own order, which a resumed run repeats
                verbose=0,
                callbacks=callbacks,
            )
    finally:
        data.close()


@contextmanager
def precision(policy: Precision) -> Iterator[None]:
    """Make all layers that are built within the context compute in a precision.

    Args:
        policy: Name of the Keras dtype policy.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
