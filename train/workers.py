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

import atexit
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from poseport.train import launch

_LOST_AFTER_S = 60  # without a sign of life; a process that dies is noticed at once
_GOODBYE_S = 60


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
    def mirrored(self) -> bool:
        """Whether one TensorFlow process has all devices."""
        return self.strategy is not None and self.count == 1

    def scope(self) -> AbstractContextManager[Any]:
        """To build and compile the network in."""
        return nullcontext() if self.strategy is None else self.strategy.scope()

    def fitting(self) -> AbstractContextManager[Any]:
        """To call `fit` in: JAX's distribution also lays out the batches; TensorFlow's network knows its own."""
        return nullcontext() if self.mirrored else self.scope()

    def networks(self, make: Callable[[], Any]) -> tuple[Any, Any]:
        """The network to train and the chief's copy, from what builds and compiles one.

        One worker alone has one network for both; processes that are not the chief have no copy (None).
        """
        with self.scope():
            model = make()
            if self.mirrored:  # JAX computes moments over the global batch by itself
                for layer in model.layers:
                    if isinstance(layer, keras.layers.BatchNormalization):
                        layer.synchronized = True
        if self.strategy is None:
            return model, model
        if not self.chief:
            return model, None
        copy = make()
        copy.optimizer.build(copy.trainable_variables)
        return model, copy

    def check(self, batch: int) -> None:
        """ValueError when a batch does not divide by the devices."""
        if batch % self.devices:
            raise ValueError(
                f"a batch of {batch} people cannot be shared equally by {self.devices} workers; "
                f"choose a --batch that is a multiple of {self.devices}"
            )

    def spread(self, copy: Any, model: Any) -> None:
        """Give every worker the weights and optimizer state that the chief has loaded into its copy."""
        if copy is model:
            return
        with self.scope():
            model.optimizer.build(model.trainable_variables)
            values = self.from_chief([np.asarray(v) for v in _state(copy if self.chief else model)])
            for variable, value in zip(_state(model), values, strict=True):
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
                    mine.assign(np.asarray(trained))
                for callback in self.callbacks:
                    callback.on_epoch_end(epoch, logs)
        stop = self.model.stop_training or bool(self.copy is not None and self.copy.stop_training)
        self.model.stop_training = bool(self.team.from_chief(np.array(stop, np.int32)))


@contextmanager
def joined(workers: int | None = None) -> Iterator[Team]:
    """The team of this process, for as long as the context lasts.

    workers: devices of this machine to share batches among (TensorFlow), or None. A process with
    KERAS_DISTRIBUTION_NUM_PROCESSES, _PROCESS_ID and _JOB_ADDRESSES in its environment joins the
    others (JAX). Raises ValueError for what cannot be, and when another process is lost on the way.
    """
    backend = keras.backend.backend()
    if launch.COUNT in os.environ:
        if backend != "jax":
            # Keras 3.15's fit reduces values in a way that TensorFlow's strategy for several processes refuses
            raise ValueError(f"several processes train with JAX only, not {backend}: set KERAS_BACKEND=jax")
        with _process(workers) as team:
            yield team
    elif (workers or 1) == 1:
        yield ALONE
    elif backend == "tensorflow":
        yield _mirrored(int(workers or 1))
    else:
        raise ValueError(
            f"--workers {workers}: {backend} has no devices to share in one process; set KERAS_BACKEND=jax "
            f"in the environment of `poseport train`, or start every process with {launch.COUNT}"
        )


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


def _mirrored(count: int) -> Team:
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU":
        one = tf.config.LogicalDeviceConfiguration()
        with suppress(RuntimeError):  # TensorFlow has begun; what it has then counts
            tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], [one] * count)
    found = len(tf.config.list_logical_devices(kind))
    if found < count:
        raise ValueError(f"--workers {count}: TensorFlow has {found} {kind}s in this process")
    return Team(devices=count, strategy=tf.distribute.MirroredStrategy([f"{kind}:{i}" for i in range(count)]))


@contextmanager
def _process(workers: int | None) -> Iterator[Team]:
    import jax

    address, count, index = _place()
    if workers not in (None, 1, count):
        raise ValueError(f"--workers {workers}, but {launch.COUNT} says {count}; leave one away")
    _keep_native_output_apart()
    try:
        # what keras.distribution.initialize does, with limits to waiting
        jax.distributed.initialize(
            address, count, index, heartbeat_timeout_seconds=_LOST_AFTER_S, shutdown_timeout_seconds=_GOODBYE_S
        )
        strategy = keras.distribution.DataParallel(auto_shard_dataset=False)
        yield Team(index, count, jax.device_count(), strategy)
    except BaseException as error:
        lost = isinstance(error, jax.errors.JaxRuntimeError) or "Gloo" in str(error)
        interrupted = KeyboardInterrupt in (type(error), type(error.__context__))
        # leave at once: JAX would first wait for the others, who wait for this process, and then abort
        atexit.register(_leave, launch.LOST_ANOTHER if lost else 130 if interrupted else 1)
        if lost:
            reason = (str(error).strip().splitlines() or ["unknown reason"])[0][:160]
            raise ValueError(
                f"another worker is lost ({reason}); whole epochs are kept, and the same command with --resume "
                "goes on from there"
            ) from None
        raise


def _place() -> tuple[str, int, int]:
    """Address of the first process, how many there are, and which this is."""
    names = (launch.ADDRESSES, launch.COUNT, launch.INDEX)
    try:
        address, count, index = (os.environ[name] for name in names)
        if not 0 <= int(index) < int(count) or ":" not in address:
            raise ValueError
    except (KeyError, ValueError):
        found = ", ".join(f"{name}={os.environ.get(name, '')}" for name in names)
        raise ValueError(
            f"{found}: expected host:port of the first process, the number of processes, and which one this is, from 0"
        ) from None
    return address.split(",")[0], int(count), int(index)


def _keep_native_output_apart() -> None:
    """Gloo announces itself on standard output, among the lines or the JSON that a command prints there."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


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
    return [*model.weights, *model.optimizer.variables]
