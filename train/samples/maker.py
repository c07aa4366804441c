"""What makes batches of several arrays: it says their shapes, and fills them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Array:
    """Shape and type of one array of a batch."""

    shape: tuple[int, ...]
    dtype: str = "float32"

    @property
    def bytes(self) -> int:
        """Size in memory."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def empty(self) -> np.ndarray:
        """A new array, not filled."""
        return np.empty(self.shape, self.dtype)


class Maker(Protocol):
    """Makes a batch of several arrays from its number alone, so that any thread or process can make it."""

    @property
    def arrays(self) -> tuple[Array, ...]:
        """Shapes and types of a batch's arrays."""

    @property
    def fill(self) -> Callable[..., None]:
        """Called with the number of a batch, from 0, and its arrays, which it fills."""
