"""Numbered batches, made before they are asked for by threads of this process or by processes of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Generic, TypeVar

import cv2
import numpy as np

from poseport.train.samples.maker import Maker
from poseport.train.samples.processes import Processes

T = TypeVar("T")

_THREADS = 2


class Ahead(Generic[T]):
    """A sequence of batches of which the next ones are being made while one is used.

    Args:
        maker: Makes batches; in several threads at the same time, or in processes that each have a copy of it.
        count: Number of batches.
        finish: Makes of a batch's arrays what the sequence gives, in a thread of this process.
        processes: Number of processes that make batches; 0: two threads of this process.

    Attributes:
        error: The first exception of a batch that was asked for.

    Raises:
        ValueError: If there can be no such processes on this system.
    """

    def __init__(self, maker: Maker, count: int, finish: Callable[[tuple[np.ndarray, ...]], T], processes: int = 0):
        cv2.setNumThreads(1)
        self._maker, self._count, self._finish = maker, count, finish
        self._processes = Processes(maker, processes) if processes else None
        threads = processes or _THREADS
        self._ahead = 2 * threads + 1
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="batches")
        self._waiting: dict[int, Future[T]] = {}
        self._lock = threading.Lock()
        self.error: Exception | None = None

    def __getitem__(self, index: int) -> T:
        with self._lock:
            for stale in [i for i in self._waiting if not index <= i < index + self._ahead]:
                self._waiting.pop(stale).cancel()
            for i in range(index, min(index + self._ahead, self._count)):
                if i not in self._waiting:
                    self._waiting[i] = self._pool.submit(self.make, i)
            requested = self._waiting.pop(index)
        try:
            return requested.result()
        except Exception as error:
            self.error = self.error or error
            raise

    def make(self, index: int) -> T:
        """Make a batch, in the calling thread or in a process for which it waits.

        Args:
            index: Number of the batch, from 0.

        Raises:
            ValueError: If it cannot be made, or a process is lost.
        """
        if self._processes is not None:
            return self._finish(self._processes.make(index))
        arrays = tuple(array.empty() for array in self._maker.arrays)
        self._maker.fill(index, *arrays)
        return self._finish(arrays)

    @contextmanager
    def own_errors(self) -> Iterator[None]:
        """Raise the exception of a batch itself, where Keras's backends wrap it in their own, with its traceback."""
        try:
            yield
        except Exception as error:
            if self.error is None or error is self.error:
                raise
            raise self.error from None

    def close(self) -> None:
        """Stop the threads and processes, and discard what was made ahead."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._waiting.clear()
        if self._processes is not None:
            self._processes.close()
