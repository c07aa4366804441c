"""Several workers share every batch: the GPUs of one machine, or processes on one machine or many.

TensorFlow shares a batch among the devices of one process (MirroredStrategy). JAX shares it among
processes, each with all its devices (keras.distribution.DataParallel), and each process decodes only
its own rows. In both the gradient is that of the whole batch, and so are the statistics of batch
normalisation: the weights are those of one worker with the same batch, to float precision.

Networks that live on several devices or processes cannot predict or be saved as one expects: Keras
runs a predicted batch once on every device, and JAX waits for all processes where one of them saves.
So the chief, worker 0, has a copy of the network for itself, and files and scores are made from that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from poseport.spec import PoseSpec
from poseport.train.config import TrainConfig


def only_alone(option: str) -> ValueError:
    """The error for an option that has not been tested with several workers."""
    return ValueError(f"{option}: was tried with one worker only; remove --workers")


@dataclass(frozen=True)
class Team:
    """Who trains together. index of count: this process. devices: of all processes, each with an equal
    share of a batch. strategy: tf.distribute's or keras.distribution's; None for one worker alone.
    """

    index: int = 0
    count: int = 1
    devices: int = 1
    strategy: Any = None

    @property
    def chief(self) -> bool:
        """Whether this process scores the network and writes the files."""
        return self.index == 0

    @property
    def uses_mirrored_strategy(self) -> bool:
        """Whether one TensorFlow process has all devices (`tf.distribute.MirroredStrategy`)."""
        return self.strategy is not None and self.count == 1

    def scope(self) -> AbstractContextManager[Any]:
        """To build and compile the network in."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    def fitting(self) -> AbstractContextManager[Any]:
        """To call `fit` in: JAX's distribution also lays out the batches; TensorFlow's network knows its own."""
        return nullcontext() if self.uses_mirrored_strategy else self.scope()

    def networks(self, build: Callable[[], Any]) -> tuple[Any, Any]:
        """The network to train and the chief's copy, from what builds one, always with the same weights.

        One worker alone has one network for both; processes that are not the chief have no copy (None).
        """
        with self.scope():
            model = build()
            if self.uses_mirrored_strategy:  # JAX computes moments over the global batch by itself
                for layer in model.layers:
                    if isinstance(layer, keras.layers.BatchNormalization):
                        layer.synchronized = True
        if self.strategy is None:
            return model, model
        return model, build() if self.chief else None

    def each(self, model: Any, copy: Any, do: Callable[[Any], None]) -> None:
        """The same to the network to train, in the scope of all devices, and to the chief's copy, outside."""
        with self.scope():
            do(model)
        if copy is not None and copy is not model:
            do(copy)

    def check(self, spec: PoseSpec, settings: TrainConfig, batch: int) -> None:
        """ValueError for a batch that does not divide by the devices, and what they would not train as one does."""
        if batch % self.devices:
            raise ValueError(
                f"a batch of {batch} people cannot be shared equally by {self.devices} workers; "
                f"choose a --batch that is a multiple of {self.devices}"
            )
        if self.strategy is not None and settings.precision != "float32":
            raise only_alone(f"--precision {settings.precision}")
        if not self.uses_mirrored_strategy:
            return
        for setting, used in (
            ("train.clip_norm", settings.clip_norm > 0),  # Keras clips before it adds up the devices' gradients
            ("architecture.dropout", getattr(spec.architecture, "dropout", 0) > 0),
        ):
            if used:
                raise ValueError(
                    f"{setting}: TensorFlow would apply it on each of {self.devices} devices separately; "
                    "set it to 0, remove --workers, or set KERAS_BACKEND=jax"
                )

    def spread(self, copy: Any, model: Any) -> None:
        """Give every worker the weights and optimizer state that the chief has loaded into its copy."""
        if copy is model:
            return
        loaded = [np.array(v) for v in _state(copy)] if self.chief else None
        with self.scope():
            variables = _state(model)
            values = self.from_chief(loaded or [np.array(v) for v in variables])
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def from_chief(self, values: Any) -> Any:
        """The chief's values, of the same shapes and types everywhere: an array, or a list of them."""
        if self.count == 1:
            return values
        from jax.experimental.multihost_utils import broadcast_one_to_all

        return broadcast_one_to_all(values)

    def callbacks(self, copy: Any, callbacks: Sequence[Any]) -> list[Any]:
        """Callbacks that score or save, so that they see the chief's copy of the network."""
        return list(callbacks) if self.strategy is None else [OnCopy(self, copy, callbacks)]


ALONE = Team()


class OnCopy(keras.callbacks.Callback):
    """Lets callbacks see the chief's copy at the end of an epoch; the other workers wait and learn whether to stop."""

    def __init__(self, team: Team, copy: Any, callbacks: Sequence[Any]):
        super().__init__()
        self.team, self.copy = team, copy
        self.callbacks = list(callbacks) if team.chief else []
        for callback in self.callbacks:
            callback.set_model(copy)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Bring the copy up to date, pass on, and agree on whether that was the last epoch."""
        if self.team.chief:
            self.copy.stop_training = False
            with _own_devices():
                for mine, trained in zip(_state(self.copy), _state(self.model), strict=True):
                    mine.assign(np.array(trained))
                for callback in self.callbacks:
                    callback.on_epoch_end(epoch, logs)
        stop = self.model.stop_training or bool(self.copy is not None and self.copy.stop_training)
        self.model.stop_training = bool(self.team.from_chief(np.array(stop, np.int32)))


def total(x: Any) -> Any:
    """Sum of a scalar over the devices that compute one loss.

    A loss divides by what is labelled. Keras adds up the gradients of TensorFlow's devices, and does not
    scale a loss that is a scalar: so each device divides by the count of all, not by its own. In JAX the
    arrays are of the whole batch already.
    """
    if keras.backend.backend() != "tensorflow":
        return x
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return x
    return context.all_reduce(tf.distribute.ReduceOp.SUM, x)


@contextmanager
def _own_devices() -> Iterator[None]:
    """Nothing is laid out over other processes, who would have to do the same at the same time."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def _state(model: Any) -> list[Any]:
    """Weights and optimizer state, which Keras would make at the first step."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.weights, *model.optimizer.variables]
