"""Batches whose photos cost nothing, for `speed`; a module of its own, which other processes can import."""

from dataclasses import dataclass

import numpy as np

from poseport import crop
from poseport.train.samples import sample
from poseport.train.samples.crop_batches import CropBatches
from poseport.train.samples.maker import Array


@dataclass(frozen=True, eq=False)
class FreePhotos:
    """As `batches`, but nothing is decoded and nothing is warped.

    Attributes:
        batches: What makes the batches.
        photo: (h, w, 3) uint8, every photo.
        ready: (H, W, 3) uint8, every crop.
    """

    batches: CropBatches
    photo: np.ndarray
    ready: np.ndarray

    @property
    def arrays(self) -> tuple[Array, ...]:
        """As those of `batches`."""
        return self.batches.arrays

    def fill(self, index: int, *arrays: np.ndarray) -> None:
        """Make a batch in place."""
        sample.read_image = lambda *_: self.photo
        crop.warp = lambda *_: self.ready
        self.batches.fill(index, *arrays)
