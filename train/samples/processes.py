"""Processes that make batches, for machines on which threads make too few: they share the interpreter's lock."""

from __future__ import annotations

import math
import mmap
import os
import queue
import signal
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe

import cv2
import numpy as np

from poseport.train.samples.maker import Array, Maker

_ALIGNED = 64  # bytes; networks take arrays that begin at such a place without a copy
_HELD = 4  # batches that the network's side may hold beside those that are being made ahead
_GOODBYE_S = 5.0


class Processes:
    """Lets other processes fill the arrays of batches, in memory that they share with this one.

    A batch is not copied: its memory is used again once nothing refers to its arrays. Processes are started by the
    first batches, and end when this one does, however it ends.

    Args:
        maker: Makes the batches; each process gets a copy.
        count: Number of processes.

    Raises:
        ValueError: On Windows, or if there is not enough memory to share.
    """

    def __init__(self, maker: Maker, count: int):
        if os.name != "posix":
            raise ValueError("processes that make batches need Linux or macOS; leave out --data-processes")
        self._maker, self._arrays = maker, maker.arrays
        self._size = _end(self._arrays)
        slots = 2 * count + 1 + _HELD
        self._descriptor = _shared_memory(slots * self._size)
        self._memory = mmap.mmap(self._descriptor, slots * self._size)
        self._free: queue.SimpleQueue[int] = queue.SimpleQueue()
        for slot in range(slots):
            self._free.put(slot)
        self._children: list[_Child] = []
        self._idle: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(count):
            self._idle.put(None)

    def make(self, index: int) -> tuple[np.ndarray, ...]:
        """Let a process make a batch; it is called in as many threads as there are processes.

        Args:
            index: Number of the batch, from 0.

        Returns:
            The maker's arrays.

        Raises:
            ValueError: If a photo cannot be read, or the process is lost.
        """
        try:
            slot = self._free.get_nowait()
        except queue.Empty:  # somebody keeps many batches
            arrays = tuple(array.empty() for array in self._arrays)
            self._maker.fill(index, *arrays)
            return arrays
        whole = np.frombuffer(self._memory, np.uint8, self._size, slot * self._size)
        # NumPy makes `whole` the base of every array that is a part of it, so it lives as long as they do
        weakref.finalize(whole, self._free.put, slot).atexit = False
        child = self._idle.get()
        try:
            if child is None:
                child = _Child(self._maker, self._descriptor, self._size)
                self._children.append(child)
            child.fill(index, slot)
        finally:
            self._idle.put(child)
        return parts(whole, self._arrays)

    def close(self) -> None:
        """End the processes; no thread may be in `make`."""
        for child in self._children:
            child.close()
        os.close(self._descriptor)


class _Child:
    """One process that fills batches; how to reach it and its shared memory are given by file descriptors."""

    def __init__(self, maker: Maker, memory: int, size: int):
        self._connection, theirs = Pipe()
        code = f"from poseport.train.samples.processes import work; work({theirs.fileno()}, {memory}, {size})"
        # NumPy's own threads would only take memory
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],  # no file in the user's folder is taken for a module
            env=environment,
            stdin=subprocess.DEVNULL,
            pass_fds=(theirs.fileno(), memory),
            start_new_session=True,  # Ctrl-C is for this process, which ends the others
        )
        theirs.close()
        with suppress(OSError):  # if it is gone, `fill` says so
            self._connection.send(maker)

    def fill(self, index: int, slot: int) -> None:
        """Wait until it has filled a slot of the shared memory with a batch."""
        try:
            self._connection.send((index, slot))
            error = self._connection.recv()
        except (EOFError, OSError):
            code = self._process.wait()  # it closes the connection by ending
            raise ValueError(
                f"a process that makes batches was lost ({_reason(code)}); whole epochs are kept, and the same command "
                "with --resume and fewer --data-processes continues from there"
            ) from None
        if error is not None:
            raise error

    def close(self) -> None:
        """End it: it reads the end of the connection."""
        self._connection.close()
        try:
            self._process.wait(_GOODBYE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def work(connection: int, memory: int, size: int) -> None:
    """Fill batches until the other process closes the connection, or is gone.

    Args:
        connection: File descriptor of the connection.
        memory: File descriptor of the shared memory.
        size: Bytes of one batch.
    """
    cv2.setNumThreads(1)
    pipe, shared = Connection(connection), mmap.mmap(memory, 0)
    with suppress(EOFError, OSError):
        maker = pipe.recv()
        while True:
            index, slot = pipe.recv()
            error: Exception | None = None
            try:
                maker.fill(index, *parts(np.frombuffer(shared, np.uint8, size, slot * size), maker.arrays))
            except Exception as raised:
                # the other process raises it again; not every exception survives the way there
                error = raised if type(raised) is ValueError else ValueError(f"{type(raised).__name__}: {raised}")
            pipe.send(error)


def parts(whole: np.ndarray, arrays: tuple[Array, ...]) -> tuple[np.ndarray, ...]:
    """Divide the memory of a batch into its arrays.

    Args:
        whole: (n,) uint8, at least as long as the arrays need.
        arrays: Their shapes and types.

    Returns:
        The arrays, which share that memory.
    """
    found, begin = [], 0
    for array in arrays:
        found.append(whole[begin : begin + array.bytes].view(array.dtype).reshape(array.shape))
        begin += _whole(array.bytes, _ALIGNED)
    return tuple(found)


def _end(arrays: tuple[Array, ...]) -> int:
    """Bytes of a batch, from one slot to the next: whole pages."""
    return _whole(sum(_whole(array.bytes, _ALIGNED) for array in arrays), mmap.PAGESIZE)


def _whole(size: int, unit: int) -> int:
    """The next multiple of a unit."""
    return math.ceil(size / unit) * unit


def _shared_memory(size: int) -> int:
    """A file descriptor of memory that processes can share; no file is left, even after kill -9."""
    if hasattr(os, "memfd_create"):  # Linux: the small /dev/shm of a container is no limit
        descriptor = os.memfd_create("batches")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    try:
        os.truncate(descriptor, size)
    except OSError as error:
        os.close(descriptor)
        raise ValueError(f"{size / 2**20:.0f} MiB for batches: {error.strerror}; use a smaller --batch") from None
    return descriptor


def _reason(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    why = ", which the system sends where memory is short" if code == -signal.SIGKILL else ""
    return f"signal {-code}{why}"
