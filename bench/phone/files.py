"""What is sent to a phone to be measured: a description, and input tensors or whole images of people.

The description and its results are docs/android.md's; the app is the other reader.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from poseport.data import batches
from poseport.data.images import read_image
from poseport.data.people import Person
from poseport.records import dumps
from poseport.tflite.runner import Network

Mode = Literal["tensors", "images"]
Hardware = Literal["CPU", "GPU", "NNAPI"]


@dataclass(frozen=True)
class ImageEntry:
    """One person of `images.bin`: where the RGB bytes of the image begin, and the one box in it."""

    width: int
    height: int
    offset: int
    boxes_xywh: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Description:
    """`run.json`. model: its file's name beside it. count: people. warm_up, repeat: untimed and timed inferences
    behind them. part: of a long run that is measured again and again, which time this is.
    """

    model: str
    mode: Mode
    hardware: Hardware
    threads: int
    count: int
    warm_up: int
    repeat: int
    images: tuple[ImageEntry, ...] = ()
    part: int = 0

    @property
    def text(self) -> str:
        """The file's text."""
        return dumps(self)

    def identity(self, model: bytes) -> str:
        """sha256 by which the app marks what it measured for this description with this model."""
        return hashlib.sha256(self.text.encode() + model).hexdigest()


@dataclass(frozen=True)
class Sent:
    """A file of people as it is sent. path: here. name: there. images: where each person is, of mode images."""

    path: Path
    mode: Mode
    sha256: str
    bytes: int
    count: int
    images: tuple[ImageEntry, ...] = ()

    @property
    def name(self) -> str:
        """What the app calls it."""
        return f"{self.mode}.bin"


def write_people(
    network: Network, persons: Sequence[Person], mode: Mode, folder: Path, progress: Callable[[int], None]
) -> Sent:
    """Write the people of a run into a folder, in a file named by its content: input tensors of `network`, bit for
    bit what it is fed here, or whole images, each once.

    progress: called with the number of people just done. Raises ValueError for an image that cannot be read, or a
    place that cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / ".people.part"
    try:
        with open(beside, "wb") as file:
            if mode == "tensors":
                images: tuple[ImageEntry, ...] = ()
                for batch in batches.batches(network.spec, persons):
                    file.write(np.ascontiguousarray(network.prepare(batch.crops)).tobytes())
                    progress(len(batch.persons))
            else:
                images = _write_images(file, persons, progress)
        with open(beside, "rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        path = folder / f"{mode}-{digest[:16]}.bin"
        os.replace(beside, path)
    except OSError as error:
        raise ValueError(f"{folder}: cannot be written ({error.strerror}); choose another --out") from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return Sent(path, mode, digest, path.stat().st_size, len(persons), images)


def _write_images(file: BinaryIO, persons: Sequence[Person], progress: Callable[[int], None]) -> tuple[ImageEntry, ...]:
    known: dict[Path, tuple[int, int, int]] = {}
    entries = []
    for person in persons:
        if person.image_path not in known:
            image = read_image(person.image_path, person.image_hw)
            known[person.image_path] = (image.shape[1], image.shape[0], file.tell())
            file.write(image.tobytes())
        width, height, offset = known[person.image_path]
        entries.append(ImageEntry(width, height, offset, (person.box_xywh,)))
        progress(1)
    return tuple(entries)
