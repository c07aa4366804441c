"""How this process trains: alone, with TensorFlow's MirroredStrategy, or as one of several JAX processes.

JAX processes are experimental: they were never run on GPUs or on more than one machine.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import keras

from poseport.train.workers import jax_launcher
from poseport.train.workers.team import ALONE, Team

_LOST_AFTER_S = 60  # without a heartbeat; the death of a process is noticed at once
_GOODBYE_S = 60


@contextmanager
def joined(workers: int | None = None) -> Iterator[Team]:
    """The team of this process, for as long as the context lasts.

    A process with KERAS_DISTRIBUTION_NUM_PROCESSES, _PROCESS_ID and _JOB_ADDRESSES in its environment joins the
    others (JAX).

    Args:
        workers: Number of devices of this machine that share each batch (TensorFlow); None for one.

    Yields:
        The team.

    Raises:
        ValueError: If the backend, the devices and the environment cannot serve so many workers, or if another
            process is lost during training.
    """
    backend = keras.backend.backend()
    if jax_launcher.COUNT in os.environ:
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
            f"in the environment of `poseport train`, or start every process with {jax_launcher.COUNT}"
        )


def _mirrored(count: int) -> Team:
    import tensorflow as tf

    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    if kind == "CPU":
        one = tf.config.LogicalDeviceConfiguration()
        with suppress(RuntimeError):  # TensorFlow is initialised already; its devices are counted below
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
        raise ValueError(f"--workers {workers}, but {jax_launcher.COUNT} says {count}; remove one of them")
    _keep_native_output_apart()
    try:
        # as keras.distribution.initialize does, but with time limits
        jax.distributed.initialize(
            address, count, index, heartbeat_timeout_seconds=_LOST_AFTER_S, shutdown_timeout_seconds=_GOODBYE_S
        )
        strategy = keras.distribution.DataParallel(auto_shard_dataset=False)
        yield Team(index, count, jax.device_count(), strategy)
    except BaseException as error:
        lost = isinstance(error, jax.errors.JaxRuntimeError) or "Gloo" in str(error)
        interrupted = KeyboardInterrupt in (type(error), type(error.__context__))
        # exit at once: JAX would first wait for the others, which wait for this process, and then abort
        atexit.register(_leave, jax_launcher.LOST_ANOTHER if lost else 130 if interrupted else 1)
        if lost:
            reason = (str(error).strip().splitlines() or ["unknown reason"])[0][:160]
            raise ValueError(
                f"another worker is lost ({reason}); whole epochs are kept, and the same command with --resume "
                "continues from there"
            ) from None
        raise


def _place() -> tuple[str, int, int]:
    """Address of the first process, the number of processes, and the index of this one."""
    names = (jax_launcher.ADDRESSES, jax_launcher.COUNT, jax_launcher.INDEX)
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
    """Keep Gloo's announcement off standard output, where a command prints its lines or JSON."""
    sys.stdout.flush()
    sys.stdout = os.fdopen(os.dup(1), "w", buffering=1)
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)


def _leave(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
