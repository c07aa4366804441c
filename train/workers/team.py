"""Several workers share every batch: the GPUs of one machine, or processes on one machine or many.

TensorFlow shares a batch among the devices of one process (MirroredStrategy). JAX shares it among
processes, each with all its devices (keras.distribution.DataParallel), and each process decodes only
its own rows. In both the gradient is that of the whole batch, and so are the statistics of batch
normalisation: the weights are those of one worker with the same batch, to float precision.

A network on several devices or processes cannot predict or be saved in the usual way: Keras runs a
predicted batch once on every device, and JAX waits for all processes when one of them saves. So the
chief, worker 0, has its own copy of the network, and files and scores are made from that.
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
    """Make the error for an option that has not been tested with several workers.

    Args:
        option: The option and its value, for the message.
    """
    return ValueError(f"{option} has been tested with one worker only; remove --workers")


@dataclass(frozen=True)
class Team:
    """The workers that train together.

    Attributes:
        index: Index of this process.
        count: Number of processes.
        devices: Number of devices of all processes; each has an equal share of a batch.
        strategy: The strategy of tf.distribute or keras.distribution; None for one worker alone.
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
        """The context in which the network is built and compiled."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    def fitting(self) -> AbstractContextManager[Any]:
        """The context in which `fit` is called.

        JAX's distribution also lays out the batches; TensorFlow's network has its strategy with it.
        """
        return nullcontext() if self.uses_mirrored_strategy else self.scope()

    def networks(self, build: Callable[[], Any]) -> tuple[Any, Any]:
        """Build the network to train and the chief's copy, with the same weights in every process.

        Args:
            build: Builds the network; it must always choose the same weights.

        Returns:
            The network and the copy. One worker alone has one network for both; processes that are not the chief
            have None as copy.
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
        """Do the same to the network to train, in the scope of all devices, and to the chief's copy, outside it.

        Args:
            model: The network to train.
            copy: The chief's copy, or None.
            do: Called with each of them; once if they are the same.
        """
        with self.scope():
            do(model)
        if copy is not None and copy is not model:
            do(copy)

    def check(self, spec: PoseSpec, settings: TrainConfig, batch: int) -> None:
        """Check that these devices train a network as one device would.

        Args:
            spec: The network's spec.
            settings: The settings of the training.
            batch: Batch size (people per step) of all devices together.

        Raises:
            ValueError: If the batch cannot be divided equally, or a setting would act differently on several devices.
        """
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
        """Give every worker the weights and optimizer state that the chief has loaded into its copy.

        Args:
            copy: The chief's copy; None in other processes.
            model: The network to train.
        """
        if copy is model:
            return
        loaded = [np.array(v) for v in _state(copy)] if self.chief else None
        with self.scope():
            variables = _state(model)
            values = self.from_chief(loaded or [np.array(v) for v in variables])
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)

    def from_chief(self, values: Any) -> Any:
        """Give every process the values of the chief.

        Args:
            values: An array or a list of arrays, of the same shapes and types in every process.

        Returns:
            The chief's values.
        """
        if self.count == 1:
            return values
        from jax.experimental.multihost_utils import broadcast_one_to_all

        return broadcast_one_to_all(values)

    def callbacks(self, copy: Any, callbacks: Sequence[Any]) -> list[Any]:
        """Wrap callbacks that score or save, so that they work on the chief's copy of the network.

        Args:
            copy: The chief's copy, or None.
            callbacks: The Keras callbacks.

        Returns:
            The callbacks for `fit`.
        """
        return list(callbacks) if self.strategy is None else [OnCopy(self, copy, callbacks)]


ALONE = Team()


class OnCopy(keras.callbacks.Callback):
    """Runs callbacks on the chief's copy at the end of an epoch; the other workers wait and learn whether to stop."""

    def __init__(self, team: Team, copy: Any, callbacks: Sequence[Any]):
        super().__init__()
        self.team, self.copy = team, copy
        self.callbacks = list(callbacks) if team.chief else []
        for callback in self.callbacks:
            callback.set_model(copy)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Bring the copy up to date, run the callbacks, and agree on whether that was the last epoch."""
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
    """Sum a scalar over the devices that compute one loss.

    A loss divides by the number of labels. Keras adds up the gradients of TensorFlow's devices and does not scale a
    scalar loss, so each device has to divide by the number of all devices. In JAX the arrays are of the whole batch
    already.

    Args:
        x: A scalar tensor.

    Returns:
        The sum; `x` itself where one device computes the loss.
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
    """Keep arrays on this process, because other processes do not run the same steps at the same time."""
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def _state(model: Any) -> list[Any]:
    """Weights and optimizer state, which is made here because Keras makes it at the first step only."""
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
    return [*model.weights, *model.optimizer.variables]
